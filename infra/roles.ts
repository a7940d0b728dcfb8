import { Aws } from 'aws-cdk-lib';
import { AccountPrincipal, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import {
  allowInRegion,
  lists,
  looksAtStacks,
  objects,
  readsArchives,
  readsBundles,
  readsCatalogue,
  usesKeys,
} from './access.ts';
import { anyRegion, type Deployment, functionArn, tableArn } from './places.ts';
import { PodfreightRole } from './role.ts';

/** Session tags that say for which node credentials were made. */
export const CLUSTER_TAG = 'podfreight-cluster';
export const NODE_TAG = 'podfreight-node';
/** @see https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html */
const EKS_CLUSTER_TAG = 'eks-cluster-name';

const tag = (name: string) => `\${aws:PrincipalTag/${name}}`;

/** Roles of nodes and people, good for every region. They are made in the primary one's stack, since IAM has no regions. */
export class Roles extends Construct {
  readonly agent: PodfreightRole;
  readonly oneNode: PodfreightRole;
  readonly operator: PodfreightRole;
  readonly reader: PodfreightRole;

  constructor(scope: Construct, id: string, deployment: Deployment) {
    super(scope, id);
    // EKS names cluster and pod in the tags of a session, and not the node.
    this.agent = new PodfreightRole(this, 'Agent', {
      assumedBy: new ServicePrincipal('pods.eks.amazonaws.com').withSessionTags(),
      description: 'podfreight: agents by EKS Pod Identity; they create and read archives of their own cluster',
    });
    pushes(this.agent, deployment, `${tag(EKS_CLUSTER_TAG)}/*`);

    // Without one of the tags, nothing below has a name, and nothing is allowed.
    this.oneNode = new PodfreightRole(this, 'Node', {
      assumedBy: new AccountPrincipal(Aws.ACCOUNT_ID)
        .withConditions({
          Null: { [`aws:RequestTag/${CLUSTER_TAG}`]: 'false', [`aws:RequestTag/${NODE_TAG}`]: 'false' },
        })
        .withSessionTags(),
      description: 'podfreight: one node, named by session tags; it creates and reads its own archives',
    });
    pushes(this.oneNode, deployment, `${tag(CLUSTER_TAG)}/${tag(NODE_TAG)}/*`);

    this.reader = new PodfreightRole(this, 'Reader', {
      assumedBy: new AccountPrincipal(Aws.ACCOUNT_ID),
      description: 'podfreight: people and nodes that list and pull',
    });
    // `podfreight doctor` looks whether what is deleted can be brought back.
    readsArchives(this.reader, deployment, ['s3:GetBucketVersioning']);
    readsBundles(this.reader, deployment, ['s3:GetBucketVersioning']);
    readsCatalogue(this.reader, deployment);
    looksAtStacks(this.reader, deployment);

    this.operator = new PodfreightRole(this, 'Operator', {
      assumedBy: new AccountPrincipal(Aws.ACCOUNT_ID),
      description: 'podfreight: people who list, bundle, pull, remove and hold',
      besides: this.reader,
    });
    operates(this.operator, deployment);
  }
}

/** @param keys of archives, as far as they are the pusher's own */
function pushes(role: PodfreightRole, deployment: Deployment, keys: string): void {
  const { places } = deployment;
  const buckets = places.map(({ archivesBucket }) => archivesBucket);
  // A key that is taken is compared with what was to be pushed, and an upload that was cut off is gone on with.
  const reading = ['s3:GetObject', 's3:GetObjectVersion', 's3:ListMultipartUploadParts'];
  objects(role, buckets, keys, ['s3:PutObject', 's3:AbortMultipartUpload', ...reading]);
  lists(role, buckets, ['s3:ListBucketMultipartUploads']);
  usesKeys(role, deployment, 'archives', ['kms:Decrypt', 'kms:GenerateDataKey']);
  // Before anything is removed from a node: whether the catalogue has it.
  allowInRegion(role, ['dynamodb:GetItem'], [tableArn(deployment, anyRegion(deployment))], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': buckets.map((bucket) => `ARCHIVE#${bucket}/${keys}`) },
    Null: { 'dynamodb:LeadingKeys': 'false' },
  });
}

/** Removing leaves a version, which the bucket's rules keep for a while; nothing here removes that. */
function operates(role: PodfreightRole, deployment: Deployment): void {
  const { places } = deployment;
  allowInRegion(role, ['lambda:InvokeFunction'], [functionArn('create-bundle', deployment, anyRegion(deployment))]);
  const buckets = places.map(({ archivesBucket }) => archivesBucket);
  // Legal holds also where the bucket has none: only so does S3 say that.
  objects(role, buckets, '*', ['s3:DeleteObject', 's3:PutObjectLegalHold']);
  // Holds and removals, and what becomes of an archive by them.
  const archives = places.map(({ archivesBucket }) => `ARCHIVE#${archivesBucket}/*`);
  const actions = ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:BatchWriteItem'];
  allowInRegion(role, actions, [tableArn(deployment, anyRegion(deployment))], {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': archives },
    Null: { 'dynamodb:LeadingKeys': 'false' },
  });
}

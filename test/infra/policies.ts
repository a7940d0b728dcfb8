// AGPL-3.0: it simulates IAM for tests, and is no part of what is built or shipped.
import { runSimulation } from '@cloud-copilot/iam-simulate';
import type { Call, Principal } from '../../infra/local/sessions.ts';
import { ACCOUNT, REGION, type Template } from '../../infra/local/template.ts';

interface RoleProperties {
  readonly ManagedPolicyArns: readonly string[];
  readonly AssumeRolePolicyDocument: object;
}

interface PolicyDocument {
  readonly Statement: readonly { readonly Action: string | readonly string[] }[];
}

/** A decision, and in whose words. */
export type Decision = 'Allowed' | 'ImplicitlyDenied' | 'ExplicitlyDenied';

type Context = Readonly<Record<string, string | readonly string[]>>;

/** What every request over TLS to this account's resources says of itself. */
const ALWAYS: Context = {
  'aws:SecureTransport': 'true',
  's3:TlsVersion': '1.3',
  'aws:ResourceAccount': ACCOUNT,
  'aws:PrincipalAccount': ACCOUNT,
};

/** The simulator does not take this key, so another text's name, which nothing of ours uses, stands for it. */
const BUCKET_CONTEXT = 'kms:EncryptionContext:aws:s3:arn';
const readable = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(BUCKET_CONTEXT, 'kms:RequestAlias'));

/** The policies of a synthesised template, as IAM would evaluate them: the role's own with the resource's. */
export class Policies {
  readonly #documents = new Map<string, object>();
  readonly #roles: readonly { readonly logicalId: string; readonly arns: readonly string[]; readonly trust: object }[];
  readonly #ofResources = new Map<string, object>();
  readonly #decided = new Map<string, Promise<Decision>>();
  readonly keyArn: string;

  constructor(template: Template) {
    for (const { arn, properties } of template.resources<{ PolicyDocument: object }>('AWS::IAM::ManagedPolicy')) {
      this.#documents.set(arn, readable(properties.PolicyDocument));
    }
    this.#roles = template.resources<RoleProperties>('AWS::IAM::Role').map(({ logicalId, properties }) => ({
      logicalId,
      arns: properties.ManagedPolicyArns,
      trust: properties.AssumeRolePolicyDocument,
    }));
    interface Attached {
      readonly PolicyDocument: object;
      readonly Bucket?: string;
      readonly Queues?: readonly string[];
      readonly Topics?: readonly string[];
    }
    for (const { properties } of template.resources<Attached>('AWS::S3::BucketPolicy', 'AWS::SQS::QueuePolicy')) {
      const { Bucket, Queues = [], PolicyDocument } = properties;
      if (Bucket) this.#ofResources.set(`arn:aws:s3:::${Bucket}`, PolicyDocument);
      for (const name of Queues) this.#ofResources.set(`arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`, PolicyDocument);
    }
    const [key] = template.resources<{ KeyPolicy: object }>('AWS::KMS::Key');
    if (!key) throw new Error('The template has no key.');
    this.keyArn = key.arn;
    this.#ofResources.set(key.arn, key.properties.KeyPolicy);
  }

  /** Whether a role of ours has that name: `catalogue`, `create-bundle`, `agent`, … */
  knows(name: string): boolean {
    return this.#role(name) !== undefined;
  }

  /** All that a role's policies name, whatever on. */
  actionsOf(name: string): string[] {
    const documents = (this.#role(name)?.arns ?? []).map((arn) => this.#documents.get(arn) as PolicyDocument);
    return [...new Set(documents.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action)))].sort();
  }

  /** The call itself, and what S3 asks of the key in the caller's name. */
  async allows(call: Call): Promise<boolean> {
    for (const one of [call, ...this.keyCalls(call)]) if ((await this.decide(one)) !== 'Allowed') return false;
    return true;
  }

  /** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html "Permissions" */
  keyCalls({ principal, action, resource }: Call): Call[] {
    const bucketArn = resource.split('/')[0] ?? '';
    const conditions = {
      'aws:ResourceTag/podfreight': 'podfreight',
      'kms:ViaService': `s3.${REGION}.amazonaws.com`,
      // S3 uses the bucket's ARN for keys of buckets.
      [BUCKET_CONTEXT]: bucketArn,
    };
    const keyCall = (verb: string) => ({ principal, action: `kms:${verb}`, resource: this.keyArn, conditions });
    if (/^s3:GetObject(Version)?$/.test(action)) return [keyCall('Decrypt')];
    // A multipart upload's parts are decrypted to be put together.
    if (action === 's3:PutObject') return [keyCall('GenerateDataKey'), keyCall('Decrypt')];
    return [];
  }

  async decide(call: Call): Promise<Decision> {
    const key = JSON.stringify(call);
    const decision = this.#decided.get(key) ?? this.#simulate(call);
    this.#decided.set(key, decision);
    return await decision;
  }

  /** Whether the role's trust policy lets `principal` take it, with these tags of the session. */
  async trusts(
    name: string,
    principal: string,
    conditions: Context = {},
    action = 'sts:AssumeRole',
  ): Promise<Decision> {
    const role = this.#role(name);
    const resource = `arn:aws:iam::${ACCOUNT}:role/${name}`;
    const assume = { Effect: 'Allow', Action: ['sts:AssumeRole', 'sts:TagSession'], Resource: resource };
    const identityPolicies = principal.endsWith('amazonaws.com')
      ? []
      : [{ name: 'caller', policy: { Version: '2012-10-17', Statement: [assume] } }];
    return await decisionOf({
      request: { action, principal, resource: { resource, accountId: ACCOUNT }, contextVariables: context(conditions) },
      identityPolicies,
      resourcePolicy: role?.trust,
    });
  }

  async #simulate({ principal, action, resource, conditions }: Call): Promise<Decision> {
    const role = this.#role(principal.name);
    if (!role) throw new Error(`The template has no role for ${principal.name}.`);
    const resourcePolicy = this.#ofResources.get(
      resource.startsWith('arn:aws:s3') ? (resource.split('/')[0] ?? '') : resource,
    );
    return await decisionOf({
      request: {
        action,
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${principal.name}/session`,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: context(readable({ ...tagsOf(principal), ...conditions })),
      },
      identityPolicies: role.arns.map((arn) => ({ name: arn, policy: this.#documents.get(arn) })),
      resourcePolicy,
    });
  }

  #role(name: string) {
    const id = name.replace(/(^|-)[a-z]/g, (letter) => letter.slice(-1).toUpperCase());
    return this.#roles.find(({ logicalId }) => new RegExp(`${id}(Role)?[0-9A-F]{8}$`).test(logicalId));
  }
}

function tagsOf({ tags = {} }: Principal): Context {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:PrincipalTag/${name}`, value]));
}

function context(conditions: Context): Record<string, string | string[]> {
  const all = Object.entries({ ...ALWAYS, ...conditions });
  return Object.fromEntries(all.map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]));
}

async function decisionOf(
  simulation: Pick<Parameters<typeof runSimulation>[0], 'request' | 'identityPolicies' | 'resourcePolicy'>,
): Promise<Decision> {
  const result = await runSimulation({ ...simulation, serviceControlPolicies: [], resourceControlPolicies: [] }, {});
  if (result.resultType === 'error') throw new Error(JSON.stringify(result.errors));
  if (result.resultType !== 'single') throw new Error(`${simulation.request.action} was not one question`);
  return result.overallResult as Decision;
}

import { PodfreightError } from '../../core/errors.ts';

/** A place that does not exist, so that nothing here is mistaken for a real account. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

interface RawResource {
  readonly Type: string;
  readonly Properties?: { readonly [name: string]: Json };
}

export interface RawTemplate {
  readonly Resources: Readonly<Record<string, RawResource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: Json }>>;
}

/** One resource with the values of its properties: no intrinsic functions left. */
export interface Resource<Properties> {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly properties: Properties;
}

interface ResourceType {
  readonly nameProperty: string;
  readonly arn: (name: string, region: string) => string;
  /** `Ref` gives the ARN instead of the name. */
  readonly refIsArn?: true;
}

/** How a resource type is named, in its property and in its ARN. */
const TYPES: Readonly<Record<string, ResourceType>> = {
  'AWS::S3::Bucket': { nameProperty: 'BucketName', arn: (name) => `arn:aws:s3:::${name}` },
  'AWS::SQS::Queue': { nameProperty: 'QueueName', arn: (name, region) => regional('sqs', name, region) },
  'AWS::DynamoDB::Table': {
    nameProperty: 'TableName',
    arn: (name, region) => regional('dynamodb', `table/${name}`, region),
  },
  'AWS::DynamoDB::GlobalTable': {
    nameProperty: 'TableName',
    arn: (name, region) => regional('dynamodb', `table/${name}`, region),
  },
  'AWS::Lambda::Function': {
    nameProperty: 'FunctionName',
    arn: (name, region) => regional('lambda', `function:${name}`, region),
  },
  'AWS::Events::Rule': { nameProperty: 'Name', arn: (name, region) => regional('events', `rule/${name}`, region) },
  'AWS::Logs::LogGroup': {
    nameProperty: 'LogGroupName',
    arn: (name, region) => regional('logs', `log-group:${name}:*`, region),
  },
  'AWS::IAM::Role': { nameProperty: 'RoleName', arn: (name) => `arn:aws:iam::${ACCOUNT}:role/${name}` },
  'AWS::IAM::ManagedPolicy': {
    nameProperty: 'ManagedPolicyName',
    arn: (name) => `arn:aws:iam::${ACCOUNT}:policy/${name}`,
    refIsArn: true,
  },
  'AWS::KMS::Key': { nameProperty: 'KeyId', arn: (name, region) => regional('kms', `key/${name}`, region) },
  'AWS::SNS::Topic': {
    nameProperty: 'TopicName',
    arn: (name, region) => regional('sns', name, region),
    refIsArn: true,
  },
};

/** What `Fn::GetAtt` gives beside `Arn` for the types above: always the name. */
const NAME_ATTRIBUTES = ['QueueName', 'FunctionName', 'TableName', 'BucketName'];

const PSEUDO_PARAMETERS: Readonly<Record<string, string | undefined>> = {
  'AWS::AccountId': ACCOUNT,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::NoValue': undefined,
};

/** An ARN in a region. */
export function regional(service: string, rest: string, region: string = REGION): string {
  return `arn:aws:${service}:${region}:${ACCOUNT}:${rest}`;
}

/**
 * A synthesised CloudFormation template, read the way CloudFormation would: every resource has a name and an ARN, and
 * `Ref`, `Fn::GetAtt`, `Fn::Join` and `Fn::Sub` are resolved. Anything else is an error and never a guess.
 */
export class Template {
  readonly stackName: string;
  readonly region: string;
  readonly #raw: RawTemplate;

  constructor(stackName: string, raw: RawTemplate, region: string = REGION) {
    this.stackName = stackName;
    this.region = region;
    this.#raw = raw;
  }

  /**
   * All resources of one of `types`, in the template's order. The shape of `Properties` is CloudFormation's, and the
   * caller's to know.
   * @throws PodfreightError `unsupported` for an intrinsic function that is not understood
   */
  resources<Properties>(...types: string[]): Resource<Properties>[] {
    return Object.entries(this.#raw.Resources)
      .filter(([, { Type }]) => types.includes(Type))
      .map(([logicalId, { Type, Properties }]) => ({
        logicalId,
        name: this.#name(logicalId),
        arn: TYPES[Type] ? this.#arn(logicalId) : '',
        properties: this.#resolve(Properties ?? {}) as Properties,
      }));
  }

  /** @throws PodfreightError `not-found` when the template has no such output */
  output(name: string): string {
    const output = this.#raw.Outputs?.[name];
    if (!output) throw new PodfreightError('not-found', `The synthesised template has no output "${name}".`);
    return String(this.#resolve(output.Value));
  }

  /** Resource types of the template that are not among `types`. */
  typesOtherThan(types: readonly string[]): string[] {
    const all = Object.values(this.#raw.Resources).map(({ Type }) => Type);
    return [...new Set(all)].filter((type) => !types.includes(type)).sort();
  }

  /** The name given, or one made as CloudFormation does it, without the random end: `podfreight-buckets-archives`. */
  #name(logicalId: string): string {
    const { Type, Properties } = this.#resource(logicalId);
    const nameProperty = TYPES[Type]?.nameProperty;
    const given = nameProperty === undefined ? undefined : Properties?.[nameProperty];
    if (given !== undefined) return String(this.#resolve(given));
    const words = logicalId.replace(/[0-9A-F]{8}$/, '').match(/[A-Z][a-z0-9]*/g) ?? [logicalId];
    return [this.stackName, ...words].join('-').toLowerCase();
  }

  #arn(logicalId: string): string {
    const { Type } = this.#resource(logicalId);
    const type = TYPES[Type];
    if (!type)
      throw new PodfreightError('unsupported', `The embedded stack knows no ARN for a resource of type ${Type}.`);
    return type.arn(this.#name(logicalId), this.region);
  }

  #resource(logicalId: string): RawResource {
    const resource = this.#raw.Resources[logicalId];
    if (!resource) throw new PodfreightError('not-found', `The synthesised template has no resource "${logicalId}".`);
    return resource;
  }

  #resolve(value: Json): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#resolve(item)).filter((item) => item !== undefined);
    if (typeof value !== 'object' || value === null) return value;
    const [[name, argument] = ['', null], ...more] = Object.entries(value);
    if (more.length === 0 && (name === 'Ref' || name.startsWith('Fn::'))) return this.#intrinsic(name, argument);
    const entries = Object.entries(value).map(([key, item]) => [key, this.#resolve(item)] as const);
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
  }

  #intrinsic(name: string, argument: Json): unknown {
    switch (name) {
      case 'Ref':
        return this.#ref(String(argument));
      case 'Fn::GetAtt': {
        const [logicalId, attribute] = argument as [string, string];
        return this.#attribute(logicalId, attribute);
      }
      case 'Fn::Join': {
        const [separator, items] = argument as [string, readonly Json[]];
        return (this.#resolve(items) as unknown[]).join(separator);
      }
      case 'Fn::Sub':
        if (typeof argument === 'string') return this.#substitute(argument);
    }
    throw new PodfreightError('unsupported', `The embedded stack does not understand ${name} in the template.`);
  }

  #ref(name: string): string | undefined {
    if (name in PSEUDO_PARAMETERS) return PSEUDO_PARAMETERS[name];
    if (name === 'AWS::StackName') return this.stackName;
    if (name === 'AWS::Region') return this.region;
    return TYPES[this.#resource(name).Type]?.refIsArn ? this.#arn(name) : this.#name(name);
  }

  #attribute(logicalId: string, attribute: string): string {
    if (attribute === 'Arn') return this.#arn(logicalId);
    if (NAME_ATTRIBUTES.includes(attribute)) return this.#name(logicalId);
    const { Type } = this.#resource(logicalId);
    throw new PodfreightError('unsupported', `The embedded stack knows no attribute "${attribute}" of ${Type}.`);
  }

  /** `${Name}`, `${Name.Attribute}`, and `${!Literal}` for `${Literal}`. */
  #substitute(text: string): string {
    return text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      const dot = name.indexOf('.');
      return dot < 0 ? String(this.#ref(name)) : this.#attribute(name.slice(0, dot), name.slice(dot + 1));
    });
  }
}

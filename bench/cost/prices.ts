/** A price of AWS, and the page that has it. */
interface Price {
  readonly dollars: number;
  readonly per: string;
  readonly source: string;
}

export const KNOWN_IN = 'November 2026';
export const PRICED_REGION = 'us-east-1';

/** Without free tiers, discounts for much, and taxes. */
export const PRICES = {
  s3Put: { dollars: 5 / 1e6, per: 'request PUT, COPY, POST or LIST', source: 'https://aws.amazon.com/s3/pricing/' },
  s3Get: { dollars: 0.4 / 1e6, per: 'request GET or HEAD', source: 'https://aws.amazon.com/s3/pricing/' },
  s3Storage: { dollars: 0.023, per: 'GB and month', source: 'https://aws.amazon.com/s3/pricing/' },
  transfer: { dollars: 0.02, per: 'GB to another region', source: 'https://aws.amazon.com/s3/pricing/' },
  dynamodbWrite: {
    dollars: 0.625 / 1e6,
    per: 'write of 1 KB',
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  },
  dynamodbRead: {
    dollars: 0.125 / 1e6,
    per: 'consistent read of 4 KB',
    source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/',
  },
  lambdaRequest: { dollars: 0.2 / 1e6, per: 'invocation', source: 'https://aws.amazon.com/lambda/pricing/' },
  lambdaGbSecond: {
    dollars: 0.0000133334,
    per: 'GB and second, arm64',
    source: 'https://aws.amazon.com/lambda/pricing/',
  },
  sqs: { dollars: 0.4 / 1e6, per: 'request', source: 'https://aws.amazon.com/sqs/pricing/' },
  kmsKey: {
    dollars: 1,
    per: 'version of a key and month, for the first three',
    source: 'https://aws.amazon.com/kms/pricing/',
  },
  kmsRequest: { dollars: 0.03 / 1e4, per: 'request', source: 'https://aws.amazon.com/kms/pricing/' },
  alarm: { dollars: 0.1, per: 'metric of an alarm and month', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  metric: { dollars: 0.3, per: 'metric of our own and month', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
} as const satisfies Record<string, Price>;

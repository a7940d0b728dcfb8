import { Aws, Duration, Validations } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  MathExpression,
  Metric,
  TextWidget,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { FunctionName } from './bundle-functions.ts';
import type { Config } from './config.ts';
import type { ObjectEvents } from './events.ts';
import type { PodfreightFunction } from './function.ts';

const RUNBOOK = 'docs/runbook.md';
const PERIOD = Duration.minutes(5);
/** A minute as a rule. After a failure, messages wait for the queue's visibility timeout of six. */
const OLD_EVENT = Duration.minutes(30);

/** Each has a heading of the same words in docs/runbook.md. */
export const ALARMS = {
  EventsAreLate: 'Events are late',
  DeadLetters: 'Dead letters',
  ObjectsRejected: 'Objects rejected',
  CatalogueFails: 'The catalogue function fails',
  BundlesFail: 'Bundles fail',
  FunctionsAreThrottled: 'Functions are throttled',
  ReconcilingFails: 'Reconciling fails',
  RetentionFails: 'Retention fails',
  ReconcileDifferences: 'Catalogue and buckets differ',
} as const;

/** An anchor as Markdown readers make it of a heading. */
export function runbookLink(heading: string): string {
  return `${RUNBOOK}#${heading.toLowerCase().replaceAll(' ', '-')}`;
}

interface Watched {
  readonly events: ObjectEvents;
  /** All of them. */
  readonly functions: Readonly<Record<FunctionName, PodfreightFunction>>;
}

/** What tells the people who run it: alarms, where they go, and a dashboard. */
export class Operations extends Construct {
  readonly topic: Topic;
  readonly dashboard: Dashboard;
  readonly #config: Config;

  constructor(scope: Construct, id: string, config: Config, key: IKey, watched: Watched) {
    super(scope, id);
    this.#config = config;
    const { events, functions } = watched;
    const { catalogue, 'create-bundle': createBundle, reconcile, retention } = functions;
    this.topic = new Topic(this, 'Alarms', { displayName: 'podfreight', masterKey: key, enforceSSL: true });
    // A topic with a policy of its own has no other; without this, alarms would go nowhere.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Alarms',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
    );
    if (config.alarmEmail) {
      const subscription = this.topic.addSubscription(new EmailSubscription(config.alarmEmail));
      Validations.of(subscription).acknowledge({
        id: 'Serverless-SNSRedrivePolicy',
        reason: 'What mail does not take is no loss: the alarm itself stays in CloudWatch, and on the dashboard.',
      });
    }

    const age = events.queue.metricApproximateAgeOfOldestMessage({ period: PERIOD, statistic: 'Maximum' });
    const aside = events.deadLetters.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' });
    const rejected = this.#count('ObjectsRejected', 'catalogue');
    const differences = this.#count('ReconcileDifferences', 'reconcile');
    const catalogueErrors = catalogue.function.metricErrors({ period: PERIOD });
    const bundleErrors = createBundle.function.metricErrors({ period: PERIOD });
    const reconcileErrors = reconcile.function.metricErrors({ period: PERIOD });
    const retentionErrors = retention.function.metricErrors({ period: PERIOD });
    const refused = this.#count('BundlesRefused', 'create-bundle');
    const failed = new MathExpression({
      label: 'Bundles failed',
      expression: 'errors - FILL(refused, 0)',
      usingMetrics: { errors: bundleErrors, refused },
      period: PERIOD,
    });
    const throttled = Object.entries(functions).map(
      ([name, one]) => [name.replaceAll('-', '_'), one.function.metricThrottles({ period: PERIOD })] as const,
    );
    const throttles = new MathExpression({
      label: 'Throttled',
      expression: throttled.map(([id]) => `FILL(${id}, 0)`).join(' + '),
      usingMetrics: Object.fromEntries(throttled),
      period: PERIOD,
    });

    this.#alarm('EventsAreLate', 'The oldest event has been waiting for long.', age, {
      threshold: OLD_EVENT.toSeconds(),
      periods: 2,
    });
    this.#alarm('DeadLetters', 'Something could not be catalogued and was put aside.', aside);
    this.#alarm('ObjectsRejected', 'Something came to the archives bucket that is no archive.', rejected);
    this.#alarm('CatalogueFails', 'The function crashed or ran out of time.', catalogueErrors);
    this.#alarm('BundlesFail', 'A bundle failed for a reason that is not in what was asked for.', failed);
    this.#alarm('FunctionsAreThrottled', 'Lambda turned invocations away.', throttles, { periods: 3 });
    this.#alarm('ReconcilingFails', 'Comparing buckets and catalogue crashed or ran out of time.', reconcileErrors);
    this.#alarm('RetentionFails', 'Removing what the policy lets go crashed or ran out of time.', retentionErrors);
    this.#alarm('ReconcileDifferences', 'Reconciling found and healed something, or could not.', differences);

    this.dashboard = new Dashboard(this, 'Dashboard', { defaultInterval: Duration.days(1) });
    const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
      new GraphWidget({ title, left, right, width: 8, height: 6, liveData: false });
    this.dashboard.addWidgets(new TextWidget({ markdown: dashboardText(config), width: 24, height: 3 }));
    this.dashboard.addWidgets(
      graph('Archives', [
        this.#count('ArchivesCatalogued', 'catalogue'),
        this.#count('ArchivesForgotten', 'catalogue'),
        rejected,
      ]),
      graph(
        'Events waiting, and the age of the oldest (s)',
        [events.queue.metricApproximateNumberOfMessagesVisible({ period: PERIOD, statistic: 'Maximum' }), aside],
        [age],
      ),
      graph('Bundles', [this.#count('BundlesCreated', 'create-bundle'), refused, failed]),
    );
    this.dashboard.addWidgets(
      graph('Failures', [
        catalogueErrors,
        bundleErrors,
        reconcileErrors,
        retentionErrors,
        this.#count('MessagesFailed', 'catalogue'),
        throttles,
      ]),
      graph(
        'Duration (ms)',
        [catalogue, createBundle].map((one) => one.function.metricDuration({ period: PERIOD, statistic: 'p99' })),
      ),
      graph('Bytes through the bundle function', [this.#count('BytesThrough', 'create-bundle')], [differences]),
    );
  }

  /** Of ours, by Powertools' EMF. */
  #count(metricName: string, service: FunctionName): Metric {
    return new Metric({
      namespace: this.#config.stackName,
      metricName,
      dimensionsMap: { service },
      statistic: 'Sum',
      period: PERIOD,
    });
  }

  #alarm(
    id: keyof typeof ALARMS,
    what: string,
    metric: IMetric,
    { threshold = 0, periods = 1 }: { threshold?: number; periods?: number } = {},
  ): void {
    const alarm = new Alarm(this, id, {
      alarmName: `${this.#config.stackName} ${ALARMS[id]}`,
      alarmDescription: `${what} What to do: ${runbookLink(ALARMS[id])}`,
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
  }
}

function dashboardText({ stackName }: Config): string {
  return `# ${stackName}\nArchives come by S3's events and a queue into the catalogue; bundles are made when somebody asks. What each alarm means and what to do: \`${RUNBOOK}\`.`;
}

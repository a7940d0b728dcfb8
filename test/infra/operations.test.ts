import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { FIXED } from '../../bench/cost/document.ts';
import { DIFFERENCES } from '../../core/reconcile/run.ts';
import { FUNCTIONS } from '../../infra/bundle-functions.ts';
import { ALARMS, runbookLink } from '../../infra/operations.ts';
import { idOf, synthesis } from './synthesis.ts';

const { templates } = synthesis({ alarmEmail: 'ops@example.com' });
const template = templates[0] ?? assert.fail('there is no stack');
const runbook = readFileSync(join(import.meta.dirname, '../../docs/runbook.md'), 'utf8');

/** What stands below a heading of the second level. */
function section(heading: string): string {
  const [, text] = runbook.split(`\n## ${heading}\n`);
  return text?.split('\n## ')[0] ?? assert.fail(`docs/runbook.md has no heading "${heading}"`);
}

const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);

interface WatchedMetric {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Value: { readonly Ref?: string } }[];
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Metric: WatchedMetric } }[];
}

/** The metrics of an alarm: itself, or those of its expression. */
function metricsOf(alarm: WatchedMetric): WatchedMetric[] {
  if (alarm.MetricName !== undefined) return [alarm];
  return (alarm.Metrics ?? []).flatMap(({ MetricStat }) => (MetricStat ? metricsOf(MetricStat.Metric) : []));
}

test('there is an alarm for each heading, which links to it and says what, how to look and what to do', () => {
  assert.deepEqual(
    alarms.map(({ AlarmName }) => AlarmName).sort(),
    Object.values(ALARMS)
      .map((heading) => `podfreight ${heading}`)
      .sort(),
  );
  for (const heading of Object.values(ALARMS)) {
    const alarm = alarms.find(({ AlarmName }) => AlarmName === `podfreight ${heading}`);
    assert.ok(alarm?.AlarmDescription.endsWith(`What to do: ${runbookLink(heading)}`), alarm?.AlarmDescription);
    assert.match(section(heading), /\*\*Description\.\*\*.*\*\*Investigation\.\*\*.*\*\*Resolution\.\*\*/s);
  }
});

test('every link within the runbook leads to a heading', () => {
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replaceAll(' ', '-').replaceAll(',', ''),
  );
  for (const [, anchor = ''] of runbook.matchAll(/\]\(#([^)]+)\)/g)) assert.ok(anchors.includes(anchor), anchor);
});

test('alarms go to an encrypted topic when they begin and when they end, and from there to an address', () => {
  const topic = idOf(template, 'AWS::SNS::Topic', 'OperationsAlarms');
  for (const { AlarmActions, OKActions, TreatMissingData } of alarms) {
    assert.deepEqual([AlarmActions, OKActions, TreatMissingData], [[{ Ref: topic }], [{ Ref: topic }], 'notBreaching']);
  }
  template.hasResourceProperties('AWS::SNS::Topic', {
    KmsMasterKeyId: { 'Fn::GetAtt': [idOf(template, 'AWS::KMS::Key', 'Key'), 'Arn'] },
  });
  template.hasResourceProperties('AWS::SNS::TopicPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Effect: 'Allow',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Action: 'sns:Publish',
          Resource: { Ref: topic },
        }),
      ]),
    },
  });
  template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
  template.hasResourceProperties('AWS::KMS::Key', {
    KeyPolicy: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        }),
      ]),
    },
  });
});

test('what is watched is what the functions, queues and Lambda count', () => {
  const names = (alarm: WatchedMetric) => metricsOf(alarm).map((metric) => `${metric.Namespace} ${metric.MetricName}`);
  const watched = Object.fromEntries(alarms.map((alarm) => [alarm.AlarmName, names(alarm)]));
  assert.deepEqual(watched, {
    'podfreight Events are late': ['AWS/SQS ApproximateAgeOfOldestMessage'],
    'podfreight Dead letters': ['AWS/SQS ApproximateNumberOfMessagesVisible'],
    'podfreight Objects rejected': ['podfreight ObjectsRejected'],
    'podfreight The catalogue function fails': ['AWS/Lambda Errors'],
    'podfreight Bundles fail': ['AWS/Lambda Errors', 'podfreight BundlesRefused'],
    'podfreight Functions are throttled': FUNCTIONS.map(() => 'AWS/Lambda Throttles'),
    'podfreight Reconciling fails': ['AWS/Lambda Errors'],
    'podfreight Retention fails': ['AWS/Lambda Errors'],
    'podfreight Catalogue and buckets differ': ['podfreight ReconcileDifferences'],
  });
});

test('no function can crash or be turned away without an alarm', () => {
  const all = Object.keys(template.findResources('AWS::Lambda::Function')).sort();
  assert.equal(all.length, FUNCTIONS.length);
  for (const metric of ['Errors', 'Throttles']) {
    const watched = alarms
      .flatMap(metricsOf)
      .filter(({ Namespace, MetricName }) => Namespace === 'AWS/Lambda' && MetricName === metric)
      .flatMap(({ Dimensions = [] }) => Dimensions.map(({ Value }) => Value.Ref ?? ''));
    assert.deepEqual(watched.sort(), all, metric);
  }
});

test('docs/cost.md counts as many metrics as alarms watch and functions count', () => {
  assert.equal(FIXED.alarmMetrics, alarms.flatMap(metricsOf).length);
  const sources = FUNCTIONS.map((name) =>
    readFileSync(join(import.meta.dirname, `../../lambda/${name}-handler.ts`), 'utf8'),
  );
  const named = sources.flatMap((source) => [...source.matchAll(/addMetric\('/g)]).length;
  const archiveStates = 3;
  assert.equal(FIXED.ownMetrics, named + archiveStates + DIFFERENCES.length);
});

test('a dashboard shows all metrics of ours', () => {
  template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  const body = JSON.stringify(dashboard?.Properties.DashboardBody);
  const counted = ['catalogue', 'create-bundle'].flatMap((name) => {
    const source = readFileSync(join(import.meta.dirname, `../../lambda/${name}-handler.ts`), 'utf8');
    return [...source.matchAll(/'([A-Z][A-Za-z]+)'(?=, MetricUnit|,\n)/g)].map(([, metric = '']) => metric);
  });
  assert.ok(counted.length >= 7, String(counted));
  for (const metric of counted) assert.ok(body.includes(metric), `${metric} is not on the dashboard`);
});

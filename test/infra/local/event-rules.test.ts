import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventRules, queuesFor } from '../../../infra/local/event-rules.ts';
import { Template } from '../../../infra/local/template.ts';

const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:events';

function rules(...properties: object[]) {
  const Resources = Object.fromEntries(
    properties.map((Properties, index) => [`Rule${index}`, { Type: 'AWS::Events::Rule', Properties }]),
  );
  return eventRules(new Template('stack', { Resources } as never));
}

test('an event goes to the queues of the rules that it fits', () => {
  const found = rules(
    {
      EventPattern: { source: ['aws.s3'] },
      Targets: [
        { Arn: `${QUEUE}-1`, Id: '0' },
        { Arn: `${QUEUE}-2`, Id: '1' },
      ],
    },
    { EventPattern: { source: ['aws.ec2'] }, Targets: [{ Arn: `${QUEUE}-3`, Id: '0' }] },
    { EventPattern: { source: ['aws.s3'] }, State: 'DISABLED', Targets: [{ Arn: `${QUEUE}-4`, Id: '0' }] },
  );
  assert.deepEqual(queuesFor({ source: 'aws.s3' }, found), [`${QUEUE}-1`, `${QUEUE}-2`]);
  assert.deepEqual(queuesFor({ source: 'aws.sns' }, found), []);
});

for (const target of [{ Arn: 'arn:aws:sns:us-east-1:000000000000:topic' }, { Arn: QUEUE, Input: '{}' }]) {
  test(`the target ${JSON.stringify(target)} is refused`, () => {
    assert.throws(() => rules({ EventPattern: {}, Targets: [target] }), { code: 'unsupported' });
  });
}

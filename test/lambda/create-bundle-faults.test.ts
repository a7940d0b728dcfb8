import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { BundleForecast, BundleResult } from '../../core/bundle/request.ts';
import { isPodfreightError } from '../../core/errors.ts';
import type { Fault } from '../../infra/local/s3/server.ts';
import { FULL, numbers, slice } from '../crash/slice.ts';
import { BundleUnderTest, type Target } from './bundle-under-test.ts';

// `npm run test:faults` tries every request with every fault, which takes minutes.

/** Operations that begin to answer before they know how it ends. */
const EAGER = /^(UploadPartCopy|CompleteMultipartUpload)$/;
/** Their answers have no body that could end early. */
const BODILESS = /^(HeadObject|PutObject|UploadPart|AbortMultipartUpload)$/;

const FAULTS: Readonly<Record<string, (operation: string) => Fault | undefined>> = {
  'fails with 500': () => ({ status: 500, code: 'InternalError' }),
  'is told to slow down': () => ({ status: 503, code: 'SlowDown' }),
  'finds the connection closed': () => 'drop',
  'gets no answer in time': () => 'hang',
  'fails within a success': (operation) => (EAGER.test(operation) ? { status: 200, code: 'InternalError' } : undefined),
  'is told to slow down within a success': (operation) =>
    EAGER.test(operation) ? { status: 200, code: 'SlowDown' } : undefined,
  'is done, but not answered': () => 'drop-answer',
  'is done, but not answered in time': () => 'hang-answer',
  'is done, but its answer breaks off': (operation) => (BODILESS.test(operation) ? undefined : { cutAfterBytes: 7 }),
};

/** From what the bundle is made, and which operations that takes. */
const BEGINNINGS: Readonly<
  Record<string, { begin: (bundle: BundleUnderTest, copies: number) => Promise<void>; operations: readonly string[] }>
> = {
  'from nothing': {
    begin: (bundle) => bundle.reset(),
    operations: [
      'CompleteMultipartUpload',
      'CreateMultipartUpload',
      'GetObject',
      'HeadObject',
      'ListMultipartUploads',
      'PutObject',
      'UploadPart',
      'UploadPartCopy',
    ],
  },
  'after a call that died': {
    begin: (bundle, copies) => bundle.leaveUnfinished(copies),
    operations: [
      'AbortMultipartUpload',
      'CompleteMultipartUpload',
      'CreateMultipartUpload',
      'GetObject',
      'HeadObject',
      'ListMultipartUploads',
      'ListParts',
      'UploadPart',
    ],
  },
};

describe('a bundle whose requests to S3 fail', () => {
  let bundle: BundleUnderTest;
  let copies: number;
  before(async () => {
    bundle = await BundleUnderTest.start();
    await bundle.assertRight(await bundle.ask());
    copies = (await bundle.operations()).filter((operation) => operation === 'UploadPartCopy').length;
    assert.ok(copies > 1);
  });
  after(() => bundle?.close());

  it('counts every request, and foretells how many it takes', async () => {
    // What cannot be copied was rewritten, which a forecast can only guess.
    await bundle.reset({ normalised: true });
    const forecast = (await bundle.ask({ dryRun: true })) as BundleForecast;
    await bundle.reset({ normalised: true });
    const result = (await bundle.ask()) as BundleResult;
    const operations = await bundle.operations();
    assert.equal(result.requests.s3, operations.length);
    assert.equal(result.requests.s3, forecast.requests.s3);
    // What there may be is opened, or found missing, by a GET; only the bundle that was made is asked when that was.
    assert.equal(operations.filter((operation) => operation === 'HeadObject').length, 1);
    assert.ok(forecast.requests.s3 <= 23, `${forecast.requests.s3} requests`);

    await bundle.reset();
    const failed = bundle.fault({ operation: 'UploadPartCopy', nth: 1 }, { status: 500, code: 'InternalError' });
    const retried = (await bundle.ask()) as BundleResult;
    assert.equal(failed(), 1);
    assert.equal(retried.requests.s3, (await bundle.operations()).length);
  });

  for (const [b, [beginning, { begin, operations }]] of Object.entries(BEGINNINGS).entries()) {
    describe(beginning, () => {
      let all: string[];

      it('is made when none fails', async () => {
        await begin(bundle, copies);
        const answer = await bundle.ask();
        all = await bundle.operations();
        await bundle.assertRight(answer);
        assert.deepEqual([...new Set(all)].sort(), operations);
      });

      for (const [f, [what, faultOf]] of Object.entries(FAULTS).entries()) {
        if (!FULL && (f + b) % 2 === 0) continue;
        const ask = () => bundle.ask({ patience: !what.endsWith('in time') });

        it(`is made all the same when any one ${what}`, async (t) => {
          // They come in another order each time, but as many of each operation.
          const each: Required<Target>[] = all.map((operation, i) => ({
            operation,
            nth: all.slice(0, i + 1).filter((earlier) => earlier === operation).length,
          }));
          const able = each.filter(({ operation }) => faultOf(operation) !== undefined);
          const tried = slice(able, 12, 5 * f + b);
          for (const target of tried) {
            const name = `${target.operation} ${target.nth}`;
            await begin(bundle, copies);
            const met = bundle.fault(target, faultOf(target.operation)!);
            const answer = await ask().catch((error: unknown) => assert.fail(`${name}: ${error}`));
            assert.equal(met(), 1, name);
            bundle.heal();
            await bundle.assertRight(answer);
          }
          t.diagnostic(`${tried.length} of ${able.length}`);
        });

        it(`is made, or cleanly not, when every one of a kind ${what}`, async (t) => {
          const ended: string[] = [];
          const able = operations.filter((operation) => faultOf(operation) !== undefined);
          for (const operation of slice(able, 8, f + 3 * b)) {
            await begin(bundle, copies);
            const before = await bundle.unfinished();
            const met = bundle.fault({ operation }, faultOf(operation)!);
            const answer = await ask().catch((error: unknown) => error);
            bundle.heal();
            assert.ok(met() > 0, operation);
            if (isPodfreightError(answer)) {
              ended.push(`${operation}: ${answer.code}`);
              const text = `${operation}: ${answer.code}, ${answer.message}`;
              assert.ok(['service', 'unreachable'].includes(answer.code), text);
              // What an earlier call left may stay for the next one to go on with.
              const left = (await bundle.unfinished()).filter((uploadId) => !before.includes(uploadId));
              assert.deepEqual(left, [], operation);
            } else {
              ended.push(`${operation}: made`);
              // What could not be ended stays for the bucket's lifecycle rule, as there is nothing left to make.
              const couldEnd = operation !== 'AbortMultipartUpload';
              await bundle.assertRight(answer, { couldEnd });
              if (!couldEnd) continue;
            }
            await bundle.assertRight(await bundle.ask());
          }
          t.diagnostic(ended.join(', '));
        });
      }

      it('is made by who asks next when S3 was gone from any request on', async () => {
        for (const from of slice(numbers(all.length), 15, 7 + 5 * b)) {
          await begin(bundle, copies);
          bundle.goneFrom(from);
          const answer = await bundle.ask().catch((error: unknown) => error);
          bundle.heal();
          // Ending what others began is the last thing, and may fail.
          if (isPodfreightError(answer)) {
            assert.equal(answer.code, 'service', answer.message);
            await bundle.assertRight(await bundle.ask());
          } else await bundle.assertRight(answer, { couldEnd: false });
        }
      });
    });
  }
});

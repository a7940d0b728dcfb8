import assert from 'node:assert/strict';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { archiveOf } from '../core/catalogue/archives.ts';
import { Cloud } from './cloud.ts';

/** Three checkpoints of `default/app`, an hour apart, and one of `default/other`. */
const TIMES = ['20261122T100000Z', '20261122T110000Z', '20261122T120000Z'];
export const appKey = (i: number) => `default/node-a/app-${i}/${TIMES[i]}.tar.zst`;
export const OTHER_KEY = 'default/node-a/other/20261122T100000Z.tar.zst';

/** Called in a suite: the cloud with these in it, and what its tests ask. */
export function cloudWithArchives() {
  const cloud = new Cloud(async (up) => {
    for (const [i, time] of TIMES.entries()) {
      const modifiedAt = new Date(time.replace(/(....)(..)(..T..)(..)(..)/, '$1-$2-$3:$4:$5'));
      const pod = { sandboxId: `app-${i}`, namespace: 'default', name: 'app', modifiedAt };
      await up.put(up.archives, appKey(i), await archiveOf([pod]));
    }
    await up.put(up.archives, OTHER_KEY, await archiveOf([{ sandboxId: 'other', name: 'other' }]));
    await up.stack.settled();
  });
  const url = (key: string) => `s3://${cloud.archives}/${key}`;

  async function ran(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await cloud.run(args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return stdout;
  }
  async function json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await ran(...args, '--json')) as T;
  }
  const listed = async () => {
    const { checkpoints } = await json<{ checkpoints: { sandboxId: string }[] }>('list');
    return checkpoints.map(({ sandboxId }) => sandboxId).sort();
  };
  const isThere = (Key: string) =>
    cloud.s3.send(new HeadObjectCommand({ Bucket: cloud.archives, Key })).then(
      () => true,
      () => false,
    );
  const invoke = <T>(name: string, payload: object) => cloud.invoke<T>(name, payload);
  return { cloud, url, ran, json, listed, isThere, invoke };
}

import assert from 'node:assert/strict';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { groupByPod } from '../../core/checkpoint/pod-groups.ts';
import { shipContainers } from '../../core/checkpoint/ship-containers.ts';
import { withoutRepeats } from '../../infra/local/s3/repeats.ts';
import type { RequestRecord } from '../../infra/local/s3/server.ts';
import { CREDENTIALS, type LocalS3, localS3 } from '../aws/local-s3.ts';
import { containerdArchive } from '../checkpoint-samples/containerd.ts';
import { crioArchive } from '../checkpoint-samples/cri-o.ts';
import { digestsOf, sampleFile } from '../checkpoint-samples/found.ts';
import { API, COUNTER, WEB } from '../checkpoint-samples/node.ts';
import { joined, lengthOf } from '../checkpoint-samples/pieces.ts';
import { podArchive } from '../checkpoint-samples/pod.ts';
import { writeSparseSample } from '../checkpoint-samples/write.ts';
import { FIXTURES, podfreight, type RunOptions, temporaryFolder } from './podfreight.ts';
import { rowsOf } from './table-rows.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

describe('podfreight show s3://bucket/key', () => {
  let s3: LocalS3;
  before(async () => {
    s3 = await localS3();
  });
  after(() => s3.close());

  /** Runs it on the endpoint, and tells what was asked of that. */
  async function run(args: readonly string[], options: RunOptions = {}) {
    s3.requests.length = 0;
    const env = {
      AWS_ENDPOINT_URL: s3.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    };
    const ended = await podfreight(args, { ...options, env });
    return { ...ended, requests: withoutRepeats(s3.requests) };
  }

  async function put(key: string, bytes: Buffer): Promise<string> {
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: bytes }));
    return `s3://${s3.bucket}/${key}`;
  }

  const SAMPLES: Readonly<Record<string, () => Promise<Buffer>>> = {
    'node-a.tar.zst': () => readFile(join(FIXTURES, 'node-a.tar.zst')),
    'podman-redis.tar.zst': () => readFile(join(FIXTURES, 'podman-redis.tar.zst')),
    'podman-web.tar.gz': () => readFile(join(FIXTURES, 'podman-web.tar.gz')),
    'cri-o.tar': async () => joined(crioArchive(COUNTER)),
    'containerd.tar': async () => joined(containerdArchive(API)),
    'pod-2021.tar': async () => joined(podArchive([COUNTER, WEB], 'list')),
    'pod-2026.tar': async () => joined(podArchive([COUNTER, WEB], 'map')),
    'ours.tar.zst': async () => {
      const files = [await sampleFile(COUNTER), await sampleFile(WEB)];
      const [group] = groupByPod(files).pods;
      const shipment = await shipContainers(group!, await digestsOf(files), 'tar+zstd');
      return Buffer.concat(await Array.fromAsync(shipment.body(), (chunk) => Buffer.from(chunk)));
    },
  };

  for (const [name, make] of Object.entries(SAMPLES)) {
    test(`podfreight show s3://archives/default/node/${name}  # as on disk`, async (t) => {
      const cwd = await temporaryFolder(t);
      const bytes = await make();
      await writeFile(join(cwd, name), bytes);
      const url = await put(`default/node/${name}`, bytes);
      for (const flags of [['--show-pod-uid', '--show-pod-ip'], ['--json']]) {
        const local = await podfreight(['show', name, ...flags], { cwd });
        const { stdout, stderr, code } = await run(['show', url, ...flags]);
        // The archive is called otherwise, and nothing else is.
        assert.equal(stdout.replaceAll(`"${url}"`, `"${name}"`).replace(`from ${url}`, `from ${name}`), local.stdout);
        assert.deepEqual([stderr, code], [local.stderr, 0]);
      }
    });
  }

  test('podfreight show local s3://…  # both, and one that is missing', async () => {
    const url = await put('default/node/web.tar.gz', await readFile(join(FIXTURES, 'podman-web.tar.gz')));
    const missing = `s3://${s3.bucket}/default/node/missing.tar`;
    const { stdout, stderr, code } = await run(['show', 'podman-web.tar.gz', missing, url], { cwd: FIXTURES });
    assert.deepEqual(
      rowsOf(stdout).map((row) => row.at(-1)),
      ['ARCHIVE', 'podman-web.tar.gz', url],
    );
    assert.match(stderr, /^podfreight: .*default\/node\/missing\.tar.*\.\n$/);
    assert.equal(code, 3);
  });

  /** As it lies in `path`, the long run of zeros in it made of one that S3 copies. */
  async function putSparse(path: string, key: string, zeros: { start: number; end: number }): Promise<void> {
    const object = { Bucket: s3.bucket, Key: key };
    const copyBytes = 128 * MIB;
    await put('zeros', Buffer.alloc(copyBytes));
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(object));
    await using file = await open(path);
    const { size } = await file.stat();
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    const upload = async (start: number, end: number) => {
      const { buffer: Body } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      const part = { ...object, UploadId, PartNumber: Parts.length + 1 };
      const { ETag } = await s3.client.send(new UploadPartCommand({ ...part, Body }));
      Parts.push({ PartNumber: part.PartNumber, ETag });
    };
    let at = Math.ceil(zeros.start / MIB) * MIB + 8 * MIB;
    await upload(0, at);
    for (; at + copyBytes <= zeros.end; at += copyBytes) {
      const part = { ...object, UploadId, PartNumber: Parts.length + 1 };
      const copy = new UploadPartCopyCommand({ ...part, CopySource: `${s3.bucket}/zeros` });
      const { CopyPartResult } = await s3.client.send(copy);
      Parts.push({ PartNumber: part.PartNumber, ETag: CopyPartResult?.ETag });
    }
    await upload(at, size);
    await s3.client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }));
  }

  test('podfreight show s3://archives/large.tar  # of 2 GiB it takes a handful of GETs', async (t) => {
    const path = join(await temporaryFolder(t), 'large.tar');
    const pieces = crioArchive({ ...COUNTER, processes: 1, pagesBytes: 2 * GIB, logBytes: 300_000 });
    await writeSparseSample(path, pieces);
    const position = pieces.findIndex((piece) => !Buffer.isBuffer(piece));
    const start = lengthOf(pieces.slice(0, position));
    await putSparse(path, 'large.tar', { start, end: start + 2 * GIB });

    const { stdout, stderr, code, requests } = await run(['show', `s3://${s3.bucket}/large.tar`]);
    const local = await podfreight(['show', path]);
    assert.deepEqual([rowsOf(stdout), stderr, code], [rowsOf(local.stdout), '', 0]);
    assert.equal(rowsOf(stdout)[1]?.[9], '2.0 GiB');
    const operations = Map.groupBy(requests, ({ operation }) => operation);
    assert.deepEqual([...operations.keys()].toSorted(), ['GetObject', 'HeadObject']);
    assert.equal(operations.get('HeadObject')?.length, 1);
    const gets = operations.get('GetObject') ?? [];
    assert.ok(gets.length <= 8, `${gets.length} GETs`);
    const received = gets.reduce((sum: number, { bytesOut }: RequestRecord) => sum + bytesOut, 0);
    assert.ok(received < MIB, `${received} bytes`);
  });
});

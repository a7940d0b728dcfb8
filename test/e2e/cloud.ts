import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { dynamodbSurvey } from '../../aws/dynamodb-catalogue.ts';
import { dynamodbClient } from '../../aws/dynamodb-client.ts';
import type { BundleRecord } from '../../core/catalogue/records.ts';
import { synthesise } from '../../infra/local/assembly.ts';
import type { Principal } from '../../infra/local/sessions.ts';
import { type LocalStack, type StackOptions, startStack } from '../../infra/local/stack.ts';
import { CallRecorder, ROLE_OF_COMMAND } from '../infra/calls.ts';
import { Policies } from '../infra/policies.ts';
import { podfreight, type RunOptions } from './podfreight.ts';

/** The embedded stack for the tests of one file, and what they ask it past the command line. */
export class Cloud {
  #stack: LocalStack | undefined;
  #s3: S3Client | undefined;
  #folder: string | undefined;

  readonly #calls = new CallRecorder();

  /**
   * Called in a suite: up before its first test, and gone after its last. Functions may do there what the template's
   * policies allow, and nothing else.
   */
  constructor(setUp: (cloud: Cloud) => Promise<void> = async () => {}, options: StackOptions = {}) {
    before(async () => {
      const policies = new Policies(synthesise()[0].template);
      this.#stack = await startStack({
        ...options,
        authorize: async (call) => {
          const allowed = !policies.knows(call.principal.name) || (await policies.allows(call));
          if (allowed) this.#calls.note(call);
          return allowed;
        },
      });
      this.#s3 = new S3Client({ endpoint: this.stack.endpoints.s3, forcePathStyle: true, ...this.#account });
      this.#folder = await mkdtemp(join(tmpdir(), 'podfreight-test-'));
      await setUp(this);
    });
    after(async () => {
      this.#s3?.destroy();
      await this.#stack?.close();
      if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
      assert.deepEqual([...this.#calls.unknown], [], 'calls that are not in test/infra/calls.ts');
    });
  }

  get stack(): LocalStack {
    return up(this.#stack);
  }
  get s3(): S3Client {
    return up(this.#s3);
  }
  /** For the whole suite. */
  get folder(): string {
    return up(this.#folder);
  }
  get archives(): string {
    return this.setting('PODFREIGHT_ARCHIVES_BUCKET');
  }
  get bundles(): string {
    return this.setting('PODFREIGHT_BUNDLES_BUCKET');
  }

  setting(name: string): string {
    return up(this.stack.environment[name]);
  }

  /** Runs `podfreight <args>` with the settings of the stack; all that it calls is allowed, and noted where a role does it. */
  run(args: readonly string[], { env, ...options }: RunOptions = {}) {
    const [command = ''] = args;
    if (command in ROLE_OF_COMMAND)
      return this.runAs({ name: `podfreight ${command}` }, args, { ...options, ...(env && { env }) });
    return podfreight(args, { ...options, env: { ...this.stack.environment, ...env } });
  }

  /** Runs `podfreight <args>` as somebody, who may do what the template's policies allow. */
  runAs(principal: Principal, args: readonly string[], { env, ...options }: RunOptions = {}) {
    const environment = { ...this.stack.environment, ...this.stack.credentialsOf(principal), ...env };
    return podfreight(args, { ...options, env: environment });
  }

  /** What a function answers. */
  async invoke<T>(name: string, payload: object): Promise<T> {
    const lambda = new LambdaClient({ endpoint: this.stack.endpoints.lambda, ...this.#account });
    const { Payload, FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(payload)) }),
    );
    lambda.destroy();
    const text = Buffer.from(Payload ?? []).toString();
    assert.equal(FunctionError, undefined, text);
    return JSON.parse(text) as T;
  }

  /** Takes a bundle's item from the table, as if it had never been written. */
  async forgetBundle(bundle: BundleRecord): Promise<void> {
    const client = dynamodbClient({ endpoint: this.stack.endpoints.dynamodb, ...this.#account });
    const survey = dynamodbSurvey(this.setting('PODFREIGHT_TABLE'), client);
    assert.ok(await survey.forgetBundle(bundle));
    client.destroy();
  }

  get #account() {
    return {
      region: this.setting('AWS_REGION'),
      credentials: {
        accessKeyId: this.setting('AWS_ACCESS_KEY_ID'),
        secretAccessKey: this.setting('AWS_SECRET_ACCESS_KEY'),
      },
    };
  }

  async keys(bucket: string, prefix = ''): Promise<string[]> {
    const { Contents = [] } = await this.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    return Contents.map(({ Key }) => Key ?? '');
  }

  async bytes(bucket: string, key: string): Promise<Buffer> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  async put(bucket: string, key: string, bytes: Buffer): Promise<void> {
    await this.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
  }

  async unfinishedUploads(bucket: string): Promise<number> {
    const { Uploads = [] } = await this.s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return Uploads.length;
  }
}

function up<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The embedded stack is not up.');
  return value;
}

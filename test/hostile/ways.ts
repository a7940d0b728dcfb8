import { Command } from 'commander';
import type { SetUpCommand } from '../../cli/command.ts';
import { setUp as insert } from '../../cli/commands/insert.ts';
import { setUp as show } from '../../cli/commands/show.ts';
import { FileSource } from '../../cli/file-source.ts';
import { jsonText, Output } from '../../cli/output.ts';
import { safeText } from '../../cli/safe-text.ts';
import { catalogueObject } from '../../core/catalogue/catalogue-archive.ts';
import type { ArchiveRecord } from '../../core/catalogue/records.ts';
import { isPodfreightError, type PodfreightError } from '../../core/errors.ts';
import { push } from '../../core/push.ts';
import { shipArchive } from '../../core/shipment.ts';
import { memoryCatalogue } from '../memory/catalogue.ts';
import { VersionedArchiveStore } from '../memory/versioned-archive-store.ts';

/** What became of a command: its refusal, or what it wrote for people and for programs. */
export interface Outcome {
  readonly refusal?: PodfreightError;
  readonly text: string;
  readonly json: string;
  readonly warnings: readonly string[];
}

/** Keeps what would be written. */
class Recorder extends Output {
  text = '';
  value: unknown;
  readonly warnings: string[] = [];

  override result(value: unknown, text: string): void {
    this.value = value;
    this.text += text;
  }
  override warn(sentence: string): void {
    this.warnings.push(safeText(sentence));
  }
  override note(): void {}
}

/** Runs a command of the command line in this process. */
async function run(setUp: SetUpCommand, args: readonly string[]): Promise<Outcome> {
  const output = new Recorder({ json: false });
  const command = new Command().exitOverride();
  setUp(command, { output, signal: new AbortController().signal });
  const refusal = await refusalOf(command.parseAsync(args, { from: 'user' }));
  const { text, value, warnings } = output;
  return { text, json: value === undefined ? '' : jsonText(value), warnings, ...(refusal && { refusal }) };
}

/** Anything but a refusal with a sentence is a defect, and thrown. */
async function refusalOf(work: Promise<unknown>): Promise<PodfreightError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (isPodfreightError(error) && error.code !== 'internal') return error;
    throw error;
  }
}

/** `podfreight insert -i FILE -t TARGET` */
export function inserting(file: string, target: string, ...flags: readonly string[]): Promise<Outcome> {
  return run(insert, ['-i', file, '-t', target, ...flags]);
}

/** `podfreight show PATH` */
export function showing(path: string): Promise<Outcome> {
  return run(show, [path, '--show-pod-uid', '--show-pod-ip']);
}

const BUCKET = 'archives';
const KEY = 'prod/node-1/sandbox-1/20261122T132000Z.tar.zst';

/** `podfreight push FILE`, and the keys of what was sent. */
export async function pushing(file: string): Promise<{ refusal?: PodfreightError; keys: readonly string[] }> {
  const store = new VersionedArchiveStore();
  const source = await FileSource.open(file, 'follow');
  try {
    const refusal = await refusalOf(
      shipArchive(source).then((shipment) =>
        push(shipment, { store, bucket: BUCKET, origin: { cluster: 'prod', node: 'node-1' } }),
      ),
    );
    return { keys: store.keys(BUCKET), ...(refusal && { refusal }) };
  } finally {
    await source.close();
  }
}

/** What the catalogue function records of an object with these bytes. */
export async function cataloguing(bytes: Buffer): Promise<ArchiveRecord> {
  const store = new VersionedArchiveStore();
  const versionId = store.write({ bucket: BUCKET, key: KEY }, bytes);
  const event = {
    kind: 'created',
    bucket: BUCKET,
    key: KEY,
    versionId,
    sequencer: '01',
    at: '2026-11-22T13:20:05Z',
  } as const;
  const { archive } = await catalogueObject(event, { store, catalogue: memoryCatalogue() });
  return archive;
}

/** The object's name in the catalogue's messages. */
export const OBJECT_NAME = `s3://${BUCKET}/${KEY}`;

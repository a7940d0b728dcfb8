import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { readWhole, syncFiles } from './disk.ts';
import { type Command, measure, shell } from './measure.ts';
import type { PeerName } from './peers.ts';
import { type Result, resultOf, type Sample } from './sample.ts';

/** One way to do an operation. */
export interface Contestant {
  readonly name: string;
  /** Peers without which it cannot run; `command` is asked for only when they are there. */
  readonly needs?: readonly PeerName[];
  readonly command: () => Command;
  /** Files that are in the page cache when it starts. */
  readonly reads?: readonly string[];
  /** File or folder that is not there when it starts. */
  readonly writes?: string;
  /** As many bytes, of a folder its `*.tar`, must be there at the end, or the run has failed. */
  readonly writesBytes?: number;
  /** Whether it talks to the endpoint, which then counts. */
  readonly isRemote?: boolean;
  /** Whether to count what it reads. */
  readonly countsReads?: boolean;
}

/**
 * Each contestant `runs` times, in turns, each time another one first. One that fails is not tried again.
 * @returns in the order given
 */
export async function contest(bench: Bench, contestants: readonly Contestant[], runs = bench.runs): Promise<Result[]> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as Sample[]]));
  const absent = new Map<string, string>();
  for (const { name, needs = [] } of contestants) {
    const missing = needs.filter((peer) => bench.peers[peer] === undefined);
    if (missing.length > 0) absent.set(name, `${missing.join(' and ')} not here`);
  }
  for (let run = 0; run < runs; run++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(run + turn) % contestants.length]!;
      const { name } = contestant;
      if (absent.has(name)) continue;
      try {
        samples.get(name)!.push(await runOnce(bench, contestant));
      } catch (error) {
        absent.set(name, 'failed');
        bench.say(`  ${name}: ${(error as Error).message}`);
      }
    }
  }
  return contestants.map(({ name }) => {
    const reason = absent.get(name);
    return resultOf(name, reason === undefined ? samples.get(name)! : [], reason);
  });
}

async function runOnce(bench: Bench, contestant: Contestant): Promise<Sample> {
  const { command, reads = [], writes, writesBytes, isRemote, countsReads = false } = contestant;
  if (writes !== undefined) {
    await rm(writes, { recursive: true, force: true });
    syncFiles(join(writes, '..'));
  }
  for (const path of reads) readWhole(path);
  const endpoint = isRemote ? await bench.endpoint() : undefined;
  await endpoint?.take();
  const environment = { ...bench.environment, ...endpoint?.environment };
  const { stdout, ...times } = await measure(countsReads ? countingReads(command()) : command(), environment);
  const counts = await endpoint?.take();
  const writtenBytes = writes === undefined ? undefined : await bytesAt(writes);
  if (writes !== undefined) await rm(writes, { recursive: true, force: true });
  if (writesBytes !== undefined && writtenBytes !== writesBytes) {
    throw new Error(`it wrote ${writtenBytes} bytes instead of ${writesBytes}`);
  }
  return {
    ...times,
    ...(countsReads && { readBytes: Number(stdout) }),
    ...(writtenBytes !== undefined && { writtenBytes }),
    ...(counts !== undefined && {
      requests: Object.values(counts.requests).reduce((sum, count) => sum + count, 0),
      bytesIn: counts.bytesIn,
      bytesOut: counts.bytesOut,
      endpointCpuSeconds: counts.cpuSeconds,
    }),
  };
}

/** The shell's count has that of its children in it once they have ended. @see proc(5), /proc/pid/io, rchar */
function countingReads(command: Command): Command {
  return shell(`"$@" > /dev/null && sed -n 's/^rchar: //p' /proc/$$/io`, ...command);
}

async function bytesAt(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const names = (await readdir(path)).filter((name) => name.endsWith('.tar'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

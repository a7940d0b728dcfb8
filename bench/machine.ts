import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileSystem } from './disk.ts';

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly diskFileSystem: string;
  readonly memoryFileSystem: string;
  /** Processes that wanted to run in the last minute. */
  readonly load: number;
}

export function describeMachine(diskFolder: string, memoryFolder: string): Machine {
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown make',
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    diskFileSystem: fileSystem(diskFolder),
    memoryFileSystem: fileSystem(memoryFolder),
    load: loadavg()[0] ?? 0,
  };
}

/**
 * A preload that kills its process just before the `KILL_AT`-th call that changes a file or makes changes durable.
 * What the calls are is counted the same way in every run of the same command.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const KILL_AT = Number(process.env.KILL_AT);
let calls = 0;

function counted<T extends (...args: never[]) => unknown>(original: T): T {
  return function (this: unknown, ...args: never[]) {
    calls += 1;
    if (calls === KILL_AT) process.kill(process.pid, 'SIGKILL');
    return original.apply(this, args);
  } as T;
}

const handle = await fs.promises.open(import.meta.filename);
const methods = Object.getPrototypeOf(handle);
await handle.close();
for (const name of ['write', 'writeFile', 'utimes', 'sync']) methods[name] = counted(methods[name]);
const functions = fs.promises as unknown as Record<string, (...args: never[]) => unknown>;
for (const name of ['mkdir', 'link', 'rename', 'rm', 'unlink', 'open']) functions[name] = counted(functions[name]!);
syncBuiltinESMExports();

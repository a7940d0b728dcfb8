import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../../e2e/podfreight.ts';

/** Linux's first PID namespace. */
export const FIRST = 'pid:[4026531836]';

/** Another process that has the file open. */
export async function opener(t: TestContext, path: string, flags: string): Promise<ChildProcess> {
  const code = `require('node:fs').openSync(process.argv[1], process.argv[2]); console.log('open'); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['-e', code, path, flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

/** A /proc in which these processes are all there are; what is told of them is the kernel's own. */
export async function procOf(t: TestContext, namespace: string, ...children: readonly ChildProcess[]): Promise<string> {
  const proc = await temporaryFolder(t);
  await mkdir(join(proc, 'self/ns'), { recursive: true });
  await symlink(namespace, join(proc, 'self/ns/pid'));
  for (const [i, { pid }] of children.entries()) await symlink(`/proc/${pid}`, join(proc, String(i + 1)));
  await writeFile(join(proc, 'meminfo'), '');
  return proc;
}

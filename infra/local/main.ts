/** `npm run local`: the embedded stack until it is interrupted. */
import { createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import { type Service, startStack } from './stack.ts';

const USAGE = `Usage: npm run local -- [--dir DIR] [--port PORT]

Runs podfreight's AWS side on this machine until interrupted.
  --dir DIR    keep the data in DIR (default: .podfreight-local)
  --port PORT  use PORT and the four after it: S3, DynamoDB, SQS, Lambda, CloudFormation (default: any that are free)`;

const SERVICES: readonly Service[] = ['s3', 'dynamodb', 'sqs', 'lambda', 'cloudformation'];
const LAST_PORT = 65_535;

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!isPodfreightError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  const { dir: folder, port, help } = readArguments(args);
  if (help) return console.log(USAGE);
  const dir = resolve(folder);
  mkdirSync(dir, { recursive: true });
  const log = createWriteStream(join(dir, 'functions.log'), { flags: 'a' });
  const stack = await startStack({
    dir,
    ...(port !== undefined && { ports: portsFrom(port) }),
    onLog: ({ function: name, line }) => log.write(`${name} ${line}\n`),
  });

  const environment = Object.entries(stack.environment).map(([name, value]) => `export ${name}='${value}'\n`);
  const script = join(dir, 'environment.sh');
  writeFileSync(script, environment.join(''));
  process.stdout.write(environment.join(''));
  console.error(`The embedded stack is up after ${(performance.now() / 1000).toFixed(1)} s; Ctrl-C stops it.`);
  console.error(`In another shell: . ${script}`);
  console.error(`Data and the functions' log are in ${dir}. Not emulated: ${stack.notEmulated.join(', ')}.`);

  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => new Promise((stop) => process.once(signal, stop))));
  rmSync(script, { force: true });
  await stack.close();
  log.end();
}

function readArguments(args: string[]): { dir: string; port?: number; help: boolean } {
  const options = {
    dir: { type: 'string', default: '.podfreight-local' },
    port: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  let values: { dir: string; port?: string; help: boolean };
  try {
    ({ values } = parseArgs({ args, options, strict: true }));
  } catch (cause) {
    throw new PodfreightError('usage', `${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
  const { dir, port: text, help } = values;
  if (text === undefined) return { dir, help };
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port + SERVICES.length - 1 > LAST_PORT) {
    throw new PodfreightError('usage', `--port must be a whole number from 1 to ${LAST_PORT - SERVICES.length + 1}.`);
  }
  return { dir, port, help };
}

function portsFrom(first: number): Record<Service, number> {
  return Object.fromEntries(SERVICES.map((service, index) => [service, first + index])) as Record<Service, number>;
}

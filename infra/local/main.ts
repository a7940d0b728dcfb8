/** `npm run local`: the embedded stack until it is interrupted. */
import { createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isPodfreightError, PodfreightError } from '../../core/errors.ts';
import { type Service, startStack } from './stack.ts';

const USAGE = `Usage: npm run local -- [--dir DIR] [--port PORT] [--regions REGION,REGION…]

Runs podfreight's AWS side on this machine until interrupted.
  --dir DIR    keep the data in DIR (default: .podfreight-local)
  --port PORT  use PORT and the four after it: S3, DynamoDB, SQS, Lambda, CloudFormation (default: any that are free)
  --regions …  run in several regions, the primary one first; of each further one the ports are five higher`;

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
  const { dir: folder, port, regions, help } = readArguments(args);
  if (help) return console.log(USAGE);
  const dir = resolve(folder);
  mkdirSync(dir, { recursive: true });
  const log = createWriteStream(join(dir, 'functions.log'), { flags: 'a' });
  const stack = await startStack({
    dir,
    ...(port !== undefined && { ports: portsFrom(port) }),
    ...(regions !== undefined && { regions }),
    onLog: ({ function: name, line }) => log.write(`${name} ${line}\n`),
  });

  const interrupted = Promise.race(
    ['SIGINT', 'SIGTERM'].map((signal) => new Promise((stop) => process.once(signal, stop))),
  ); // from before anybody can tell that it is up
  const scripts = stack.regions.map(({ name, environment }, i) => {
    const lines = Object.entries(environment).map(([variable, value]) => `export ${variable}='${value}'\n`);
    const path = join(dir, i === 0 ? 'environment.sh' : `environment-${name}.sh`);
    writeFileSync(path, lines.join(''));
    return { name, path, text: lines.join('') };
  });
  const [primary] = scripts;
  process.stdout.write(primary?.text ?? '');
  console.error(`The embedded stack is up after ${(performance.now() / 1000).toFixed(1)} s; Ctrl-C stops it.`);
  for (const { name, path } of scripts) {
    console.error(`In another shell${scripts.length > 1 ? `, for ${name}` : ''}: . ${path}`);
  }
  console.error(`Data and the functions' log are in ${dir}. Not emulated: ${stack.notEmulated.join(', ')}.`);

  await interrupted;
  for (const { path } of scripts) rmSync(path, { force: true });
  await stack.close();
  log.end();
}

interface Arguments {
  readonly dir: string;
  readonly port?: number;
  readonly regions?: readonly string[];
  readonly help: boolean;
}

function readArguments(args: string[]): Arguments {
  const options = {
    dir: { type: 'string', default: '.podfreight-local' },
    port: { type: 'string' },
    regions: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  let values: { dir: string; port?: string; regions?: string; help: boolean };
  try {
    ({ values } = parseArgs({ args, options, strict: true }));
  } catch (cause) {
    throw new PodfreightError('usage', `${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
  const { dir, port: text, regions: names, help } = values;
  const regions = names?.split(',').filter((name) => name !== '');
  const given = { dir, help, ...(regions !== undefined && { regions }) };
  if (text === undefined) return given;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port + SERVICES.length * (regions?.length || 1) - 1 > LAST_PORT) {
    throw new PodfreightError(
      'usage',
      `--port must be a whole number from 1 to ${LAST_PORT - SERVICES.length * (regions?.length || 1) + 1}.`,
    );
  }
  return { ...given, port };
}

function portsFrom(first: number): Record<Service, number> {
  return Object.fromEntries(SERVICES.map((service, index) => [service, first + index])) as Record<Service, number>;
}

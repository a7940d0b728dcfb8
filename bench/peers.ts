import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface PeerSpec {
  /** What makes it print its version. */
  readonly version: readonly string[];
  /** The Go module it is made from where it is not installed. */
  readonly build?: string;
  /** A variable that it is run without. */
  readonly unset?: string;
}

/** Programs to compare with. Each is looked for in `$PODFREIGHT_<NAME>` (empty: not wanted), then in `$PATH`. */
export const PEERS = {
  cp: { version: ['--version'] },
  tar: { version: ['--version'] },
  zstd: { version: ['--version'] },
  curl: { version: ['--version'] },
  aws: { version: ['--version'] },
  // Both are told of the certificate by Go's own variable; with the one that `aws` needs, rclone does not start.
  rclone: { version: ['version'], unset: 'AWS_CA_BUNDLE' },
  s5cmd: { version: ['version'], build: 'github.com/peak/s5cmd/v2@v2.3.0', unset: 'AWS_CA_BUNDLE' },
} as const satisfies Record<string, PeerSpec>;

export type PeerName = keyof typeof PEERS;

export interface Peer {
  readonly program: string;
  readonly version: string;
  readonly unset?: string;
}

export type Peers = Readonly<Record<PeerName, Peer | undefined>>;

const BUILD_FOLDER = join(import.meta.dirname, '../dist/bench');
const BUILD_TIMEOUT_MS = 120_000;
const VERSION_TIMEOUT_MS = 20_000;

/** @param say told of what is missing */
export function findPeers(say: (line: string) => void): Peers {
  const names = Object.keys(PEERS) as PeerName[];
  return Object.fromEntries(
    names.map((name) => {
      const peer = findPeer(name);
      if (peer === undefined) say(`${name} is not here; set PODFREIGHT_${name.toUpperCase()} to where it is.`);
      return [name, peer];
    }),
  ) as Peers;
}

function findPeer(name: PeerName): Peer | undefined {
  const { version: flags, unset, build }: PeerSpec = PEERS[name];
  const program = process.env[`PODFREIGHT_${name.toUpperCase()}`] ?? inPath(name) ?? (build && install(name, build));
  if (!program) return undefined;
  try {
    const text = execFileSync(program, flags, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: VERSION_TIMEOUT_MS,
    });
    const version = /\d+(\.\d+)+/.exec(text)?.[0] ?? 'of unknown version';
    return { program, version, ...(unset !== undefined && { unset }) };
  } catch {
    return undefined;
  }
}

/** @returns the program's path */
export function inPath(name: string): string | undefined {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return paths.find(isProgram);
}

/** With the Go toolchain, where there is one and the module can be had; kept for the next time. */
function install(name: PeerName, module: string): string | undefined {
  const program = join(BUILD_FOLDER, name);
  if (isProgram(program)) return program;
  try {
    mkdirSync(BUILD_FOLDER, { recursive: true });
    const env = { ...process.env, GOBIN: BUILD_FOLDER };
    execFileSync('go', ['install', module], { env, stdio: 'ignore', timeout: BUILD_TIMEOUT_MS });
    return program;
  } catch {
    return undefined;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

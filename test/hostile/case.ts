import type { ErrorCode } from '../../core/errors.ts';

/** A way into podfreight for an archive from elsewhere. */
export type Way = 'insert' | 'show' | 'push' | 'catalogue';

export const WAYS: readonly Way[] = ['insert', 'show', 'push', 'catalogue'];

/** `…` in `message` stands for anything, `X` for the archive's name. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What podfreight makes of an archive. */
export type Verdict =
  | (Refusal & {
      /** Ways that answer without reading as far as what is wrong. They write nothing, or nothing but what they read. */
      readonly unseenBy?: readonly Way[];
      /** What `show` says, which knows more kinds of archives, where that is something else. */
      readonly shown?: string;
    })
  | {
      /** The pods that land, with the bytes they have in the archive. */
      readonly lands: readonly string[];
      /** Ways that refuse it nevertheless. */
      readonly except?: Partial<Record<Way, Refusal>>;
    };

export interface ArchiveCase {
  readonly name: string;
  readonly verdict: Verdict;
  /** The archive's bytes. */
  bytes(): Buffer | Promise<Buffer>;
  /**
   * A plain tar gets the same verdict when it is compressed. Of what is compressed as a whole, the catalogue reads only as
   * far as the manifest, so that it may call `ready` what everybody else refuses.
   */
  readonly kind: 'tar' | 'compressed' | 'other';
  /** Left out where a way would take minutes to get to the end of it. */
  readonly ways: readonly Way[];
  /** Takes seconds: not in the fast run. */
  readonly slow: boolean;
  /** What the pods hold, when it is not `podContent`. */
  readonly content?: Buffer | undefined;
  /** What lands in a directory without a manifest, when that is not the pods: names, and what is in them. */
  readonly files?: Readonly<Record<string, string>> | undefined;
}

export interface CaseGroup {
  readonly title: string;
  readonly cases: readonly ArchiveCase[];
}

type Bytes = Buffer | readonly Buffer[] | (() => Buffer | Promise<Buffer>);
type Options = Partial<Pick<ArchiveCase, 'kind' | 'ways' | 'slow' | 'content' | 'files'>>;

/** `The archive X is refused: <reason>.` */
export function refused(
  reason: string,
  options: { code?: 'invalid-archive' | 'corrupt-archive'; unseenBy?: readonly Way[]; shown?: string } = {},
): Verdict {
  const { code = 'invalid-archive', shown, ...rest } = options;
  const say = (what: string) => `The archive X is refused: ${what}.`;
  return { code, message: say(reason), ...rest, ...(shown !== undefined && { shown: say(shown) }) };
}

export function lands(...sandboxIds: readonly string[]): Verdict {
  return { lands: sandboxIds };
}

export function archiveCase(name: string, bytes: Bytes, verdict: Verdict, options: Options = {}): ArchiveCase {
  return {
    name,
    verdict,
    bytes: typeof bytes === 'function' ? bytes : () => (Buffer.isBuffer(bytes) ? bytes : Buffer.concat(bytes)),
    kind: options.kind ?? (Array.isArray(bytes) ? 'tar' : 'other'),
    ways: options.ways ?? WAYS,
    slow: options.slow ?? false,
    content: options.content,
    files: options.files,
  };
}

/** Whether `message` is what the refusal says of the archive called `archive`. */
export function matchesRefusal(message: string, refusal: Refusal, archive: string): boolean {
  const pieces = refusal.message.replace(/\bX\b/, archive).split('…');
  if (pieces.length === 1) return message === pieces[0];
  const escaped = pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`, 's').test(message);
}

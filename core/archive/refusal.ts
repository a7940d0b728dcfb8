import { PodfreightError } from '../errors.ts';

/** Longest piece of a foreign name that a message repeats. */
const SHOWN_CHARACTERS = 140;

/** A foreign name for a message: quoted, printable ASCII only, bounded. `name` holds one character for each byte. */
export function quoteName(name: string): string {
  const shown = name.length > SHOWN_CHARACTERS ? `${name.slice(0, SHOWN_CHARACTERS)}…` : name;
  const escaped = shown.replace(/[^ !#-[\]-~…]/g, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${escaped}"`;
}

/**
 * `invalid-archive`: the archive breaks a rule of its format.
 * @param reason ends the sentence "The archive X is refused: …"; with a member, "… member Y …"
 */
export function invalidArchive(archive: string, reason: string, member?: string): PodfreightError {
  return refusal('invalid-archive', archive, reason, member);
}

/** `invalid-archive`: the bytes are over before the archive is. Its subject says `endsEarly`. */
export function endsEarly(archive: string, where: string): PodfreightError {
  return cutOff(archive, `it ends early, ${where}; fetch or write it again`);
}

/**
 * `invalid-archive`: fewer bytes than tell whether it is an archive at all. Its subject says `endsEarly`, as it may be one that is
 * not written to its end yet.
 */
export function tooShort(archive: string, bytes: number): PodfreightError {
  const what = 'it is no checkpoint archive, or only the beginning of one; fetch or write it again';
  return cutOff(archive, bytes === 0 ? 'it is empty, so it is no checkpoint archive' : what);
}

function cutOff(archive: string, reason: string): PodfreightError {
  const { code, message, subject } = invalidArchive(archive, reason);
  return new PodfreightError(code, message, { subject: { ...subject, endsEarly: true } });
}

/** `corrupt-archive`: well-formed, but its bytes are not those its digests promise. */
export function corruptArchive(archive: string, reason: string, member?: string, cause?: unknown): PodfreightError {
  return refusal('corrupt-archive', archive, reason, member, cause);
}

function refusal(
  code: 'invalid-archive' | 'corrupt-archive',
  archive: string,
  reason: string,
  member?: string,
  cause?: unknown,
): PodfreightError {
  const said = member === undefined ? reason : `member ${quoteName(member)} ${reason}`;
  return new PodfreightError(code, `The archive ${archive} is refused: ${said}.`, {
    cause,
    subject: { archive, member, reason },
  });
}

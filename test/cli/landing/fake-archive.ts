import { createHash } from 'node:crypto';
import type { Archive } from '../../../core/archive/reader.ts';
import { formatManifest, type ManifestPod } from '../../../core/manifest/manifest.ts';
import { podFileName } from '../../../core/sandbox-id.ts';
import { manifest as manifestOf } from '../pods.ts';

export interface FakePod {
  readonly entry: ManifestPod;
  readonly text: string;
}

export const MEMBER_TIME = new Date('2026-11-22T13:20:00Z');

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * An archive as the reader would hand it over.
 * @param options.layout whether it tells sizes in advance
 * @param options.before runs before a member's data come; may throw as a damaged archive does
 */
export function fakeArchive(
  pods: readonly FakePod[],
  options: { layout?: boolean; verified?: boolean; before?: (sandboxId: string) => unknown } = {},
): Archive {
  const manifest = manifestOf(...pods.map(({ entry }) => entry));
  const bytes = formatManifest(manifest);
  const members = pods.map(({ entry: { sandboxId }, text }) => {
    const data = Buffer.from(text);
    return {
      member: { name: podFileName(sandboxId), sizeBytes: data.length, modifiedAt: MEMBER_TIME },
      sandboxId,
      data,
    };
  });
  const fake: Pick<Archive, 'name' | 'format' | 'manifest' | 'layout' | 'members' | 'verified'> = {
    name: 'x.tar',
    format: 'tar',
    manifest: async () => ({ manifest, bytes }),
    layout: async () => (options.layout ? members.map(({ member }) => member) : undefined),
    async *members() {
      for (const { member, sandboxId, data } of members) {
        await options.before?.(sandboxId);
        yield {
          member,
          data: (async function* () {
            for (let at = 0; at < data.length; at += 3) yield data.subarray(at, at + 3);
          })(),
        };
      }
    },
    verified: options.verified ?? true,
  };
  return fake as Archive;
}

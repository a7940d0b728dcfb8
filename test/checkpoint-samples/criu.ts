import type { SampleContainer } from './container.ts';
import { randomBytes } from './pieces.ts';
import type { SampleMember } from './tar.ts';

/** First of all images but the inventory, then the magic of its type. @see criu/include/magic.h */
const COMMON_MAGIC = 0x54564319;
const SERVICE_MAGIC = 0x55105940;
const STATS_MAGIC = 0x57093306;
const INVENTORY_MAGIC = 0x58313116;

/** Images of each process: prefix, magic, bytes as usual. */
const OF_PROCESSES = [
  ['core', 0x55053847, 1800],
  ['fdinfo', 0x56213732, 56],
  ['fs', 0x51403912, 18],
  ['ids', 0x54432030, 36],
  ['mm', 0x57492820, 540],
  ['pagemap', 0x56084025, 126],
] as const;

const OF_ALL = [
  ['cgroup', 0x59383330, 4600],
  ['files', 0x56303138, 405],
  ['mountpoints-13', 0x55563928, 3600],
  ['pstree', 0x50273030, 36],
  ['seccomp', 0x64413049, 9284],
  ['utsns-12', 0x54473203, 34],
] as const;

/** `checkpoint/` as CRIU fills it, in lexical order. Beyond their magics the images are noise. */
export function criuImages({ processes, pagesBytes, seed }: SampleContainer): SampleMember[] {
  const each = Math.floor(pagesBytes / processes / 4096) * 4096;
  const images: SampleMember[] = [
    image('inventory', [INVENTORY_MAGIC], 86, seed),
    { name: 'checkpoint/descriptors.json', content: [Buffer.from('["/dev/null","pipe:[1]","pipe:[2]"]')] },
    ...OF_ALL.map(([name, magic, bytes]) => image(name, [COMMON_MAGIC, magic], bytes, seed)),
  ];
  for (let process = 1; process <= processes; process++) {
    const length = process === processes ? pagesBytes - each * (processes - 1) : each;
    images.push({ name: `checkpoint/pages-${process}.img`, content: [{ length, seed: seed + process }] });
    for (const [name, magic, bytes] of OF_PROCESSES) {
      images.push(image(`${name}-${process}`, [COMMON_MAGIC, magic], bytes, seed + process));
    }
  }
  return [{ name: 'checkpoint/' }, ...images.sort((a, b) => (a.name < b.name ? -1 : 1))];
}

function image(name: string, magics: readonly number[], sizeBytes: number, seed: number): SampleMember {
  const content = randomBytes(sizeBytes, seed);
  for (const [i, magic] of magics.entries()) content.writeUInt32LE(magic, i * 4);
  return { name: `checkpoint/${name}.img`, content: [content] };
}

/** `stats-dump` with these fields of dump_stats_entry, by number. @see images/stats.proto */
export function statsDump(fields: Readonly<Record<number, number>>): Buffer {
  const dump = Buffer.concat(
    Object.entries(fields).flatMap(([field, value]) => [varint(Number(field) * 8), varint(value)]),
  );
  const message = Buffer.concat([varint(1 * 8 + 2), varint(dump.length), dump]);
  const head = Buffer.alloc(12);
  for (const [i, word] of [SERVICE_MAGIC, STATS_MAGIC, message.length].entries()) head.writeUInt32LE(word, i * 4);
  return Buffer.concat([head, message]);
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Buffer.from([...bytes, rest]);
}

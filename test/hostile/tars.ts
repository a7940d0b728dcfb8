import type { CaseGroup } from './case.ts';
import { gzipLies, zstdLies } from './tars/compressed.ts';
import { containerArchives } from './tars/container-archives.ts';
import { extended } from './tars/extended.ts';
import { indexLies } from './tars/index-lies.ts';
import { indexPlaces } from './tars/index-places.ts';
import { names } from './tars/names.ts';
import { ends, sets } from './tars/sets.ts';
import { headers, sizes } from './tars/sizes.ts';
import { attributes, types } from './tars/types.ts';

/** Every hostile archive, and the benign ones that look like them. */
export const GROUPS: readonly CaseGroup[] = [
  names,
  types,
  attributes,
  sizes,
  headers,
  extended,
  sets,
  ends,
  containerArchives,
  indexLies,
  indexPlaces,
  zstdLies,
  gzipLies,
];

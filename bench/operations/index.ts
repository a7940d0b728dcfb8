import type { Operation } from '../operation.ts';
import { bundleNone, bundleZstd } from './bundle.ts';
import { endpoint } from './endpoint.ts';
import { extractNone, extractZstd } from './extract.ts';
import { functions } from './functions.ts';
import { insertForeign, insertNone, insertZstd } from './insert.ts';
import { pullNone, pullSmall, pullZstd } from './pull.ts';
import { pushNone, pushZstd } from './push.ts';
import { showForeign, showPlain, showZstd } from './show.ts';
import { start } from './start.ts';

export const operations: readonly Operation[] = [
  start,
  showPlain,
  showZstd,
  showForeign,
  extractNone,
  extractZstd,
  insertNone,
  insertZstd,
  insertForeign,
  endpoint,
  pushNone,
  pushZstd,
  pullNone,
  pullZstd,
  pullSmall,
  bundleNone,
  bundleZstd,
  functions,
];

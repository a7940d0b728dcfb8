import { readFileSync, writeFileSync } from 'node:fs';
import { withTables } from './security-table.ts';

/** Makes the tables in docs/security.md anew. */
const DOCUMENT = new URL('../../docs/security.md', import.meta.url);

writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8')));

/** `npm run cost`: prints docs/cost.md. */
import { count } from './count.ts';
import { costDocument } from './document.ts';

process.stdout.write(costDocument(await count()));

/** An endpoint in a process of its own, to be measured and killed: `node child.ts <folder>`; prints its URL. */
import { startS3 } from '../../../../infra/local/s3/server.ts';
import { KEY_ID, REGION, SECRET } from './credentials.ts';

const { url } = await startS3({ dir: process.argv[2]!, credentials: { [KEY_ID]: SECRET }, region: REGION });
console.log(url);
process.on('message', () => process.send?.({ peakBytes: process.resourceUsage().maxRSS * 1024 }));

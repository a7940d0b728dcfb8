import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What DynamoDB was asked, and of a query how many items it looked at and how many it gave back. */
export interface Asked {
  readonly call: string;
  readonly index?: string;
  readonly scanned?: number;
  readonly given?: number;
}

/** Passes everything on to the endpoint of `target`, and remembers what that was. */
export async function countedDynamoDb(target: string) {
  const asked: Asked[] = [];
  const regions: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { host: _, connection: __, ...headers } = request.headers;
    const answer = await fetch(target, { method: 'POST', headers: headers as Record<string, string>, body });
    const text = await answer.text();
    const { ScannedCount, Count } = JSON.parse(text);
    const { IndexName } = JSON.parse(body.toString());
    regions.push(/Credential=[^/]+\/\d+\/([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '');
    const call = String(request.headers['x-amz-target']).split('.')[1]!;
    asked.push({
      call,
      ...(IndexName !== undefined && { index: IndexName }),
      ...(ScannedCount !== undefined && { scanned: ScannedCount, given: Count }),
    });
    const passed = ['content-type', 'x-amzn-requestid', 'x-amz-crc32'].map((name) => [name, answer.headers.get(name)]);
    response.writeHead(answer.status, Object.fromEntries(passed.filter(([, value]) => value !== null)));
    response.end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    asked,
    /** For each of `asked`, the region of the table that was meant. */
    regions,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

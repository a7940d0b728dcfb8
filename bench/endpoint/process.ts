import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Order } from './main.ts';
import type { Counts, EndpointOptions } from './server.ts';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** The endpoint, running in a process of its own. */
export class EndpointProcess {
  readonly url: string;
  /** What lets clients believe its certificate. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #replies: Replies;
  #orders = 0;

  private constructor(child: ChildProcess, replies: Replies, port: number, ca?: string) {
    this.#child = child;
    this.#replies = replies;
    this.url = `${ca === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    this.environment = ca === undefined ? {} : trusting(ca);
  }

  /** @param certificateFolder asks for TLS, with a certificate that openssl makes there */
  static async start(latencyMs: number, certificateFolder?: string): Promise<EndpointProcess> {
    const ca = certificateFolder && makeCertificate(certificateFolder);
    const tls = ca && { cert: readFileSync(ca, 'utf8'), key: readFileSync(keyPath(certificateFolder), 'utf8') };
    const options: EndpointOptions = { latencyMs, ...(tls && { tls }) };
    const child = fork(join(import.meta.dirname, 'main.ts'), [JSON.stringify(options)]);
    const replies = new Replies(child);
    return new EndpointProcess(child, replies, (await replies.to(0)) as number, ca);
  }

  /** Makes a file an object, held in the endpoint's memory. @param name `bucket/key` */
  async place(name: string, path: string): Promise<void> {
    await this.#order({ do: 'place', name, path });
  }

  async remove(name: string): Promise<void> {
    await this.#order({ do: 'remove', name });
  }

  /** What passed since the last time; uploaded objects are forgotten. */
  async take(): Promise<Counts> {
    return (await this.#order({ do: 'take' })) as Counts;
  }

  close(): void {
    this.#child.disconnect();
  }

  #order(order: WithoutId<Order>): Promise<unknown> {
    this.#orders += 1;
    const reply = this.#replies.to(this.#orders);
    this.#child.send({ ...order, id: this.#orders });
    return reply;
  }
}

/** By the id of what they reply to. */
class Replies {
  readonly #awaited = new Map<number, PromiseWithResolvers<unknown>>();

  constructor(child: ChildProcess) {
    child.on('message', ({ id, value }: { id: number; value: unknown }) => {
      this.#awaited.get(id)?.resolve(value);
      this.#awaited.delete(id);
    });
    child.on('exit', (code) => {
      for (const { reject } of this.#awaited.values()) reject(new Error(`The endpoint ended with ${code}.`));
    });
  }

  to(id: number): Promise<unknown> {
    const awaited = Promise.withResolvers<unknown>();
    this.#awaited.set(id, awaited);
    return awaited.promise;
  }
}

function keyPath(folder: string): string {
  return join(folder, 'key.pem');
}

function makeCertificate(folder: string): string {
  const path = join(folder, 'certificate.pem');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...name, '-days', '2', '-keyout', keyPath(folder), '-out', path], {
    stdio: 'pipe',
  });
  return path;
}

/** Node.js, Python's botocore, Go, curl. */
function trusting(ca: string): Record<string, string> {
  return { NODE_EXTRA_CA_CERTS: ca, AWS_CA_BUNDLE: ca, SSL_CERT_FILE: ca, CURL_CA_BUNDLE: ca };
}

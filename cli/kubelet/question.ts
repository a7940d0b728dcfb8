import { PodfreightError } from '../../core/errors.ts';
import type { Answer, Endpoint, EndpointRequest } from './endpoint.ts';

/** What was asked of whom, in the words of messages. */
export interface Question {
  /** Completes "Cannot …": `checkpoint default/my-redis/redis`. */
  readonly what: string;
  /** `the kubelet at 10.0.0.5:10250`. */
  readonly who: string;
  /** What RBAC must grant: `create on nodes/checkpoint`. */
  readonly permission: string;
}

const SAID_LENGTH_MAX = 2000;

/**
 * What container engines say that cannot checkpoint at all: of an older CRI, CRI-O without CRIU, containerd without CRIU,
 * and with `enable_criu = false`.
 */
const NO_CRIU =
  /code = Unimplemented|unknown method CheckpointContainer|support not available|criu binary not found|CRIU.*disabled/i;

/**
 * Asks once.
 * @returns what the JSON of an answer 200 says, not checked; undefined when it is no JSON
 * @throws PodfreightError as {@link Endpoint.request}, and {@link refusal} for any other answer
 */
export async function ask(
  endpoint: Endpoint,
  question: Question,
  request: Omit<EndpointRequest, 'what'>,
): Promise<unknown> {
  const answer = await endpoint.request({ ...request, what: question.what });
  if (answer.status !== 200) throw refusal(answer, question);
  return parseOrUndefined(answer.text);
}

/** An answer that is no success, as an error. @see pkg/kubelet/server/server.go of Kubernetes */
function refusal({ status, text }: Answer, { what, who, permission }: Question): PodfreightError {
  const said = sentenceOf(text);
  const fail = (code: PodfreightError['code'], why: string) =>
    new PodfreightError(code, `Cannot ${what}: ${why}.`, { subject: { status } });
  switch (status) {
    case 401:
      return fail('no-credentials', `${who} does not accept the token (${said}); it may be old, or of another cluster`);
    case 403:
      return fail('access-denied', `${who} forbids it (${said}); the role needs ${permission}`);
    case 404:
      return /page not found/i.test(text)
        ? fail('unsupported', `${who} has no such page; checkpoints need its feature gate ContainerCheckpoint`)
        : fail('not-found', said);
    case 405:
      return fail('unsupported', `${who} has no such call (${said})`);
    case 500:
      return NO_CRIU.test(text)
        ? fail('unsupported', `the container engine has no CRIU support (${said})`)
        : fail('service', said);
    case 502:
    case 503:
    case 504:
      return fail('unreachable', `${who} does not answer (${said})`);
    default:
      return fail('service', `${who} answered ${status} (${said})`);
  }
}

/** An answer that claims success and is none that this program knows. */
export function misunderstood({ what, who }: Question, why: string): PodfreightError {
  return new PodfreightError('service', `Cannot ${what}: the answer of ${who} ${why}.`);
}

/** The API server's `Status` says it in `message`; the kubelet answers with plain text. */
function sentenceOf(text: string): string {
  const status = parseOrUndefined(text);
  const { kind, message } = (status ?? {}) as { kind?: unknown; message?: unknown };
  const said = kind === 'Status' && typeof message === 'string' ? message : text;
  const line = said.trim().replace(/\s+/g, ' ').replace(/\.$/, '');
  if (line === '') return 'no reason given';
  return line.length > SAID_LENGTH_MAX ? `${line.slice(0, SAID_LENGTH_MAX).toWellFormed()}…` : line;
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

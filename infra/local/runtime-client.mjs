// Loaded before AWS's runtime client (aws-lambda-ric) in the process of a function. The client's own HTTP part is a C++
// addon that has to be compiled at installation; this stands in for it, so that nothing is compiled. JavaScript, because
// stripping types would lengthen every cold start.
import { Agent, request } from 'node:http';
import { registerHooks } from 'node:module';

const ADDON = './rapid-client.node';
/** As in runtime-environment.ts. */
const PROCESS = 'podfreight-process';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === ADDON ? { url: import.meta.url, format: 'commonjs', shortCircuit: true } : next(specifier, context),
  load: (url, context, next) =>
    url === import.meta.url && context.format === 'commonjs'
      ? { format: 'commonjs', source: 'module.exports = globalThis.podfreightRuntimeClient', shortCircuit: true }
      : next(url, context),
});

// When the embedded stack dies, however it dies, this pipe ends, and so must this process.
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
process.stdin.unref();

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** The answer to the last invocation being sent: the next one is not asked for before it is. */
let answered = Promise.resolve();

function call(method, path, body = '', headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { host, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}` };
    const sent = request(
      { ...options, headers: { 'content-length': Buffer.byteLength(body), [PROCESS]: process.pid, ...headers } },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve({ bodyJson: Buffer.concat(chunks).toString(), headers: response.headers }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

// The addon's three functions, as src/native/rapid-client.cc of aws-lambda-ric has them.
globalThis.podfreightRuntimeClient = {
  next: () => answered.then(() => call('GET', 'next')),
  done: (id, body) => {
    answered = call('POST', `${id}/response`, body);
  },
  error: (id, body, xrayCause) => {
    const headers = {
      'lambda-runtime-function-error-type': JSON.parse(body).errorType ?? 'Unhandled',
      'lambda-runtime-function-xray-error-cause': xrayCause ?? '',
    };
    answered = call('POST', `${id}/error`, body, headers);
  },
};

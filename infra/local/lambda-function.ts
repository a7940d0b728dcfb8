import { randomUUID } from 'node:crypto';
import { type FunctionSettings, type Outcome, RuntimeEnvironment } from './runtime-environment.ts';

/** A function with as many execution environments as are needed at once, up to a limit; each comes with the first need. */
export class LambdaFunction {
  readonly settings: FunctionSettings;
  readonly #maxEnvironments: number;
  readonly #log: (line: string) => void;
  readonly #environments: Promise<RuntimeEnvironment>[] = [];
  readonly #idle: RuntimeEnvironment[] = [];
  readonly #queue: ((environment: RuntimeEnvironment) => void)[] = [];
  #running = 0;

  constructor(settings: FunctionSettings, maxEnvironments: number, log: (line: string) => void) {
    this.settings = settings;
    this.#maxEnvironments = maxEnvironments;
    this.#log = log;
  }

  /** Invocations begun and not ended. */
  get running(): number {
    return this.#running;
  }

  /** @param payload JSON. Waits for a free environment; never rejects because of what the function does. */
  async invoke(payload: string): Promise<Outcome & { readonly requestId: string }> {
    const requestId = randomUUID();
    this.#running += 1;
    try {
      const environment = await this.#take();
      const outcome = await environment.invoke({ requestId, payload });
      this.#give(environment);
      return { ...outcome, requestId };
    } finally {
      this.#running -= 1;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#environments.map(async (environment) => (await environment).close()));
  }

  async #take(): Promise<RuntimeEnvironment> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#environments.length >= this.#maxEnvironments) return await new Promise((use) => this.#queue.push(use));
    const opening = RuntimeEnvironment.open(this.settings, this.#log);
    this.#environments.push(opening);
    return await opening;
  }

  #give(environment: RuntimeEnvironment): void {
    const next = this.#queue.shift();
    if (next) next(environment);
    else this.#idle.push(environment);
  }
}

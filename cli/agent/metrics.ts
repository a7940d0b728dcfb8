/** A metric as Prometheus knows it. */
interface Description {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly label?: string;
}

const PREFIX = 'podfreight_agent_';

const METRICS = {
  up: { type: 'gauge', help: '1 while the agent runs.' },
  info: { type: 'gauge', help: '1; by which rule files count as finished.', label: 'rule' },
  archives_shipped_total: {
    type: 'counter',
    help: 'Archives S3 has, by whether they were sent or there already.',
    label: 'result',
  },
  shipped_bytes_total: { type: 'counter', help: 'Bytes of the archives that were sent.' },
  files_shipped_total: { type: 'counter', help: 'Files of the node that those archives hold.' },
  failures_total: { type: 'counter', help: 'Attempts that failed, by the code of the error.', label: 'code' },
  files_removed_total: { type: 'counter', help: 'Files removed from the node.' },
  removed_bytes_total: { type: 'counter', help: 'Bytes of the files removed from the node.' },
  waiting_files: {
    type: 'gauge',
    help: 'Files on the node that S3 does not have yet, by what they wait for.',
    label: 'for',
  },
  oldest_waiting_seconds: { type: 'gauge', help: 'How long the file that waits longest has waited; 0 when none does.' },
  last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'When an archive was last shipped, as Unix time; 0 for never.',
  },
  last_sweep_timestamp_seconds: { type: 'gauge', help: 'When the directories were last gone through, as Unix time.' },
} as const satisfies Readonly<Record<string, Description>>;

export type MetricName = keyof typeof METRICS;

/** Numbers for `/metrics`, by name and by the one label that some have. */
export class Metrics {
  readonly #values = new Map<MetricName, Map<string, number>>();

  constructor() {
    for (const name of Object.keys(METRICS) as MetricName[]) {
      const description: Description = METRICS[name];
      this.#values.set(name, new Map(description.label === undefined ? [['', 0]] : []));
    }
  }

  add(name: MetricName, amount: number, label = ''): void {
    const values = this.#values.get(name)!;
    values.set(label, (values.get(label) ?? 0) + amount);
  }

  set(name: MetricName, value: number, label = ''): void {
    this.#values.get(name)!.set(label, value);
  }

  get(name: MetricName, label = ''): number {
    return this.#values.get(name)!.get(label) ?? 0;
  }

  /** The text format of Prometheus, version 0.0.4. @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
  text(): string {
    let text = '';
    for (const [name, values] of this.#values) {
      const { type, help, label }: Description = METRICS[name];
      text += `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n`;
      for (const [value, number] of values) {
        text += `${PREFIX}${name}${label === undefined ? '' : `{${label}="${value}"}`} ${number}\n`;
      }
    }
    return text;
  }
}

import type { Measure } from './sample.ts';

const MIB = 1024 ** 2;

interface Unit {
  readonly title: string;
  readonly show: (value: number) => string;
}

const seconds = (value: number) => `${value.toFixed(value < 1 ? 3 : 2)} s`;
const mebibytes = (value: number) => `${(value / MIB).toFixed(value < 10 * MIB ? 2 : 0)} MiB`;

/** How each measure is called and shown, in the order of a table's columns. */
export const UNITS: Readonly<Record<Measure, Unit>> = {
  seconds: { title: 'time', show: seconds },
  cpuSeconds: { title: 'CPU', show: seconds },
  rssBytes: { title: 'memory', show: mebibytes },
  readBytes: { title: 'read', show: mebibytes },
  writtenBytes: { title: 'written', show: mebibytes },
  requests: { title: 'requests', show: String },
  bytesIn: { title: 'sent', show: mebibytes },
  bytesOut: { title: 'received', show: mebibytes },
  endpointCpuSeconds: { title: "endpoint's CPU", show: seconds },
};

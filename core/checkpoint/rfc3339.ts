const PATTERN = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-](\d\d):(\d\d))$/;

export interface ZonedTime {
  readonly instant: Date;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
}

/**
 * A time as Go's RFC3339 and RFC3339Nano write it, with a zone; what is finer than milliseconds is lost.
 * @returns undefined for anything else, and for days and times that no calendar and clock has
 */
export function parseRfc3339(text: string): ZonedTime | undefined {
  const [, date, time, fraction = '', zone, hours = '0', minutes = '0'] = PATTERN.exec(text) ?? [];
  if (date === undefined || zone === undefined) return undefined;
  const local = new Date(`${date}T${time}${fraction.slice(0, 4)}Z`);
  // The 30th of February would become a day in March.
  const exists = !Number.isNaN(local.getTime()) && local.toISOString().startsWith(`${date}T${time}`);
  if (!exists || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offsetMinutes = (Number(hours) * 60 + Number(minutes)) * (zone.startsWith('-') ? -1 : 1);
  return { instant: new Date(local.getTime() - offsetMinutes * 60_000), offsetMinutes: offsetMinutes || 0 };
}

/** The same without fractions, as Go's RFC3339 writes it: `Z` for UTC, else `+hh:mm` or `-hh:mm`. */
export function formatRfc3339({ instant, offsetMinutes }: ZonedTime): string {
  const local = new Date(instant.getTime() + offsetMinutes * 60_000).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${local}Z`;
  const two = (value: number) => String(value).padStart(2, '0');
  const minutes = Math.abs(offsetMinutes);
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** The time, in one place, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const CLOCK = Symbol('Clock');

export const systemClock: Clock = { now: () => Date.now() };

/** The last time that was asked for: messages of one batch, and both times of one message, are of one millisecond. */
let last = { time: NaN, text: '' };

/** ISO 8601 UTC with milliseconds (contract section 2). */
export function toIso(time: Date | number): string {
  const number = Number(time);
  if (number !== last.time) last = { time: number, text: new Date(number).toISOString() };
  return last.text;
}

/** Whether it is a time as {@link toIso} writes it, of the years 1 to 9999: what PostgreSQL reads, too. */
export function isIso(text: unknown): text is string {
  if (typeof text !== 'string' || !/^(?!0000)\d{4}-/.test(text)) return false;
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && toIso(time) === text;
}

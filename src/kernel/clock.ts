/** The time, in one place, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const CLOCK = Symbol('Clock');

export const systemClock: Clock = { now: () => Date.now() };

/** ISO 8601 UTC with milliseconds (contract section 2). */
export function toIso(time: Date | number): string {
  return (typeof time === 'number' ? new Date(time) : time).toISOString();
}

/**
 * Pseudo-random numbers that one seed decides (mulberry32, Tommy Ettinger, public domain). The same seed gives the same
 * schedule of faults and messages; how processes interleave under it is up to the machine.
 */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[this.integer(0, items.length - 1)]!;
  }

  /** Numbers of their own for one of many who run at the same time: what one draws does not shift the others. */
  fork(): Random {
    return new Random(this.integer(0, 2 ** 32 - 1));
  }
}

/** The seed that PARLEY_SEED asks for, else a new one. */
export function chooseSeed(): number {
  return Number(process.env.PARLEY_SEED ?? Math.floor(Math.random() * 2 ** 32));
}

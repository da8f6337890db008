import type { ThrottlerStorage } from '@nestjs/throttler';

/** The shape that @nestjs/throttler expects; times in whole seconds. */
export type StorageRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/**
 * The answer to a hit.
 *
 * @param totalHits its number in the window
 * @param limit hits that a window admits
 * @param timeLeft milliseconds until the window ends
 */
export function recordOf(totalHits: number, limit: number, timeLeft: number): StorageRecord {
  const timeToExpire = Math.max(1, Math.ceil(timeLeft / 1000));
  const isBlocked = totalHits > limit;
  return { totalHits, timeToExpire, isBlocked, timeToBlockExpire: isBlocked ? timeToExpire : 0 };
}

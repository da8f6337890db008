/** Longest time that an endpoint may ask for with `Retry-After`, in milliseconds. */
const MAX_RETRY_AFTER = 3_600_000;

export interface RetryLimits {
  /** Longest wait before the first retry, in milliseconds; each further one may be twice as long. */
  readonly base: number;
  /** Longest wait before any retry, in milliseconds. */
  readonly max: number;
}

/**
 * How long to wait after an attempt that failed: exponential backoff, of which the second half is random (jitter), so
 * that what failed together is not repeated together. Never sooner than the endpoint asked for.
 *
 * @param attempt how many there were, from 1
 * @param retryAfter what the endpoint asked for, in milliseconds
 * @param random 0 to 1
 * @returns milliseconds
 */
export function retryDelay(
  attempt: number,
  { base, max }: RetryLimits,
  retryAfter = 0,
  random = Math.random(),
): number {
  const longest = Math.min(base * 2 ** Math.min(attempt - 1, 40), max);
  return Math.round(Math.max(longest * (0.5 + random / 2), Math.min(retryAfter, MAX_RETRY_AFTER)));
}

/**
 * `Retry-After` (RFC 9110 section 10.2.3): seconds or a date.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds; `undefined` when there is none, or it makes no sense
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

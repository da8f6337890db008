import { parseRetryAfter, retryDelay } from '../../../src/webhooks/retry-schedule.js';

const limits = { base: 5000, max: 3_600_000 };

describe('The wait before a retry', () => {
  it('doubles, up to the longest', () => {
    const longest = Array.from({ length: 14 }, (_, i) => retryDelay(i + 1, limits, 0, 1));
    expect(longest.slice(0, 4)).toEqual([5000, 10_000, 20_000, 40_000]);
    expect(longest.slice(-3)).toEqual([3_600_000, 3_600_000, 3_600_000]);
    expect(retryDelay(1_000_000, limits, 0, 1)).toBe(3_600_000);
  });

  it('leaves out up to half of it at random', () => {
    expect(retryDelay(3, limits, 0, 0)).toBe(10_000);
    expect(new Set(Array.from({ length: 20 }, () => retryDelay(3, limits))).size).toBeGreaterThan(1);
  });

  it('is no shorter than the endpoint asks for, within an hour', () => {
    expect(retryDelay(1, limits, 60_000)).toBe(60_000);
    expect(retryDelay(6, limits, 1000, 0)).toBe(80_000);
    expect(retryDelay(1, limits, 86_400_000)).toBe(3_600_000);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-23T10:00:00Z');

  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['120', 120_000],
    ['0', 0],
    ['Mon, 23 Nov 2026 10:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('%s is %s ms', (header, milliseconds) => {
    expect(parseRetryAfter(header, now)).toBe(milliseconds);
  });
});

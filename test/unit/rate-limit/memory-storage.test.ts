import { MemoryStorage } from '../../../src/rate-limit/memory-storage.js';

const START = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

class FakeClock {
  constructor(private time = START) {}
  now(): number {
    return this.time;
  }
  advance(milliseconds: number): void {
    this.time += milliseconds;
  }
}

describe('the rate limit storage of one node', () => {
  let clock: FakeClock;
  let storage: MemoryStorage;
  beforeEach(() => {
    clock = new FakeClock();
    storage = new MemoryStorage(clock);
  });
  const hit = (key: string, limit = 3) => storage.increment(key, HOUR, limit);

  it('counts up to the limit and blocks beyond it', async () => {
    const results = [await hit('k'), await hit('k'), await hit('k'), await hit('k')];
    expect(results.map(({ totalHits, isBlocked }) => [totalHits, isBlocked])).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [4, true],
    ]);
  });

  it('counts each key for itself', async () => {
    await hit('a');
    expect(await hit('b')).toMatchObject({ totalHits: 1 });
    expect(await hit('a')).toMatchObject({ totalHits: 2 });
  });

  it('begins a window with the first hit, and the next one when that is over', async () => {
    await hit('k');
    clock.advance(HOUR - 1);
    expect(await hit('k')).toMatchObject({ totalHits: 2, timeToExpire: 1 });
    clock.advance(1);
    expect(await hit('k')).toMatchObject({ totalHits: 1, timeToExpire: 3600 });
  });

  it('tells the seconds that are left, rounded up, and when a block ends', async () => {
    expect(await hit('k', 1)).toEqual({
      totalHits: 1,
      timeToExpire: 3600,
      isBlocked: false,
      timeToBlockExpire: 0,
    });
    clock.advance(1_500);
    expect(await hit('k', 1)).toEqual({
      totalHits: 2,
      timeToExpire: 3599,
      isBlocked: true,
      timeToBlockExpire: 3599,
    });
  });

  it('does not make a window longer by hits that are blocked', async () => {
    for (let second = 0; second < 3600; second++) {
      await hit('k', 1);
      clock.advance(1000);
    }
    expect(await hit('k', 1)).toMatchObject({ totalHits: 1, isBlocked: false });
  });

  it('forgets windows that are over, so that keys that never come again cost nothing', async () => {
    for (let key = 0; key < 1000; key++) await hit(`once-${key}`);
    clock.advance(HOUR);
    await hit('k');
    expect(windowsOf(storage)).toBe(1);
  });

  it('costs the same after 100,000 hits as at first', async () => {
    await hit('k');
    for (let hits = 0; hits < 100_000; hits++) void hit('k');
    expect(await hit('k')).toMatchObject({ totalHits: 100_002 });
    expect(windowsOf(storage)).toBe(1);
  });
});

/** What it keeps is private, and the point of it. */
function windowsOf(storage: MemoryStorage): number {
  return (storage as unknown as { windows: Map<string, unknown> }).windows.size;
}

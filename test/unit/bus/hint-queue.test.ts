import { HintQueue } from '../../../src/bus/hint-queue.js';

const LIMITS = { hints: 10, characters: 100 };

describe('hints that wait', () => {
  it('are taken in order, as many as asked', () => {
    const queue = new HintQueue(LIMITS);
    expect(['a', 'b', 'c'].map((text) => queue.push(text))).toEqual([0, 0, 0]);
    expect([queue.take(2), queue.size, queue.take(2), queue.take(2)]).toEqual([['a', 'b'], 1, ['c'], []]);
  });

  it('may have more to them than their text', () => {
    const queue = new HintQueue<{ channel: string; length: number }>(LIMITS);
    const hints = ['a', 'b', 'c'].map((channel) => ({ channel, length: 40 }));
    expect(hints.map((hint) => queue.push(hint))).toEqual([0, 0, 2]);
    expect(queue.take(9)).toEqual([hints[2]]);
  });

  it('that could not be sent go before those that came since', () => {
    const queue = new HintQueue(LIMITS);
    for (const text of ['a', 'b']) queue.push(text);
    const taken = queue.take(1);
    queue.push('c');
    queue.putBack(taken);
    expect(queue.take(9)).toEqual(['a', 'b', 'c']);
  });

  it('are never more than the limit: the older half is dropped, and counted', () => {
    const queue = new HintQueue(LIMITS);
    let dropped = 0;
    for (let i = 1; i <= 1_000; i++) {
      dropped += queue.push(String(i));
      expect(queue.size).toBeLessThanOrEqual(LIMITS.hints);
    }
    const left = queue.take(99);
    expect(dropped + left.length).toBe(1_000);
    expect(left.at(-1)).toBe('1000');
  });

  it('are never longer than the limit, however few', () => {
    const queue = new HintQueue(LIMITS);
    queue.push('x'.repeat(60));
    expect(queue.push('y'.repeat(60))).toBe(1);
    expect(queue.push('z'.repeat(101))).toBe(2);
    expect(queue.size).toBe(0);
    expect(queue.push('w'.repeat(100))).toBe(0);
    expect(queue.putBack(['v'])).toBe(1);
    expect(queue.take(9)).toEqual(['w'.repeat(100)]);
  });
});

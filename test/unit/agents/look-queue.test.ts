import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { LookQueue } from '../../../src/agents/look-queue.js';

const WIDTH = 3;

it('Whatever is asked for: each thing is done after it was asked for, with the latest word, never twice at once', async () => {
  const asked = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), pause: fc.boolean() }), {
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(asked, async (all) => {
      const running = new Set<string>();
      const last = new Map<string, number>();
      let most = 0;
      const queue = new LookQueue<number>(async (key, value) => {
        expect(running.has(key)).toBe(false);
        running.add(key);
        most = Math.max(most, running.size);
        const before = last.get(key) ?? -1;
        expect(value).toBeGreaterThan(before);
        await delay(value % 2);
        last.set(key, value);
        running.delete(key);
      }, WIDTH);
      const done: Promise<void>[] = [];
      for (const [index, { key, pause }] of all.entries()) {
        done.push(queue.add(key, index).then(() => expect(last.get(key)).toBeGreaterThanOrEqual(index)));
        if (pause) await delay(1);
      }
      await Promise.all(done);
      expect(most).toBeLessThanOrEqual(WIDTH);
    }),
    { numRuns: 60 },
  );
});

it('What is asked for many times while it waits is done once', async () => {
  const seen: string[] = [];
  const queue = new LookQueue<number>(async (key, value) => {
    seen.push(`${key}${value}`);
    await delay(1);
  }, 1);
  await Promise.all([1, 2, 3].flatMap((value) => [queue.add('a', value), queue.add('b', value)]));
  expect(seen).toEqual(['a1', 'b3', 'a3']);
});

it('What has not begun is forgotten, and nobody waits for it', async () => {
  const seen: string[] = [];
  const queue = new LookQueue<number>(async (key) => {
    seen.push(key);
    await delay(1);
  }, 1);
  const looks = ['a', 'b', 'c'].map((key) => queue.add(key, 1));
  queue.clear();
  await Promise.all(looks);
  expect(seen).toEqual(['a']);
});

import { Turns } from '../../../src/webhooks/turns.js';

describe('Turns', () => {
  it('lets so much be done at once, and all of it in order, also when something fails', async () => {
    const turns = new Turns(3);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const all = Array.from({ length: 8 }, (_, index) =>
      turns.run(async () => {
        begun.push(index);
        await new Promise<void>((end) => ends.push(end));
        if (index % 2) throw new Error(`${index}`);
        return index;
      }),
    );
    const settled = Promise.allSettled(all);
    for (let ended = 0; ended < 8; ended++) {
      await new Promise((turn) => setImmediate(turn));
      expect(begun).toEqual(Array.from({ length: Math.min(8, ended + 3) }, (_, index) => index));
      ends[ended]!();
    }
    expect((await settled).map(({ status }) => status)).toEqual(
      Array.from({ length: 8 }, (_, index) => (index % 2 ? 'rejected' : 'fulfilled')),
    );
    expect(await turns.run(() => Promise.resolve('again'))).toBe('again');
  });
});

import { breathe } from '../../../src/bus/breath.js';

/** Whether it is over after so many milliseconds on a clock that stands still by itself. */
async function isOver(sent: number, after: number): Promise<boolean> {
  let over = false;
  void breathe(sent).then(() => (over = true));
  await jest.advanceTimersByTimeAsync(after);
  return over;
}

describe('a breath between two batches of hints', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it.each([0, 1, 3])('is none after %i', async (sent) => expect(await isOver(sent, 0)).toBe(true));

  it.each([
    [4, 1],
    [12, 3],
    [16, 4],
    [500, 4],
  ])('after %i lasts %i ms', async (sent, ms) => {
    expect(await isOver(sent, ms - 1)).toBe(false);
    expect(await isOver(sent, ms)).toBe(true);
  });
});

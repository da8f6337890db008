import { Logger } from '@nestjs/common';
import { LocalBus } from '../../../src/bus/local-bus.js';
import type { Hint } from '../../../src/kernel/events.js';

const aHint = (userId = 1): Hint => ({
  kind: 'log',
  userId,
  entries: [],
  state: { seq: 1, read_seq: 0, unread_count: 0 },
  read: false,
});

describe('the bus of a single node', () => {
  it('brings a hint to everybody who hears that user, and to nobody else', async () => {
    const bus = new LocalBus();
    const [one, two, other] = [jest.fn(), jest.fn(), jest.fn()];
    await Promise.all([bus.subscribe(1, one), bus.subscribe(1, two), bus.subscribe(2, other)]);
    const hint = aHint();
    bus.publish(hint);
    expect([one, two, other].map(({ mock }) => mock.calls)).toEqual([[[hint]], [[hint]], []]);
  });

  it('ends one subscription without touching the others, also when it is ended twice', async () => {
    const bus = new LocalBus();
    const [one, two] = [jest.fn(), jest.fn()];
    const end = await bus.subscribe(1, one);
    end();
    await bus.subscribe(1, two);
    end();
    bus.publish(aHint());
    expect(one).not.toHaveBeenCalled();
    expect(two).toHaveBeenCalledTimes(1);
  });

  it('never throws: a listener that does is not the writer’s matter, nor another listener’s', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const bus = new LocalBus();
    const two = jest.fn();
    await bus.subscribe(1, () => {
      throw new Error('broken');
    });
    await bus.subscribe(1, two);
    bus.publish(aHint());
    bus.publish(aHint(7));
    expect(two).toHaveBeenCalledTimes(1);
  });
});

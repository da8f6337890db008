import { Logger } from '@nestjs/common';
import { LocalBus } from '../../../src/bus/local-bus.js';
import { loadConfig } from '../../../src/config/config.js';
import { Followers } from '../../../src/follow/followers.js';
import type { LogListener } from '../../../src/follow/listener.js';
import type { Hint, TypingSignal } from '../../../src/kernel/events.js';
import type { LogReader } from '../../../src/log/log-reader.js';
import type { StreamText, StreamTexts } from '../../../src/log/stream-texts.js';
import { eventually } from '../../support/eventually.js';
import { ModelLog } from '../../support/model-log.js';

const USER = 1;
const APPEND = { kind: 'append', count: 1, born: false } as const;
const TYPING: TypingSignal = {
  kind: 'typing',
  userId: USER,
  data: { agent_session_id: null, sender: 'user', typing: true },
};

/** A bus whose subscriptions a test can hold up, and count. */
class TestBus extends LocalBus {
  subscribers = 0;
  before: () => Promise<void> = () => Promise.resolve();

  override async subscribe(userId: number, listener: (hint: Hint) => void): Promise<() => void> {
    await this.before();
    const end = await super.subscribe(userId, listener);
    this.subscribers++;
    return () => {
      this.subscribers--;
      end();
    };
  }
}

/** A node with one log, in memory. */
class Node {
  readonly log = new ModelLog();
  /** What was saved of answers that are arriving. */
  readonly saved: StreamText[] = [];
  readonly bus = new TestBus();
  headReads = 0;
  beforeHeads: () => Promise<void> = () => Promise.resolve();
  readonly followers: Followers;

  constructor(interval = '60000') {
    const reader = {
      heads: async (ids: number[]) => {
        this.headReads++;
        await this.beforeHeads();
        return new Map(ids.map((id) => [id, this.log.state]));
      },
      after: (_: number, position: number, limit: number) => Promise.resolve(this.log.after(position, limit)),
    };
    const config = loadConfig({ RECONCILE_INTERVAL_MS: interval });
    const texts = { of: () => Promise.resolve(new Map([[USER, this.saved]])) };
    this.followers = new Followers(
      this.bus,
      reader as unknown as LogReader,
      texts as unknown as StreamTexts,
      config,
    );
  }

  /** A writer commits, and its hints come, or not. */
  write(hints: 'arrive' | 'lost' = 'arrive'): void {
    const published = this.log.commit(APPEND);
    if (hints === 'arrive') for (const hint of published) this.bus.publish(hint);
  }
}

class Listener implements LogListener {
  readonly seen: number[] = [];
  readonly typing: TypingSignal[] = [];
  onEntry({ seq }: { seq: number }): void {
    this.seen.push(seq);
  }
  onTyping(signal: TypingSignal): void {
    this.typing.push(signal);
  }
}

describe('the followers of a node', () => {
  let node: Node;
  beforeEach(() => {
    node = new Node();
    node.write();
  });
  afterEach(() => {
    node.followers.onModuleDestroy();
    jest.restoreAllMocks();
  });

  it('follow a log once, however many listen, and from its present position on', async () => {
    const listeners = [new Listener(), new Listener()];
    const follower = await node.followers.join(USER, listeners[0] as Listener);
    expect(follower.state.seq).toBe(1);
    node.write();
    expect(await node.followers.join(USER, listeners[1] as Listener)).toBe(follower);
    node.write();
    expect(listeners.map(({ seen }) => seen)).toEqual([[2, 3], [3]]);
    expect(node.bus.subscribers).toBe(1);
  });

  it('stop with the last who leaves, not before, and begin again at the present', async () => {
    const [one, two] = [new Listener(), new Listener()];
    await Promise.all([one, two].map((listener) => node.followers.join(USER, listener)));
    node.followers.leave(USER, one);
    node.followers.leave(USER, one);
    expect(node.bus.subscribers).toBe(1);
    node.write();
    expect([one.seen, two.seen]).toEqual([[], [2]]);
    node.followers.leave(USER, two);
    expect(node.bus.subscribers).toBe(0);
    node.write();
    expect((await node.followers.join(USER, two)).state.seq).toBe(3);
    node.write();
    expect(two.seen).toEqual([2, 4]);
  });

  it('do not lose a hint that comes between subscribing and reading the head', async () => {
    const listener = new Listener();
    const gate = aGate();
    node.beforeHeads = () => gate.opened;
    const joined = node.followers.join(USER, listener);
    await eventually(() => expect(node.headReads).toBe(1), { everyMs: 1 });
    node.write(); // the head is read after this, or before: either way once
    const stale = node.log.state;
    gate.open();
    const follower = await joined;
    expect(follower.state).toEqual(stale);
    node.write();
    expect(listener.seen).toEqual([3]);
  });

  it('use a hint that is newer than the head they have read', async () => {
    const listener = new Listener();
    const early = node.log.state;
    const gate = aGate();
    const heads = jest.fn(async () => {
      await gate.opened;
      return new Map([[USER, early]]);
    });
    const reader = {
      heads,
      after: (_: number, position: number) => Promise.resolve(node.log.after(position, 200)),
    };
    const texts = { of: () => Promise.resolve(new Map()) } as unknown as StreamTexts;
    const followers = new Followers(node.bus, reader as unknown as LogReader, texts, loadConfig({}));
    const joined = followers.join(USER, listener);
    await eventually(() => expect(heads).toHaveBeenCalled(), { everyMs: 1 });
    node.write();
    node.write();
    gate.open();
    await joined;
    expect(listener.seen).toEqual([2, 3]);
    followers.onModuleDestroy();
  });

  it('unsubscribe when everybody has left before the subscription was there', async () => {
    const gate = aGate();
    node.bus.before = () => gate.opened;
    const listener = new Listener();
    const joined = node.followers.join(USER, listener);
    node.followers.leave(USER, listener);
    gate.open();
    await joined;
    expect(node.bus.subscribers).toBe(0);
  });

  it.each([
    ['the bus', (failing: Node, fail: () => Promise<never>) => (failing.bus.before = fail)],
    ['the database', (failing: Node, fail: () => Promise<never>) => (failing.beforeHeads = fail)],
  ])('refuse all who join while %s is away, leave nothing behind, and try again', async (_, breakIt) => {
    const [ok, okHeads] = [node.bus.before, node.beforeHeads];
    breakIt(node, () => Promise.reject(new Error('away')));
    const joined = [new Listener(), new Listener()].map((listener) => node.followers.join(USER, listener));
    for (const result of await Promise.allSettled(joined))
      expect(result).toMatchObject({ status: 'rejected', reason: { message: 'away' } });
    expect(node.bus.subscribers).toBe(0);
    [node.bus.before, node.beforeHeads] = [ok, okHeads];
    const listener = new Listener();
    await node.followers.join(USER, listener);
    node.write();
    expect(listener.seen).toEqual([2]);
  });

  it('bring what hints lost when they compare heads, by one query for all', async () => {
    const listeners = [1, 2, 3].map(() => new Listener());
    await Promise.all(listeners.map((listener, index) => node.followers.join(USER + index, listener)));
    node.write('lost');
    const before = node.headReads;
    await node.followers.reconcile();
    expect(node.headReads).toBe(before + 1);
    await eventually(() => expect(listeners.map(({ seen }) => seen)).toEqual([[2], [2], [2]]), {
      everyMs: 1,
    });
  });

  it('ask nothing when they follow nobody', async () => {
    await node.followers.reconcile();
    expect(node.headReads).toBe(0);
  });

  it('compare heads by themselves, also after the database was away', async () => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const quick = new Node('50');
    quick.followers.onModuleInit();
    const listener = new Listener();
    await quick.followers.join(USER, listener);
    quick.beforeHeads = () => Promise.reject(new Error('away'));
    quick.write('lost');
    await eventually(() => expect(quick.headReads).toBeGreaterThanOrEqual(3));
    expect(listener.seen).toEqual([]);
    quick.beforeHeads = () => Promise.resolve();
    await eventually(() => expect(listener.seen).toEqual([1]));
    quick.followers.onModuleDestroy();
  });

  it('pass on what is ephemeral to those who want it, and one listener’s failure is not another’s', async () => {
    const warned = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const failing: LogListener = {
      onEntry: () => {
        throw new Error('broken listener');
      },
    };
    const listener = new Listener();
    await node.followers.join(USER, failing);
    await node.followers.join(USER, listener);
    node.bus.publish(TYPING);
    node.write();
    node.write();
    expect(listener.typing).toEqual([TYPING]);
    expect(listener.seen).toEqual([2, 3]);
    expect(warned).toHaveBeenCalledTimes(2);
  });
});

function aGate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

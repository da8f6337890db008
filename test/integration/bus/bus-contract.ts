import type { Bus } from '../../../src/bus/bus.js';
import {
  accountChannel,
  type Channel,
  type Hint,
  type InboxHint,
  type LogHint,
  type TypingSignal,
} from '../../../src/kernel/events.js';
import { JsonText } from '../../../src/kernel/json-text.js';
import type { Message } from '../../../src/kernel/wire.dto.js';
import { eventually } from '../../support/eventually.js';

/** The buses of two nodes that see each other. */
export interface BusPair {
  readonly here: Bus;
  readonly there: Bus;
  /** Ends what connects `there` with the others, from outside. It may come back by itself. */
  breakThere(): Promise<void>;
  close(): Promise<void>;
}

/** A hint of entry `seq`; its text is as long as asked, in characters. */
export function aHint(userId: number, seq = 1, length = 5): LogHint {
  const data = JsonText.write({ seq, payload: { content: 'x'.repeat(length) } } as Message);
  return {
    kind: 'log',
    userId,
    entries: [{ seq, event: 'message', data }],
    state: { seq, read_seq: 0, unread_count: seq },
    read: false,
  };
}

export function aTyping(userId: number): TypingSignal {
  const data = { agent_session_id: 'one', sender: 'user', typing: true } as const;
  return { kind: 'typing', userId, data, origin: 'socket-1' };
}

export function anInboxHint(accountId: number, userId: number, seq = 1): InboxHint {
  return { kind: 'inbox', accountId, userId, platformUserId: 'ann', agentSessionId: 'one', seq };
}

/** Remembers what a subscription hears. */
export async function hearing(bus: Bus, channel: Channel): Promise<{ heard: Hint[]; end: () => void }> {
  const heard: Hint[] = [];
  return { heard, end: await bus.subscribe(channel, (hint) => heard.push(hint)) };
}

/** Waits until hints of this user come through, whatever was lost before; `user` must be one that nothing else uses. */
export async function untilHeard(from: Bus, to: Bus, user: number): Promise<void> {
  const { heard, end } = await hearing(to, user);
  await eventually(
    () => {
      from.publish(aHint(user));
      expect(heard).not.toEqual([]);
    },
    { timeoutMs: 15_000, everyMs: 50 },
  );
  end();
}

/** What every bus between nodes does. @param open two buses on a server of this test's own, for each test anew */
export function describeBus(name: string, open: () => Promise<BusPair>): void {
  describe(`${name}, as every bus`, () => {
    let pair: BusPair;
    /** Published after everything a test wants to see not delivered: when it is there, the rest would be, too. */
    const LAST = 999_999;
    const untilAllPassed = async (): Promise<void> => {
      await untilHeard(pair.here, pair.there, LAST);
      await untilHeard(pair.there, pair.here, LAST);
    };

    beforeEach(async () => {
      pair = await open();
      await untilAllPassed();
    }, 30_000);
    afterEach(() => pair.close());

    it('delivers on its own node at once, and once', async () => {
      const { heard } = await hearing(pair.here, 1);
      pair.here.publish(aHint(1));
      expect(heard).toEqual([aHint(1)]);
      await untilAllPassed();
      expect(heard).toEqual([aHint(1)]);
    });

    it('delivers on the other node, in order, to everybody who hears that user', async () => {
      const all = [await hearing(pair.there, 1), await hearing(pair.there, 1)];
      const hints = Array.from({ length: 500 }, (_, index) => aHint(1, index + 1));
      for (const hint of hints) pair.here.publish(hint);
      for (const { heard } of all) await eventually(() => expect(heard).toEqual(hints));
      await untilAllPassed();
      for (const { heard } of all) expect(heard).toHaveLength(hints.length);
    });

    it('delivers to nobody what is another user’s', async () => {
      const { heard } = await hearing(pair.there, 1);
      pair.here.publish(aHint(2));
      pair.here.publish(aHint(11));
      await untilAllPassed();
      expect(heard).toEqual([]);
    });

    it('ends a subscription without touching the others, also when it is ended twice and made again', async () => {
      const [ended, other] = [await hearing(pair.there, 1), await hearing(pair.there, 1)];
      ended.end();
      ended.end();
      pair.here.publish(aHint(1, 1));
      await eventually(() => expect(other.heard).toHaveLength(1));
      expect(ended.heard).toEqual([]);
      other.end();
      const again = await hearing(pair.there, 1);
      ended.end();
      pair.here.publish(aHint(1, 2));
      await eventually(() => expect(again.heard).toEqual([aHint(1, 2)]));
      expect(other.heard).toHaveLength(1);
    });

    it('rings for an entry of any size: with it, or without', async () => {
      const { heard } = await hearing(pair.there, 1);
      const sizes = [7_000, 7_900, 8_200, 300_000];
      sizes.forEach((length, index) => pair.here.publish(aHint(1, index + 1, length)));
      await eventually(() => expect(heard).toHaveLength(sizes.length));
      for (const [index, length] of sizes.entries()) {
        const whole = aHint(1, index + 1, length);
        expect([whole, { ...whole, entries: [] }]).toContainEqual(heard[index]);
      }
      expect(heard[0]).toEqual(aHint(1, 1, 7_000));
    });

    it('carries any text', async () => {
      const { heard } = await hearing(pair.there, 1);
      const hint = aHint(1);
      Object.assign((hint.entries[0]!.data as JsonText<Message>).parse(), {
        payload: { content: 'a\nb "c" \\ \u0000 \u2028 🙂 \ud800 {} $1' },
      });
      pair.here.publish(hint);
      await eventually(() => expect(heard).toEqual([hint]));
    });

    it('carries typing', async () => {
      const { heard } = await hearing(pair.there, 1);
      pair.here.publish(aTyping(1));
      await eventually(() => expect(heard).toEqual([aTyping(1)]));
    });

    it('carries what is an account’s to who hears the account, and to nobody who hears a user', async () => {
      const [here, there] = [
        await hearing(pair.here, accountChannel(7)),
        await hearing(pair.there, accountChannel(7)),
      ];
      const others = [await hearing(pair.there, 7), await hearing(pair.there, accountChannel(70))];
      const hints = Array.from({ length: 100 }, (_, index) => anInboxHint(7, 7, index + 1));
      for (const hint of hints) pair.here.publish(hint);
      expect(here.heard).toEqual(hints);
      await eventually(() => expect(there.heard).toEqual(hints));
      await untilAllPassed();
      for (const { heard } of others) expect(heard).toEqual([]);
      there.end();
      pair.here.publish(anInboxHint(7, 7));
      await untilAllPassed();
      expect(there.heard).toHaveLength(hints.length);
    });

    it('carries pieces of an answer, and the wish to stop it', async () => {
      const { heard } = await hearing(pair.there, 1);
      const hints: Hint[] = [
        {
          kind: 'delta',
          userId: 1,
          data: { message_id: 'msg_1', agent_session_id: 'one', offset: 3, delta: 'lo 🙂\n' },
        },
        { kind: 'stop', userId: 1, data: { message_id: 'msg_1' } },
      ];
      for (const hint of hints) pair.here.publish(hint);
      await eventually(() => expect(heard).toEqual(hints));
    });

    it('goes on when a listener throws', async () => {
      await pair.there.subscribe(1, () => {
        throw new Error('broken on purpose');
      });
      const { heard } = await hearing(pair.there, 1);
      pair.here.publish(aHint(1));
      await eventually(() => expect(heard).toHaveLength(1));
    });

    it('says that hints may be lost when its connection was ended, and carries them again', async () => {
      const onLapse = jest.fn();
      pair.there.onLapse(onLapse);
      const { heard } = await hearing(pair.there, 1);
      expect(onLapse).not.toHaveBeenCalled();
      await pair.breakThere();
      await eventually(() => expect(onLapse).toHaveBeenCalled(), { timeoutMs: 10_000 });
      pair.here.publish(aHint(1));
      await eventually(() => expect(heard).toEqual([aHint(1)]));
      await untilAllPassed();
    });

    it('never throws and keeps little, however much is published at once', async () => {
      const before = process.memoryUsage().rss;
      const hint = aHint(1, 1, 6_000);
      for (let i = 0; i < 50_000; i++) pair.here.publish(hint); // 300 MB of text
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
      await untilAllPassed();
    });
  });
}

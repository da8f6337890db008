import fc from 'fast-check';
import { Follower, type Slice } from '../../../src/follow/follower.js';
import { Replay } from '../../../src/follow/replay.js';
import type { LogEntry } from '../../../src/kernel/events.js';
import type { LogReader } from '../../../src/log/log-reader.js';
import { expectLog } from '../../support/expect-log.js';
import { type Change, ModelLog } from '../../support/model-log.js';

const USER = 1;
const PAGE = 4;

/** What happens while somebody is brought up to date, in any order. */
type Step =
  | { do: 'commit'; change: Change; hint: 'arrives' | 'is lost' }
  | { do: 'compare heads' }
  /** Somebody comes back with a position. */
  | { do: 'join'; after: number }
  | { do: 'leave'; which: number }
  /** A read of the log that is under way sees the database as it is now; its answer comes later. */
  | { do: 'snapshot'; which: number }
  | { do: 'answer'; which: number };

const which = fc.nat(10);
const target = fc.nat(50);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 6 }),
      born: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constantFrom('edit' as const, 'read' as const, 'session' as const), target }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      change,
      hint: fc.constantFrom('arrives' as const, 'arrives' as const, 'is lost' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('join' as const), after: fc.nat() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('snapshot' as const, 'answer' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which }) },
  { weight: 1, arbitrary: fc.constant({ do: 'compare heads' as const }) },
);

/** Somebody who was away. */
class Joiner {
  readonly seen: LogEntry[] = [];
  isHere = true;
  hasEntered = false;
  /** How much had been seen by who left. */
  seenWhenLeft = 0;

  constructor(readonly after: number) {}
}

class World {
  readonly log = new ModelLog();
  readonly joiners: Joiner[] = [];
  private readonly reads: { position: number; slice?: Slice; resolve(slice: Slice): void }[] = [];
  private readonly reader = {
    after: (_: number, position: number) =>
      new Promise<Slice>((resolve) => this.reads.push({ position, resolve })),
  };
  private readonly replay = new Replay(this.reader as unknown as LogReader);
  private readonly follower: Follower;

  constructor(history: Change[]) {
    for (const past of history) this.log.commit(past);
    this.follower = new Follower(this.log.state, {
      readAfter: (position) => this.reader.after(USER, position),
      onEntry: (entry) => {
        for (const { isHere, hasEntered, seen } of this.joiners) if (isHere && hasEntered) seen.push(entry);
      },
      onRead: () => undefined,
      onError: (error) => {
        throw error;
      },
    });
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'commit') {
      for (const hint of this.log.commit(step.change)) if (step.hint === 'arrives') this.follower.hint(hint);
    } else if (step.do === 'compare heads') this.follower.compare(this.log.state);
    else if (step.do === 'join') this.join(step.after % (this.follower.state.seq + 1));
    else if (step.do === 'leave') this.leave(step.which);
    else if (step.do === 'snapshot') this.snapshot(step.which);
    else this.answer(step.which);
    await settled();
  }

  /** Every read is answered, and the follower has caught up. */
  async calm(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      this.follower.compare(this.log.state);
      for (; this.reads.length > 0; await settled()) this.answer(0);
    }
  }

  join(after: number): void {
    const joiner = new Joiner(after);
    this.joiners.push(joiner);
    void this.replay.run(USER, this.follower, after, {
      take: (entries) => void joiner.seen.push(...entries),
      isReady: () => Promise.resolve(joiner.isHere),
      enter: () => (joiner.hasEntered = true),
    });
  }

  private leave(which: number): void {
    const joiner = this.joiners[which % Math.max(1, this.joiners.length)];
    if (!joiner?.isHere) return;
    joiner.isHere = false;
    joiner.seenWhenLeft = joiner.seen.length;
  }

  private snapshot(which: number): void {
    const read = this.reads[which % Math.max(1, this.reads.length)];
    if (read) read.slice ??= this.log.after(read.position, PAGE);
  }

  private answer(which: number): void {
    const at = which % Math.max(1, this.reads.length);
    this.snapshot(at);
    const [read] = this.reads.splice(at, 1);
    read?.resolve(read.slice as Slice);
  }
}

describe('a replay', () => {
  it('lets everybody in exactly where they were, at whatever moment they come', async () => {
    let entered = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 8 }),
        fc.array(step, { minLength: 10, maxLength: 50 }),
        async (history, plan) => {
          const world = new World(history);
          for (const one of plan) await world.take(one);
          await world.calm();
          for (const joiner of world.joiners.filter(({ isHere }) => isHere)) {
            expect(joiner.hasEntered).toBe(true);
            expectLog(world.log, joiner.after, joiner.seen);
            entered++;
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(entered).toBeGreaterThan(300);
  });

  it('sends nothing more to who left while a page was read', async () => {
    const world = new World([{ kind: 'append', count: 3 * PAGE, born: true }]);
    world.join(0);
    await settled();
    await world.take({ do: 'answer', which: 0 });
    await world.take({ do: 'leave', which: 0 });
    await world.calm();
    const [joiner] = world.joiners;
    expect(joiner?.seenWhenLeft).toBeGreaterThan(0);
    expect(joiner?.seen).toHaveLength(joiner?.seenWhenLeft ?? 0);
    expect(joiner?.hasEntered).toBe(false);
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

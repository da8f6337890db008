import fc from 'fast-check';
import type { LogEntry, LogHint } from '../../../src/kernel/events.js';
import type { ReadState } from '../../../src/kernel/wire.dto.js';
import { Follower, type Slice } from '../../../src/follow/follower.js';
import { expectLog } from '../../support/expect-log.js';
import { type Change, ModelLog } from '../../support/model-log.js';

const PAGE = 4;

/** What happens around a follower, in any order. */
type Step =
  /** A writer commits. Its hints arrive, are held up, arrive twice, or are lost (also: the writer died). */
  | { do: 'commit'; change: Change; hints: 'arrive' | 'held up' | 'doubled' | 'lost' }
  | { do: 'late hint'; which: number; again: boolean }
  | { do: 'compare heads' }
  /** The read of the log that is under way sees the database as it is now; its answer takes a while longer. */
  | { do: 'snapshot' }
  | { do: 'answer' }
  | { do: 'fail' };

const target = fc.nat(50);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 6 }),
      born: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constantFrom('edit' as const, 'read' as const, 'readUpTo' as const), target }),
  fc.record({ kind: fc.constant('session' as const), target }),
);
const steps = (...fates: (Step & { do: 'commit' })['hints'][]) =>
  fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('commit' as const),
          change,
          hints: fc.constantFrom(...fates),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('late hint' as const), which: fc.nat(), again: fc.boolean() }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('snapshot' as const, 'answer' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('compare heads' as const) }) },
    ),
    { maxLength: 60 },
  );
const withFailures = (plan: fc.Arbitrary<Step[]>) =>
  fc
    .tuple(plan, fc.array(fc.nat(60), { maxLength: 5 }))
    .map(([all, failures]) =>
      failures.reduce<Step[]>((result, at) => result.toSpliced(at, 0, { do: 'fail' }), all),
    );

/** A follower of a model log, and everything it passes on. */
class World {
  readonly log = new ModelLog();
  readonly seen: LogEntry[] = [];
  readonly reads: ReadState[] = [];
  readonly errors: unknown[] = [];
  private readonly late: LogHint[] = [];
  private pending:
    { position: number; slice?: Slice; resolve(slice: Slice): void; reject(error: Error): void } | undefined;
  readonly start: ReadState;
  readonly follower: Follower;

  constructor(history: Change[]) {
    for (const past of history) this.log.commit(past);
    this.start = this.log.state;
    this.follower = new Follower(this.start, {
      readAfter: (position) =>
        new Promise<Slice>((resolve, reject) => {
          expect(this.pending).toBeUndefined(); // one catch-up at a time
          this.pending = { position, resolve, reject };
        }),
      onEntry: (entry) => this.seen.push(entry),
      onRead: (state) => this.reads.push(state),
      onError: (error) => this.errors.push(error),
    });
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'commit') this.spread(this.log.commit(step.change), step.hints);
    else if (step.do === 'late hint') this.deliverLate(step.which, step.again);
    else if (step.do === 'compare heads') this.follower.compare(this.log.state);
    else if (step.do === 'snapshot') this.snapshot();
    else if (step.do === 'answer') await this.answer();
    else await this.fail();
    expect(this.follower.state.seq).toBeGreaterThanOrEqual(this.seen.at(-1)?.seq ?? this.start.seq);
  }

  /** What is held up arrives, and every read is answered. */
  async calm(): Promise<void> {
    while (this.late.length > 0) this.deliverLate(0, false);
    while (this.pending) await this.answer();
  }

  private spread(hints: LogHint[], fate: (Step & { do: 'commit' })['hints']): void {
    if (fate !== 'lost' && fate !== 'arrive') this.late.push(...hints);
    if (fate === 'arrive' || fate === 'doubled') for (const hint of hints) this.follower.hint(hint);
  }

  private deliverLate(which: number, again: boolean): void {
    const at = which % Math.max(1, this.late.length);
    const [hint] = again ? [this.late[at]] : this.late.splice(at, 1);
    if (hint) this.follower.hint(hint);
  }

  private snapshot(): void {
    if (this.pending) this.pending.slice ??= this.log.after(this.pending.position, PAGE);
  }

  private async answer(): Promise<void> {
    const { pending } = this;
    if (!pending) return;
    this.snapshot();
    this.pending = undefined;
    pending.resolve(pending.slice as Slice);
    await settled();
  }

  private async fail(): Promise<void> {
    const { pending } = this;
    this.pending = undefined;
    pending?.reject(new Error('the database is away'));
    await settled();
  }
}

describe('a follower', () => {
  it('passes on the log after its start, in order, nothing missing, nothing twice, whatever becomes of the hints', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 8 }),
        withFailures(steps('arrive', 'held up', 'doubled', 'lost')),
        async (history, plan) => {
          const world = new World(history);
          for (const step of plan) await world.take(step);
          await world.calm();
          await world.take({ do: 'compare heads' });
          await world.calm();
          expectWholeLog(world);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('needs no comparison of heads as long as no hint is lost, in whatever order they come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 8 }),
        steps('arrive', 'held up', 'doubled').map((plan) =>
          plan.filter((step) => step.do !== 'compare heads'),
        ),
        async (history, plan) => {
          const world = new World(history);
          for (const step of plan) await world.take(step);
          await world.calm();
          expectWholeLog(world);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('uses hints that continue the log as they are, without reading it', () => {
    const world = new World([]);
    for (const hint of [
      ...world.log.commit({ kind: 'append', count: 3, born: true }),
      ...world.log.commit({ kind: 'edit', target: 1 }),
    ])
      world.follower.hint(hint);
    expect(world.seen).toEqual(world.log.written);
    expect(world.follower.state).toEqual(world.log.state);
  });

  it('survives a failed catch-up: it says so, and the next hint tries again', async () => {
    const world = new World([]);
    world.log.commit({ kind: 'append', count: 2, born: false });
    await world.take({ do: 'compare heads' });
    await world.take({ do: 'fail' });
    expect(world.errors).toEqual([new Error('the database is away')]);
    expect(world.seen).toEqual([]);
    await world.take({ do: 'commit', change: { kind: 'append', count: 1, born: false }, hints: 'arrive' });
    await world.calm();
    expectWholeLog(world);
  });

  it('tells what was read singly, however many pages lie between', async () => {
    const world = new World([{ kind: 'append', count: 1, born: false }]);
    world.log.commit({ kind: 'read', target: 0 });
    world.log.commit({ kind: 'append', count: 3 * PAGE, born: false });
    await world.take({ do: 'compare heads' });
    await world.calm();
    expect(world.reads.at(-1)).toEqual(world.log.state);
  });

  it('tells the read state after a catch-up of several pages: who entered in the middle was told an older one', async () => {
    const world = new World([]);
    world.log.commit({ kind: 'append', count: 2 * PAGE, born: false });
    await world.take({ do: 'compare heads' });
    await world.take({ do: 'answer' });
    expect(world.follower.state.seq).toBeLessThan(world.log.state.seq); // here somebody enters
    await world.calm();
    expect(world.reads).toEqual([world.log.state]);
  });

  it('tells what was read singly also when the catch-up failed after it', async () => {
    const world = new World([{ kind: 'append', count: 1, born: false }]);
    world.log.commit({ kind: 'read', target: 0 });
    world.log.commit({ kind: 'append', count: 2 * PAGE, born: false });
    await world.take({ do: 'compare heads' });
    await world.take({ do: 'answer' });
    await world.take({ do: 'fail' });
    await world.take({ do: 'compare heads' });
    await world.calm();
    expect(world.reads).toEqual([world.log.state]);
  });

  it('does not read for ever when a head is announced that the log does not have', async () => {
    const world = new World([]);
    world.follower.compare({ seq: 7, read_seq: 7, unread_count: 0 });
    await world.calm();
    expect(world.follower.state).toEqual(world.log.state);
  });
});

function expectWholeLog({ log, follower, start, seen, reads }: World): void {
  expect(follower.state).toEqual(log.state);
  expectLog(log, start.seq, seen);
  expect(goesBack(reads)).toBe(false);
  if (log.state.read_seq > start.read_seq) expect(reads.at(-1)?.read_seq).toBe(log.state.read_seq);
}

function goesBack(states: ReadState[]): boolean {
  return states.some((state, index) => {
    const before = states[index - 1];
    return before !== undefined && (state.seq < before.seq || state.read_seq < before.read_seq);
  });
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

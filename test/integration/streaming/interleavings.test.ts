import fc from 'fast-check';
import { LocalBus } from '../../../src/bus/local-bus.js';
import type { LogEntry } from '../../../src/kernel/events.js';
import { ParleyError } from '../../../src/kernel/errors.js';
import type { Message } from '../../../src/kernel/wire.dto.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aSource, startStreamNode, type StreamNode } from './stream-node.js';

const RUNS = 12;
const ENV = { STREAM_TIMEOUT_MS: '600000', RECONCILE_INTERVAL_MS: '50', STREAM_WINDOW_MS: '1' };

/** What may happen to an agent that has a text to say, and to the nodes that it says it to. */
type Step =
  | { kind: 'append'; length: number }
  | { kind: 'repeat'; back: number; length: number }
  | { kind: 'skip'; ahead: number }
  | { kind: 'reconnect' }
  | { kind: 'pause' }
  | { kind: 'kill' }
  | { kind: 'lose' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('append' as const), length: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('repeat' as const),
      back: fc.nat(60),
      length: fc.nat(80),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('skip' as const), ahead: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reconnect' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const) }) },
);

/** A bus between two nodes that forgets pieces for a while when told to. */
class LossyBus extends LocalBus {
  losing = 0;
  override publish(hint: Parameters<LocalBus['publish']>[0]): void {
    if (hint.kind === 'delta' && this.losing > 0) this.losing--;
    else super.publish(hint);
  }
}

/** Two nodes; the agent talks to one, its user listens to the other. A killed node comes back as a new one. */
class World {
  readonly bus = new LossyBus();
  private nodes: StreamNode[] = [];
  private at = 0;

  constructor(private readonly url: string) {}

  async start(): Promise<void> {
    this.nodes = [
      await startStreamNode(this.url, ENV, this.bus),
      await startStreamNode(this.url, ENV, this.bus),
    ];
  }

  get agentNode(): StreamNode {
    return this.nodes[this.at]!;
  }

  reconnect(): void {
    this.at = 1 - this.at;
  }

  /** Ends the agent's node, which is replaced, and the agent goes to the other one. */
  async kill(): Promise<void> {
    const dead = this.at;
    await this.nodes[dead]!.kill();
    this.reconnect();
    this.nodes[dead] = await startStreamNode(this.url, ENV, this.bus);
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }
}

/** An agent that says a text, and goes on from where it is told after whatever has happened. */
class Agent {
  private said = 0;
  constructor(
    private readonly world: World,
    private readonly account: number,
    private readonly id: string,
    private readonly text: string,
  ) {}

  async append(start: number, end: number): Promise<void> {
    const from = betweenCharacters(this.text, start);
    const delta = this.text.slice(from, betweenCharacters(this.text, end));
    const piece = { message_id: this.id, offset: from, delta };
    try {
      this.said = (await this.world.agentNode.streams.append(aSource(this.account), piece)).offset;
    } catch (error) {
      this.said = offsetOf(error);
      expect(from).toBeGreaterThan(this.said); // refused for a gap, never for what was said before
    }
  }

  async do(one: Step): Promise<void> {
    if (one.kind === 'append') await this.append(this.said, this.said + one.length);
    if (one.kind === 'repeat') {
      const from = Math.max(0, this.said - one.back);
      await this.append(from, from + one.length);
    }
    if (one.kind === 'skip') await this.append(this.said + one.ahead, this.said + one.ahead + 5);
    if (one.kind === 'reconnect') this.world.reconnect();
    if (one.kind === 'pause') await new Promise((resolve) => setTimeout(resolve, 30));
    if (one.kind === 'kill') await this.world.kill();
    if (one.kind === 'lose') this.world.bus.losing = 3;
  }

  /** What was taken may have gone with its node: the end says how long the text is. */
  async finish(): Promise<Message> {
    for (;;) {
      while (this.said < this.text.length) await this.append(this.said, this.text.length);
      const source = aSource(this.account);
      const end = { offset: this.text.length };
      const finished = await this.world.agentNode.streams.finish(source, this.id, end).catch(offsetOf);
      if (typeof finished !== 'number') return finished;
      this.said = finished;
    }
  }
}

/** The length that a refusal says is known. */
function offsetOf(error: unknown): number {
  if (!(error instanceof ParleyError) || typeof error.details.offset !== 'number') throw error;
  expect(error.code).toBe('resource_conflict');
  return error.details.offset;
}

/** The position, or the one before it where it would cut a character in two. */
function betweenCharacters(text: string, position: number): number {
  const code = text.charCodeAt(position);
  return code >= 0xdc00 && code <= 0xdfff ? position - 1 : position;
}

let database: TestDatabase;
let world: World;
let watcher: StreamNode;
let account: number;

beforeAll(async () => {
  database = await createTestDatabase();
  world = new World(database.url);
  await world.start();
  watcher = await startStreamNode(database.url, ENV, world.bus);
  const [row] = await watcher.dataSource.query(`INSERT INTO accounts (name) VALUES ('a') RETURNING id`);
  account = row.id;
});
afterAll(async () => {
  await world.close();
  await watcher.close();
  await database.drop();
});

it('any interleaving of append, repeat, gap, reconnect, kill and lost hints gives the same text', async () => {
  let user = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 400 }).filter((text) => !text.includes('\0')),
      fc.array(step, { maxLength: 25 }),
      async (text, steps) => {
        const platformUserId = `user-${++user}`;
        const { userId } = await watcher.users.ensure(account, platformUserId);
        let heard = '';
        const entries: LogEntry[] = [];
        const listener = {
          onEntry: (entry: LogEntry) => void entries.push(entry),
          onDelta: ({ offset, delta }: { offset: number; delta: string }) => {
            expect(offset).toBe(heard.length);
            heard += delta;
          },
        };
        await watcher.followers.join(userId, listener);
        const { message } = await world.agentNode.streams.start(aSource(account), { platformUserId });
        const agent = new Agent(world, account, message.id, text);
        for (const one of steps) {
          await agent.do(one);
          expect(text.startsWith(heard)).toBe(true);
        }
        const finished = await agent.finish();
        expect(finished.payload.content).toBe(text);
        await eventually(() => expect(entries.at(-1)!.data).toEqual(finished));
        expect(entries.map(({ event }) => event)).toEqual(['message', 'session', 'message:updated']);
        watcher.followers.leave(userId, listener);
      },
    ),
    { numRuns: RUNS, interruptAfterTimeLimit: 25_000, endOnFailure: true },
  );
}, 60_000);

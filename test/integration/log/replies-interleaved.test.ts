import fc from 'fast-check';
import type { Holder, Told } from '../../../src/log/claims.js';
import type { LogOwner } from '../../../src/log/log-types.js';
import type { Reply } from '../../../src/log/replies.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { deadlocks } from '../../support/head-lock.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

const SESSIONS = ['one', 'two'];
const AGENTS = 4;

type Command =
  | { kind: 'ask' | 'expire'; session: string }
  | { kind: 'look' | 'claim' | 'reply' | 'reply twice' | 'release'; agent: number; session: string }
  | { kind: 'reconnect'; agent: number };

/** What an agent has answered, and with which message. */
interface Answer extends Told {
  readonly session: string;
  readonly seq: number;
}

const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), session: fc.constantFrom(...SESSIONS) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('expire' as const), session: fc.constantFrom(...SESSIONS) }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...(['look', 'look', 'look', 'claim', 'reply', 'reply', 'reply twice', 'release'] as const),
      ),
      agent: fc.nat(AGENTS - 1),
      session: fc.constantFrom(...SESSIONS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), agent: fc.nat(AGENTS - 1) }) },
) satisfies fc.Arbitrary<Command>;
/** What happens at once; an agent does one thing at a time. */
const together = fc.uniqueArray(command, {
  minLength: 1,
  maxLength: 6,
  selector: (one) => ('agent' in one ? `agent ${one.agent}` : Symbol(one.kind)),
});

let connections = 0;

/** An agent as a socket of a node: it knows what it was told, sleeps as long as it likes, and answers. */
class Agent {
  private holder = aHolder();
  private readonly told = new Map<string, Told>();
  readonly answers: Answer[] = [];

  constructor(
    private readonly node: LogNode,
    private readonly owner: LogOwner,
  ) {}

  /** Hears what waits, unless somebody else is at it. */
  async look(session: string): Promise<void> {
    const pending = await this.node.inbox.pendingOf(this.owner, session);
    if (!pending || (pending.claim && pending.claim.holder !== this.holder.connectionId)) return;
    const messages = await this.node.inbox.messages(this.owner, session, pending.sinceSeq, 5);
    const upTo = messages.at(-1)?.seq;
    if (upTo !== undefined) this.told.set(session, { sinceSeq: pending.sinceSeq, upTo });
  }

  async claim(session: string): Promise<void> {
    await this.node.claims.claim(this.owner, session, this.holder).catch(refused);
  }

  async release(session: string): Promise<void> {
    await this.node.claims.release(this.owner, session, this.holder.connectionId);
  }

  /** The connection ends, and another begins: told of nothing. */
  async reconnect(): Promise<void> {
    await this.node.claims.releaseAll(this.holder.connectionId);
    this.holder = aHolder();
    this.told.clear();
  }

  /** Answers what it was told last, if anything. @param times how often it says it, as if no answer had come */
  async reply(session: string, times = 1): Promise<void> {
    const told = this.told.get(session);
    if (!told) return;
    this.told.delete(session);
    const clientMessageId = `reply-${++connections}`;
    const message = aMessage({ agentSessionId: session, clientMessageId }) as Reply;
    const said = await Promise.all(
      Array.from({ length: times }, () =>
        this.node.replies.reply(this.owner, message, this.holder, told).catch(refused),
      ),
    );
    // A repeat may be taken where the first was refused: written is it once at most.
    const seqs = new Set(said.flatMap((one) => one?.message.seq ?? []));
    expect(seqs.size).toBeLessThanOrEqual(1);
    for (const seq of seqs) this.answers.push({ ...told, session, seq });
  }
}

describe('agents on two nodes that look, claim, sleep, lose their claims and answer at random', () => {
  let database: TestDatabase;
  let nodes: [LogNode, LogNode];

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = [await startLogNode(database.url), await startLogNode(database.url)];
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    expect(await deadlocks(database.connection)).toBe(0);
    await database.drop();
  });

  it('answer each message of the user exactly once', async () => {
    let answered = 0;
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(together, { minLength: 5, maxLength: 30, size: 'max' }), async (steps) => {
        const account = await anAccount(nodes[0]);
        const owner = await nodes[0].users.ensure(account, 'ann');
        const agents = Array.from({ length: AGENTS }, (_, index) => new Agent(nodes[index % 2]!, owner));
        const ask = (session: string) =>
          nodes[connections++ % 2]!.appender.append(
            account,
            'ann',
            aMessage({ sender: 'user', agentSessionId: session }),
          );
        const run = async (one: Command): Promise<unknown> => {
          if (!('agent' in one)) return one.kind === 'ask' ? ask(one.session) : expire(owner, one.session);
          const agent = agents[one.agent]!;
          if (one.kind === 'reconnect') return agent.reconnect();
          if (one.kind === 'reply twice') return agent.reply(one.session, 2);
          return agent[one.kind](one.session);
        };
        for (const session of SESSIONS) await ask(session);
        for (const step of steps) await Promise.all(step.map(run));

        // Whoever is left does the rest.
        for (const session of SESSIONS) await expire(owner, session);
        const last = new Agent(nodes[0], owner);
        while ((await nodes[1].inbox.pending(account, 1)).length > 0)
          for (const session of SESSIONS) {
            await last.look(session);
            await last.reply(session);
          }
        const answers = [...agents, last].flatMap((agent) => agent.answers);
        const { asked, said } = await logOf(owner);
        for (const { seq, session } of asked)
          expect([seq, answers.filter(covers(session, seq)).length]).toEqual([seq, 1]);
        expect(said).toEqual(answers.map(({ seq }) => seq).toSorted((a, b) => a - b));
        answered += agents.flatMap((agent) => agent.answers).length;
        refusals += refusedSoFar();
      }),
      { numRuns: 60, endOnFailure: true },
    );
    // Both did happen, else nothing was shown.
    expect(answered).toBeGreaterThan(50);
    expect(refusals).toBeGreaterThan(5);
  }, 60_000);

  const expire = (owner: LogOwner, session: string) =>
    nodes[0].dataSource.query(
      "UPDATE claims SET expires_at = clock_timestamp() - interval '1 ms' WHERE user_id = $1 AND agent_session_id = $2",
      [owner.userId, session],
    );

  /** The user's messages, and the positions of all others. */
  async function logOf({
    userId,
  }: LogOwner): Promise<{ asked: { seq: number; session: string }[]; said: number[] }> {
    const rows = await nodes[0].dataSource.query<{ seq: number; session: string; sender: string }[]>(
      'SELECT seq::int AS seq, agent_session_id AS session, sender FROM messages WHERE user_id = $1 ORDER BY seq',
      [userId],
    );
    return {
      asked: rows.filter(({ sender }) => sender === 'user'),
      said: rows.filter(({ sender }) => sender !== 'user').map(({ seq }) => seq),
    };
  }
});

function aHolder(): Holder {
  return { connectionId: `socket-${++connections}`, agentId: null };
}

function covers(session: string, seq: number): (answer: Answer) => boolean {
  return (answer) => answer.session === session && answer.sinceSeq <= seq && seq <= answer.upTo;
}

let refusals = 0;

/** Somebody else was faster. */
function refused(error: unknown): undefined {
  expect(error).toMatchObject({ code: 'resource_conflict' });
  refusals++;
}

function refusedSoFar(): number {
  const count = refusals;
  refusals = 0;
  return count;
}

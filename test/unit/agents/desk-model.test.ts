import fc from 'fast-check';
import { Desk } from '../../../src/agents/desk.js';
import { Horizon } from '../../../src/agents/horizon.js';
import type { Message, Session } from '../../../src/kernel/wire.dto.js';

const RUNS = 2_000;
const SESSIONS = ['s1', 's2'];
const ROUTES = [null, 'sales'];
const LOOKS_TO_REST = 20;
const owner = { accountId: 1, userId: 1, platformUserId: 'user' };

/** A session as the database has it. */
interface Truth {
  head: number;
  since: number | null;
  holder: string | null;
  route: string | null;
  /** Counts what may be a reason to tell somebody again. */
  turns: number;
}

/**
 * The database and the agents of one node. Agents work on what they were told, and forget what they were refused. The desk
 * sees a session only now and then: what happens between two looks it never knows.
 */
class World {
  readonly desk = new Desk(100);
  readonly faults: string[] = [];
  private readonly truths = new Map<string, Truth>(
    SESSIONS.map((id) => [id, { head: 0, since: null, holder: null, route: null, turns: 0 }]),
  );
  /** What each agent works on: by session, the last position that it was told. */
  private readonly agents = new Map<string, { agentId: string | null; todo: Map<string, number> }>();
  private readonly tellings = new Map<string, number>();
  private births = 0;

  say(id: string): void {
    const truth = this.truth(id);
    truth.since ??= truth.head + 1;
    truth.head++;
  }

  join(agentId: string | null): void {
    const id = `agent ${++this.births}`;
    this.agents.set(id, { agentId, todo: new Map() });
    this.tell(this.desk.add({ id, agentId, horizon: new Horizon() }));
  }

  die(index: number): void {
    const [id] = this.pick(index);
    if (id === undefined) return;
    this.agents.delete(id);
    this.desk.remove(id);
    for (const truth of this.truths.values()) if (truth.holder === id) this.free(truth);
  }

  /** The lease of whoever holds it runs out. */
  expire(id: string): void {
    this.free(this.truth(id));
  }

  route(id: string, route: string | null): void {
    const truth = this.truth(id);
    truth.route = route;
    truth.turns++;
    if (truth.holder !== null && route !== null && this.agents.get(truth.holder)?.agentId !== route)
      this.free(truth);
  }

  claim(index: number): void {
    this.work(index, () => undefined);
  }

  answer(index: number): void {
    this.work(index, (truth, todo, id, upTo) => {
      truth.since = upTo < truth.head ? upTo + 1 : null;
      todo.delete(id);
    });
  }

  /** The desk sees a session as it stands. */
  look(id: string): void {
    const { head, since, holder, route } = this.truth(id);
    if (since === null) return this.desk.settle(id);
    const messages = Array.from(
      { length: head - since + 1 },
      (_, index) => ({ seq: since + index }) as Message,
    );
    const session = { agent_session_id: id, agent_id: route } as Session;
    this.tell(this.desk.update({ owner, session, sinceSeq: since, lastSeq: head, messages, holder }));
  }

  /** Claims end and agents work until nothing happens any more. @returns sessions that wait although they need not */
  rest(): string[] {
    for (let round = 0; round < LOOKS_TO_REST; round++) {
      SESSIONS.forEach((id) => this.look(id));
      this.agents.forEach((_, id) => this.answer([...this.agents.keys()].indexOf(id)));
      if (round === 0) SESSIONS.forEach((id) => this.expire(id));
    }
    return SESSIONS.filter((id) => {
      const { since, route } = this.truth(id);
      return (
        since !== null && [...this.agents.values()].some(({ agentId }) => route === null || route === agentId)
      );
    });
  }

  private work(
    index: number,
    done: (truth: Truth, todo: Map<string, number>, id: string, upTo: number) => void,
  ): void {
    const [agent, { todo, agentId } = { todo: new Map<string, number>(), agentId: null }] = this.pick(index);
    const [id, upTo] = [...todo][0] ?? [];
    if (agent === undefined || id === undefined || upTo === undefined) return;
    const truth = this.truth(id);
    const isRouted = truth.route === null || truth.route === agentId;
    if (!isRouted || (truth.holder ?? agent) !== agent || truth.since === null || truth.since > upTo) {
      todo.delete(id);
      truth.turns++;
      this.desk.refuse(agent, id);
      return;
    }
    if (truth.holder === null) truth.turns++;
    truth.holder = agent;
    done(truth, todo, id, upTo);
  }

  private free(truth: Truth): void {
    truth.holder = null;
    truth.turns++;
  }

  private tell(tellings: ReturnType<Desk['add']>): void {
    for (const { to, session, messages } of tellings) {
      const { agent_session_id: id, agent_id } = session;
      const agent = this.agents.get(to);
      const upTo = messages.at(-1)?.seq ?? 0;
      const key = `${to} of ${id} up to ${upTo}`;
      const { turns } = this.truth(id);
      if (!agent) this.faults.push(`${to} has gone, and was told`);
      else if (agent_id !== null && agent_id !== agent.agentId)
        this.faults.push(`${to} was told of ${agent_id}'s`);
      if (this.tellings.get(key) === turns) this.faults.push(`${key} was told twice`);
      this.tellings.set(key, turns);
      agent?.todo.set(id, upTo);
    }
  }

  private pick(index: number): [string, { agentId: string | null; todo: Map<string, number> }] | [] {
    const all = [...this.agents];
    return all[index % all.length] ?? [];
  }

  private truth(id: string): Truth {
    return this.truths.get(id) as Truth;
  }
}

const session = fc.constantFrom(...SESSIONS);
const index = fc.nat({ max: 5 });
const action: fc.Arbitrary<(world: World) => void> = fc.oneof(
  session.map((id) => (world: World) => world.say(id)),
  session.map((id) => (world: World) => world.look(id)),
  session.map((id) => (world: World) => world.look(id)),
  session.map((id) => (world: World) => world.expire(id)),
  fc.constantFrom(...ROUTES).map((agentId) => (world: World) => world.join(agentId)),
  index.map((which) => (world: World) => world.die(which)),
  index.map((which) => (world: World) => world.claim(which)),
  index.map((which) => (world: World) => world.answer(which)),
  fc.tuple(session, fc.constantFrom(...ROUTES)).map(
    ([id, route]) =>
      (world: World) =>
        world.route(id, route),
  ),
);

/** Two agents work on one message: from here all the interesting things are near. */
const BEGINNING: ((world: World) => void)[] = [
  (world) => world.join(null),
  (world) => world.join('sales'),
  (world) => world.say('s1'),
  (world) => world.look('s1'),
];

it('Whatever agents do and whatever the desk misses: nothing waits that somebody here may answer', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
      const world = new World();
      for (const act of [...BEGINNING, ...actions]) act(world);
      expect(world.rest()).toEqual([]);
    }),
    { numRuns: RUNS },
  );
});

it('Whatever happens, nobody is told of what is not its own, or of the same again without a reason', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
      const world = new World();
      for (const act of [...BEGINNING, ...actions]) act(world);
      world.rest();
      expect(world.faults).toEqual([]);
    }),
    { numRuns: RUNS },
  );
});

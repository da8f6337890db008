import type { Message, Session } from '../kernel/wire.dto.js';
import type { LogOwner } from '../log/log-types.js';
import type { Horizon, Told } from './horizon.js';

/** An agent's connection, as a desk sees it. */
export interface DeskAgent {
  /** Of the connection: unique among all connections of all nodes. */
  readonly id: string;
  readonly agentId: string | null;
  readonly horizon: Horizon;
}

/** A session with messages of its user that nobody has handled, as it stands. */
export interface WaitingSession {
  readonly owner: LogOwner;
  readonly session: Session;
  /** What is not handled begins here. */
  readonly sinceSeq: number;
  /** Of the last message in it, whoever wrote it. */
  readonly lastSeq: number;
  /** Oldest first; not empty. */
  readonly messages: readonly Message[];
  /** The connection that has claimed it, on whichever node; null: nobody. */
  readonly holder: string | null;
}

/** An agent is to be told of a session: everything in it that nobody has handled. */
export interface Telling {
  readonly to: string;
  readonly session: Session;
  readonly messages: readonly Message[];
}

/** A session that waits for an agent of this desk. */
interface Entry {
  waiting: WaitingSession;
  /** Up to which position each agent has been told, since the claim changed last. */
  readonly told: Map<string, number>;
}

/**
 * Whom of the agents of one account on one node to tell what. Pure: it is fed with sessions as they stand, says who is to be
 * told, and remembers that they were.
 *
 * Promise: an agent is told of every session that waits and is its to answer (routed to it or to nobody; once claimed, its
 * claimant's alone), and not twice of the same, unless somebody else's claim has ended meanwhile or it was refused.
 */
export class Desk {
  private readonly agents = new Map<string, DeskAgent>();
  private readonly entries = new Map<string, Entry>();
  /** How many wait that are routed to each agent, and to nobody. */
  private readonly places = new Map<string | null, number>();

  /**
   * @param limit most sessions that wait here at once and are routed to one agent, and most that are routed to nobody; more
   *   follow as these are handled
   */
  constructor(private readonly limit: number) {}

  get isEmpty(): boolean {
    return this.agents.size === 0;
  }

  /** Ids of the connections. */
  get connections(): string[] {
    return [...this.agents.keys()];
  }

  /** What these agents say they are, each once. */
  get agentIds(): string[] {
    return [...new Set([...this.agents.values()].flatMap(({ agentId }) => agentId ?? []))];
  }

  /** What waits here, by `agent_session_id`. */
  get waiting(): ReadonlyMap<string, Pick<Entry, 'waiting'>> {
    return this.entries;
  }

  /** Whether there is room for a session that does not wait here yet. @param agentId whom it is routed to */
  hasRoom(agentId: string | null): boolean {
    return (this.places.get(agentId) ?? 0) < this.limit;
  }

  /** An agent has come. @returns all that waits for it */
  add(agent: DeskAgent): Telling[] {
    this.agents.set(agent.id, agent);
    return [...this.entries.values()].flatMap((entry) => this.tell(entry, [agent]));
  }

  /** An agent has gone. */
  remove(id: string): void {
    this.agents.delete(id);
    for (const [sessionId, entry] of this.entries) {
      entry.told.delete(id);
      if (this.audience(entry.waiting).length === 0) this.settle(sessionId);
    }
  }

  /** Whether somebody here may be told of such a session. */
  concerns(session: Session, holder: string | null): boolean {
    return this.audience({ session, holder }).length > 0;
  }

  /** A session waits. @returns who is to be told, and of what */
  update(waiting: WaitingSession): Telling[] {
    const { agent_session_id: id } = waiting.session;
    const audience = this.audience(waiting);
    const known = this.entries.get(id);
    this.settle(id); // and in again, if there is room where it is routed to now
    if (audience.length === 0 || !this.hasRoom(waiting.session.agent_id)) return [];
    const entry = known ?? { waiting, told: new Map() };
    if (known) forgetTold(known, waiting, audience);
    entry.waiting = waiting;
    this.entries.set(id, entry);
    this.count(waiting, 1);
    return this.tell(entry, audience);
  }

  /** Nothing waits in a session any more, or nothing for anybody here. */
  settle(sessionId: string): void {
    const entry = this.entries.get(sessionId);
    if (entry) this.count(entry.waiting, -1);
    this.entries.delete(sessionId);
  }

  /** An agent was refused, because somebody else was faster: it is told again when the session is its to answer again. */
  refuse(id: string, sessionId: string): void {
    this.agents.get(id)?.horizon.refuse(sessionId);
    this.tellAgain(id, sessionId);
  }

  /**
   * An agent was refused, because what it answers to is handled, and knows: it may write what answers to nothing. Of what
   * still waits of that it is told again.
   */
  refuseHandled(id: string, sessionId: string, told: Told): void {
    const isAll = this.agents.get(id)?.horizon.refuseHandled(sessionId, told) ?? false;
    if (isAll) this.tellAgain(id, sessionId); // otherwise it was told of more since
  }

  /** Who was told of a session that waits, and may still answer it. */
  listeners(sessionId: string): string[] {
    const entry = this.entries.get(sessionId);
    return entry ? this.audience(entry.waiting).map(({ id }) => id) : [];
  }

  /** What an agent is told of a session as it is now; nothing when nothing waits there, or not for this agent. */
  telling(to: string, sessionId: string): Telling | undefined {
    const waiting = this.entries.get(sessionId)?.waiting;
    if (!waiting || !this.audience(waiting).some(({ id }) => id === to)) return undefined;
    return { to, session: waiting.session, messages: waiting.messages };
  }

  private tellAgain(id: string, sessionId: string): void {
    this.entries.get(sessionId)?.told.delete(id);
  }

  private audience({ session, holder }: Pick<WaitingSession, 'session' | 'holder'>): DeskAgent[] {
    if (holder !== null) return [this.agents.get(holder) ?? []].flat();
    const { agent_id } = session;
    return [...this.agents.values()].filter(({ agentId }) => agent_id === null || agentId === agent_id);
  }

  private count({ session: { agent_id } }: WaitingSession, change: number): void {
    const count = (this.places.get(agent_id) ?? 0) + change;
    if (count > 0) this.places.set(agent_id, count);
    else this.places.delete(agent_id);
  }

  private tell({ waiting, told }: Entry, agents: readonly DeskAgent[]): Telling[] {
    const { session, messages, sinceSeq, holder } = waiting;
    const last = messages.at(-1)?.seq ?? 0;
    const eligible = new Set(this.audience({ session, holder }));
    const untold = agents.filter((agent) => eligible.has(agent) && (told.get(agent.id) ?? 0) < last);
    return untold.map(({ id: to, horizon }) => {
      told.set(to, last);
      horizon.tell(session.agent_session_id, { sinceSeq, upTo: last });
      return { to, session, messages };
    });
  }
}

/**
 * When a claim ends, all are told again but its holder: it knows, and has given it back, or is still at work. Who may not
 * answer now is told again when it may.
 */
function forgetTold(
  { told, waiting: before }: Entry,
  now: WaitingSession,
  audience: readonly DeskAgent[],
): void {
  const ended = before.holder !== null && before.holder !== now.holder;
  for (const id of told.keys())
    if (!audience.some((agent) => agent.id === id) || (ended && id !== before.holder)) told.delete(id);
}

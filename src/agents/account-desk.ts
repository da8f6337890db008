import type { Hint, InboxHint } from '../kernel/events.js';
import type { Message } from '../kernel/wire.dto.js';
import type { PendingFilter, PendingSession } from '../log/inbox.js';
import type { Told } from '../log/fence.js';
import type { LogOwner } from '../log/log-types.js';
import { Desk, type DeskAgent, type Telling, type WaitingSession } from './desk.js';
import { LookQueue } from './look-queue.js';

/** Most messages in one `inbox` event; the rest follow as these are handled. */
export const INBOX_MESSAGES = 100;
/** Sessions that one desk reads at once: the pool of connections is for messages first. */
const LOOKS_AT_ONCE = 4;

/** Where a desk reads, and whom it tells. */
export interface DeskHost {
  /** Hears hints of the account from the moment it resolves. @returns what ends it */
  subscribe(listener: (hint: Hint) => void): Promise<() => void>;
  /** @param limit most sessions of each routing */
  pending(limit: number, filter: PendingFilter): Promise<PendingSession[]>;
  pendingOf(owner: LogOwner, agentSessionId: string): Promise<PendingSession | undefined>;
  messages(owner: LogOwner, agentSessionId: string, sinceSeq: number, limit: number): Promise<Message[]>;
  /** Sends to an agent. Never throws, never waits. */
  tell(telling: Telling): void;
  /** A session itself has changed: its state, or whom it is routed to. */
  onSession(owner: LogOwner, agentSessionId: string): void;
  onError(error: unknown): void;
}

interface Look {
  readonly owner: LogOwner;
  /** As a list that was read has it; nothing: it must be read. */
  readonly listed?: PendingSession;
}

/**
 * The agents of one account on this node, kept up to date with the inbox: by hints, and by comparing with it now and then.
 * It reads a session as it stands and asks the {@link Desk} whom to tell, one read of a session at a time, so that it
 * never goes back in time.
 */
export class AccountDesk {
  readonly desk: Desk;
  /** Resolves when it hears hints and has read what waits. Rejects when it cannot. */
  private opening: Promise<void> | undefined;
  private readonly looks = new LookQueue<Look>((id, look) => this.look(id, look), LOOKS_AT_ONCE);
  /** Sessions of which agents that are about to be greeted will be told then, as they are then. */
  private readonly ungreeted = new Map<string, Set<string>>();
  /** Sessions of which something was heard since the list under way was asked for: the list may be older. */
  private heard: Set<string> | undefined;
  /** Sessions that are being read, of which nothing was heard meanwhile but that their user has said more. */
  private readonly current = new Set<string>();
  private comparing: Promise<void> | undefined;
  private unsubscribe: (() => void) | undefined;
  private isStopped = false;

  /** @param limit most sessions that wait here at once, of each routing */
  constructor(
    private readonly host: DeskHost,
    private readonly limit: number,
  ) {
    this.desk = new Desk(limit);
  }

  /**
   * An agent comes, until it {@link leave}s.
   *
   * @param greet is called with the number of sessions that it is told of right after
   * @throws when the inbox cannot be read: it is not here then
   */
  async join(agent: DeskAgent, greet: (pending: number) => void): Promise<void> {
    const isOpen = this.opening !== undefined;
    const sessions = new Set<string>();
    this.ungreeted.set(agent.id, sessions);
    this.desk.add(agent).forEach((telling) => this.tell(telling));
    try {
      await (this.opening ??= this.open());
      if (isOpen) await this.compare(); // what it has kept while it was away may answer to anything that waits
    } catch (error) {
      this.leave(agent);
      throw error;
    }
    if (!this.ungreeted.delete(agent.id)) return; // it has left
    const tellings = [...sessions].flatMap((id) => this.desk.telling(agent.id, id) ?? []);
    greet(tellings.length);
    for (const telling of tellings) this.host.tell(telling);
  }

  leave({ id }: DeskAgent): void {
    this.ungreeted.delete(id);
    this.desk.remove(id);
  }

  stop(): void {
    this.isStopped = true;
    this.looks.clear();
    this.unsubscribe?.();
  }

  /** Reads a session again. Resolves when whoever is concerned has been told. */
  lookAt(owner: LogOwner, agentSessionId: string): Promise<void> {
    this.heard?.add(agentSessionId);
    return this.looks.add(agentSessionId, { owner });
  }

  /** An agent was refused, because what it answers to is handled. Of what still waits of that it is told again. */
  refuseHandled(id: string, agentSessionId: string, told: Told): void {
    this.desk.refuseHandled(id, agentSessionId, told);
    const waiting = this.desk.waiting.get(agentSessionId)?.waiting;
    if (waiting) void this.lookAt(waiting.owner, agentSessionId);
  }

  /** Anti-entropy: reads again what has changed without a word. Who asks while one is under way shares the next. */
  async compare(): Promise<void> {
    const before = this.comparing;
    if (!before) return this.begin();
    await before.catch(() => undefined);
    await (this.comparing ?? this.begin());
  }

  private begin(): Promise<void> {
    this.comparing = this.compareOnce().finally(() => (this.comparing = undefined));
    return this.comparing;
  }

  private async open(): Promise<void> {
    try {
      this.unsubscribe = await this.host.subscribe((hint) => this.hear(hint));
      if (this.isStopped) this.unsubscribe();
      await this.compare();
    } catch (error) {
      this.unsubscribe?.();
      this.opening = undefined;
      throw error;
    }
  }

  private hear(hint: Hint): void {
    if (hint.kind !== 'inbox' || this.isStopped) return;
    const owner = ownerOf(hint);
    if (hint.seq === null) this.current.delete(hint.agentSessionId);
    void this.lookAt(owner, hint.agentSessionId);
    if (hint.session) this.host.onSession(owner, hint.agentSessionId);
  }

  private async compareOnce(): Promise<void> {
    const heard = (this.heard = new Set<string>());
    const { agentIds, connections: connectionIds } = this.desk;
    const list = await this.host.pending(this.limit, { agentIds, connectionIds });
    const listed = new Set(list.map(({ session }) => session.agent_session_id));
    const gone = [...this.desk.waiting].filter(([id]) => !listed.has(id) && !heard.has(id));
    const changed = list.filter((pending) => !heard.has(idOf(pending)) && this.differs(pending));
    const looks = [
      ...gone.map(([id, { waiting }]) => this.looks.add(id, { owner: waiting.owner })),
      ...changed.map((pending) => this.looks.add(idOf(pending), { owner: pending.owner, listed: pending })),
    ];
    await Promise.all(looks);
  }

  private differs({ session, sinceSeq, lastSeq, claim }: PendingSession): boolean {
    const known = this.desk.waiting.get(session.agent_session_id)?.waiting;
    if (!known) return this.desk.hasRoom(session.agent_id);
    return (
      known.sinceSeq !== sinceSeq ||
      known.lastSeq !== lastSeq ||
      known.holder !== (claim?.holder ?? null) ||
      known.session.agent_id !== session.agent_id
    );
  }

  private async look(id: string, { owner, listed }: Look): Promise<void> {
    try {
      if (this.isStopped) return;
      const waiting = await this.read(owner, id, listed);
      if (!waiting) return this.desk.settle(id);
      this.desk.update(waiting).forEach((telling) => this.tell(telling));
    } catch (error) {
      this.current.delete(id);
      this.host.onError(error);
    }
  }

  /**
   * A session as it stands; nothing when nothing waits in it for anybody here. What somebody has handled or claimed while it
   * was read is read again: whoever has just answered would be told of it anew, and take it for something new.
   */
  private async read(
    owner: LogOwner,
    id: string,
    listed?: PendingSession,
  ): Promise<WaitingSession | undefined> {
    this.current.add(id);
    const pending = listed ?? (await this.host.pendingOf(owner, id));
    const holder = pending?.claim?.holder ?? null;
    const isConcern = pending !== undefined && this.desk.concerns(pending.session, holder);
    const messages = isConcern ? await this.host.messages(owner, id, pending.sinceSeq, INBOX_MESSAGES) : [];
    if (!this.current.delete(id) && !this.isStopped) return this.read(owner, id);
    if (!pending || messages.length === 0) return undefined;
    const { session, sinceSeq, lastSeq } = pending;
    return { owner, session, sinceSeq, lastSeq, messages, holder };
  }

  private tell(telling: Telling): void {
    const later = this.ungreeted.get(telling.to);
    if (later) later.add(telling.session.agent_session_id);
    else this.host.tell(telling);
  }
}

function idOf({ session }: PendingSession): string {
  return session.agent_session_id;
}

function ownerOf({ accountId, userId, platformUserId }: InboxHint): LogOwner {
  return { accountId, userId, platformUserId };
}

import type { Hint, TypingSignal } from '../kernel/events.js';
import type { Session } from '../kernel/wire.dto.js';
import type { Told } from '../log/fence.js';
import { AccountDesk, type DeskHost } from './account-desk.js';
import type { AgentConnection } from './agent-connection.js';
import type { Desk } from './desk.js';
import { type Hold, Holds } from './holds.js';
import { UserWatch } from './user-watch.js';

/** What the office of an account needs of the world. */
export interface OfficeHost extends Omit<DeskHost, 'tell' | 'onSession' | 'subscribe'> {
  subscribeAccount(listener: (hint: Hint) => void): Promise<() => void>;
  subscribeUser(userId: number, listener: (hint: Hint) => void): Promise<() => void>;
  /** A session as it is now; nothing when there is none. */
  session(agentSessionId: string): Promise<Session | undefined>;
  /** Which of these platform users are connected to any node. */
  online(userIds: readonly number[]): Promise<Set<number>>;
}

/** Who cares about a platform user. */
interface Audience {
  readonly platformUserId: string;
  readonly connections: Set<string>;
}

/** The agents of one account on this node, and all that they are told: what waits, who is typing, who is there. */
export class Office {
  readonly holds = new Holds();
  private readonly connections = new Map<string, AgentConnection>();
  private readonly inbox: AccountDesk;
  private readonly watch: UserWatch;
  /** Users of whom each agent was told that they are online; unless told, they are not. */
  private readonly toldOnline = new Map<string, Set<number>>();

  constructor(
    private readonly host: OfficeHost,
    limit: number,
  ) {
    const onError = (error: unknown): void => host.onError(error);
    this.inbox = new AccountDesk(
      {
        ...host,
        subscribe: (listener) => host.subscribeAccount(listener),
        tell: ({ to, session, messages }) => {
          const userId = this.desk.waiting.get(session.agent_session_id)?.waiting.owner.userId;
          if (userId !== undefined) this.watch.add(userId);
          this.connections.get(to)?.send('inbox', { session, messages: [...messages] });
        },
        onSession: (_owner, id) => void this.tellSession(id).catch(onError),
      },
      limit,
    );
    this.watch = new UserWatch({
      subscribe: (userId, listener) => host.subscribeUser(userId, listener),
      onError,
      onTyping: (userId, signal) => this.onTyping(userId, signal),
    });
  }

  get desk(): Desk {
    return this.inbox.desk;
  }

  get isEmpty(): boolean {
    return this.connections.size === 0;
  }

  /** An agent comes: it is greeted, then told what waits for it. @throws when that cannot be read */
  async join(connection: AgentConnection): Promise<void> {
    this.connections.set(connection.id, connection);
    await this.inbox.join(connection, (pending) =>
      connection.send('ready', { agent_id: connection.agentId, pending }),
    );
  }

  leave(connection: AgentConnection): void {
    this.connections.delete(connection.id);
    this.toldOnline.delete(connection.id);
    this.holds.deleteOf(connection.id);
    this.inbox.leave(connection);
  }

  /** An agent of this office holds a session from now on. */
  hold(sessionId: string, hold: Hold): void {
    this.holds.set(sessionId, hold);
    this.watch.add(hold.owner.userId);
  }

  refuseHandled(connection: AgentConnection, sessionId: string, told: Told): void {
    this.inbox.refuseHandled(connection.id, sessionId, told);
  }

  /** Compares everything with the database. @param now milliseconds since the epoch */
  async compare(now: number): Promise<void> {
    this.holds.expire(now);
    await this.inbox.compare();
    const audiences = this.audiences();
    this.watch.keep(new Set(audiences.keys()));
    await this.tellPresence(audiences);
  }

  stop(): void {
    this.inbox.stop();
    this.watch.keep(new Set());
  }

  /** Who cares about which user: who was told of a session of theirs that waits, or holds one. */
  private audiences(): Map<number, Audience> {
    const audiences = new Map<number, Audience>();
    const add = (userId: number, platformUserId: string, connections: readonly string[]): void => {
      const audience = audiences.get(userId) ?? { platformUserId, connections: new Set<string>() };
      audiences.set(userId, audience);
      for (const id of connections) audience.connections.add(id);
    };
    for (const [id, { waiting }] of this.desk.waiting)
      add(waiting.owner.userId, waiting.owner.platformUserId, this.desk.listeners(id));
    for (const [, { owner, connectionId }] of this.holds.entries())
      add(owner.userId, owner.platformUserId, [connectionId]);
    return audiences;
  }

  private async tellPresence(audiences: ReadonlyMap<number, Audience>): Promise<void> {
    if (audiences.size === 0) return this.toldOnline.clear();
    const online = await this.host.online([...audiences.keys()]);
    for (const connection of this.connections.values()) {
      const told = this.toldOnline.get(connection.id) ?? new Set<number>();
      this.toldOnline.set(connection.id, told);
      for (const [userId, { platformUserId, connections }] of audiences) {
        if (!connections.has(connection.id) || told.has(userId) === online.has(userId)) continue;
        if (online.has(userId)) told.add(userId);
        else told.delete(userId);
        connection.send('presence', { platform_user_id: platformUserId, online: online.has(userId) });
      }
      for (const userId of told)
        if (!audiences.get(userId)?.connections.has(connection.id)) told.delete(userId);
    }
  }

  private onTyping(userId: number, { data }: TypingSignal): void {
    const { agent_session_id: id } = data;
    const audience = id === null ? this.audiences().get(userId) : this.audienceOf(userId, id);
    for (const connection of audience?.connections ?? [])
      this.connections
        .get(connection)
        ?.send('typing', { platform_user_id: audience?.platformUserId ?? '', ...data });
  }

  /** The same for one session, which must be that user's: anybody may name any. */
  private audienceOf(userId: number, sessionId: string): Audience | undefined {
    const owner = (this.desk.waiting.get(sessionId)?.waiting ?? this.holds.get(sessionId))?.owner;
    if (owner?.userId !== userId) return undefined;
    return { platformUserId: owner.platformUserId, connections: this.listeners(sessionId) };
  }

  /** Who was told of a session that waits, or holds it. */
  private listeners(sessionId: string): Set<string> {
    const holder = this.holds.get(sessionId)?.connectionId;
    return new Set([...this.desk.listeners(sessionId), ...(holder === undefined ? [] : [holder])]);
  }

  /** To whom it mattered before, and to whom it matters now. */
  private async tellSession(id: string): Promise<void> {
    const before = this.listeners(id);
    const session = await this.host.session(id);
    if (!session) return;
    const { agent_id } = session;
    for (const connection of this.connections.values()) {
      const isRouted = agent_id !== null && connection.agentId === agent_id;
      if (isRouted || before.has(connection.id)) connection.send('session', session);
    }
    const holder = this.connections.get(this.holds.get(id)?.connectionId ?? '');
    if (holder && agent_id !== null && holder.agentId !== agent_id) this.holds.delete(id, holder.id);
  }
}

import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Authenticator } from '../auth/authenticator.js';
import { CredentialWatch } from '../auth/credential-watch.js';
import { CONFIG, type Config } from '../config/config.js';
import { ParleyError } from '../kernel/errors.js';
import type { AgentConnection } from './agent-connection.js';

/** How often connections are looked at for what they have not taken yet, in milliseconds. */
const SLOW_CHECK_INTERVAL = 500;
/** Over how long the agents of a node that goes away are asked to spread their return, in milliseconds. */
const RECONNECT_SPREAD = 5000;

/**
 * The agents' connections of this node, and why one has to leave: its key expired or was revoked, it does not take what it
 * is sent, or the node goes away. What it was told and has not handled is told again.
 */
@Injectable()
export class AgentConnections implements OnModuleInit, OnModuleDestroy {
  private readonly byAccount = new Map<number, Set<AgentConnection>>();
  /** Places kept in this turn of the event loop, for connections that are not here yet. */
  private readonly reserved = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly authenticator: Authenticator,
    private readonly watch: CredentialWatch,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.watch.onLook(() =>
      this.each((one) => void (this.authenticator.problem(one.principal) && one.cut())),
    );
    this.timer = setInterval(() => this.each((one) => this.checkPace(one)), SLOW_CHECK_INTERVAL);
  }

  /** This node is going away: agents come again, elsewhere, and not all at once. */
  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.isStopped = true;
    this.each((connection) => {
      connection.send('drain', { reconnect_in_ms: Math.floor(Math.random() * RECONNECT_SPREAD) });
      connection.leave();
    });
  }

  /** How many connections agents have to this node. */
  get size(): number {
    let size = 0;
    for (const connections of this.byAccount.values()) size += connections.size;
    return size;
  }

  /**
   * Keeps a place for a connection that will be {@link add}ed in this turn of the event loop, or never.
   *
   * @throws ParleyError `rate_limit_exceeded` when the account has as many agents here as it may; `service_unavailable`
   *   when this node is going away
   */
  reserve(accountId: number): void {
    if (this.isStopped) throw new ParleyError('service_unavailable', 'This node is shutting down.', {}, 1);
    const { MAX_AGENT_CONNECTIONS: limit } = this.config;
    const reserved = this.reserved.get(accountId) ?? 0;
    if ((this.byAccount.get(accountId)?.size ?? 0) + reserved >= limit)
      throw new ParleyError('rate_limit_exceeded', `An account may have ${limit} connections of agents.`, {
        limit,
      });
    this.reserved.set(accountId, reserved + 1);
    if (this.reserved.size === 1 && reserved === 0) setImmediate(() => this.reserved.clear());
  }

  add(connection: AgentConnection): void {
    const { accountId } = connection.principal;
    const others = this.byAccount.get(accountId) ?? new Set();
    this.byAccount.set(accountId, others.add(connection));
    const reserved = this.reserved.get(accountId) ?? 0;
    if (reserved > 0) this.reserved.set(accountId, reserved - 1);
  }

  delete(connection: AgentConnection): void {
    const { accountId } = connection.principal;
    const others = this.byAccount.get(accountId);
    if (others?.delete(connection) && others.size === 0) this.byAccount.delete(accountId);
  }

  private each(look: (connection: AgentConnection) => void): void {
    for (const connections of this.byAccount.values()) for (const connection of connections) look(connection);
  }

  private checkPace(connection: AgentConnection): void {
    if (connection.bufferedBytes() > this.config.MAX_BUFFERED_BYTES) connection.terminate();
  }
}

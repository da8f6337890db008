import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Authenticator } from '../auth/authenticator.js';
import { CredentialWatch } from '../auth/credential-watch.js';
import type { Principal } from '../auth/principal.js';
import { CONFIG, type Config } from '../config/config.js';
import { CLOCK, type Clock, toIso } from '../kernel/clock.js';
import { ParleyError } from '../kernel/errors.js';
import { NodePresence } from '../presence/node-presence.js';
import type { Subscriber } from './subscriber.js';

/** How long before its credential ends a connection is told, in milliseconds. */
const NOTICE = 60_000;
/** How often connections are looked at for what they have not taken yet, in milliseconds. */
const SLOW_CHECK_INTERVAL = 500;
/** Over how long the clients of a node that goes away are asked to spread their return, in milliseconds. */
const RECONNECT_SPREAD = 5000;

/** A connection of a platform user: a socket or an event stream. */
export interface LiveConnection extends Subscriber {
  readonly userId: number;
  /** As whom it is here right now. */
  readonly principal: Principal;
  /** Bytes that were sent and not taken yet. */
  bufferedBytes(): number;
  /** Ends it for good: its credential no longer counts. */
  cut(): void;
  /** Ends it when it has taken what was sent; the client comes again. */
  leave(): void;
  /** Ends it now, and drops what it has not taken; the client comes again and continues from its position. */
  terminate(): void;
}

/**
 * The connections of this node, and why one has to leave: its credential expired, was revoked or minted by a key that
 * was; or it does not take what it is sent (slow consumer), which loses nothing, as it continues from its position.
 */
@Injectable()
export class LiveConnections implements OnModuleInit, OnModuleDestroy {
  private readonly byUser = new Map<number, Set<LiveConnection>>();
  /** Places kept in this turn of the event loop, for connections that are not here yet. */
  private readonly reserved = new Map<number, number>();
  /** The credential whose end each connection was told of. */
  private readonly warned = new WeakMap<LiveConnection, Principal>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly authenticator: Authenticator,
    private readonly watch: CredentialWatch,
    private readonly presence: NodePresence,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.watch.onLook(() => this.each((connection) => this.checkCredential(connection)));
    this.timer = setInterval(() => this.each((one) => this.checkPace(one)), SLOW_CHECK_INTERVAL);
  }

  /** This node is going away: clients come again, elsewhere, and not all at once. */
  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.stopped = true;
    this.each((connection) => {
      connection.send('drain', { reconnect_in_ms: Math.floor(Math.random() * RECONNECT_SPREAD) });
      connection.leave();
    });
  }

  /**
   * Keeps a place for a connection that will be {@link add}ed in this turn of the event loop, or never: of many that
   * come at once no more get in than may.
   *
   * @throws ParleyError `rate_limit_exceeded` when the platform user has as many connections as it may;
   *   `service_unavailable` when this node is going away
   */
  reserve(userId: number): void {
    if (this.stopped) throw new ParleyError('service_unavailable', 'This node is shutting down.', {}, 1);
    const { MAX_CONNECTIONS_PER_USER: limit } = this.config;
    const reserved = this.reserved.get(userId) ?? 0;
    if ((this.byUser.get(userId)?.size ?? 0) + reserved >= limit)
      throw new ParleyError('rate_limit_exceeded', `A platform user may have ${limit} connections.`, {
        limit,
      });
    this.reserved.set(userId, reserved + 1);
    if (this.reserved.size === 1 && reserved === 0) setImmediate(() => this.reserved.clear());
  }

  /** How many connections this node has. */
  get size(): number {
    let size = 0;
    for (const connections of this.byUser.values()) size += connections.size;
    return size;
  }

  add(connection: LiveConnection): void {
    const { userId } = connection;
    const others = this.byUser.get(userId) ?? new Set();
    this.byUser.set(userId, others.add(connection));
    this.presence.set(userId, others.size);
    const reserved = this.reserved.get(userId) ?? 0;
    if (reserved > 0) this.reserved.set(userId, reserved - 1);
  }

  delete(connection: LiveConnection): void {
    const others = this.byUser.get(connection.userId);
    if (!others?.delete(connection)) return;
    if (others.size === 0) this.byUser.delete(connection.userId);
    this.presence.set(connection.userId, others.size);
  }

  private each(look: (connection: LiveConnection) => void): void {
    for (const connections of this.byUser.values()) for (const connection of connections) look(connection);
  }

  private checkCredential(connection: LiveConnection): void {
    const { principal } = connection;
    if (this.authenticator.problem(principal)) return connection.cut();
    if (principal.expiresAt === null || this.warned.get(connection) === principal) return;
    if (principal.expiresAt - this.clock.now() > NOTICE) return;
    this.warned.set(connection, principal);
    connection.send('token:expiring', { expires_at: toIso(principal.expiresAt) });
  }

  private checkPace(connection: LiveConnection): void {
    if (connection.bufferedBytes() > this.config.MAX_BUFFERED_BYTES) connection.terminate();
  }
}

import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { CONFIG, type Config } from '../config/config.js';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { ParleyError } from '../kernel/errors.js';
import { HandledError, type Told } from '../log/fence.js';
import type { LogOwner } from '../log/log-types.js';
import type { AgentConnection } from './agent-connection.js';
import { Office } from './office.js';
import { OfficeHosts } from './office-hosts.js';

/** One office for each account of which agents are connected to this node. */
@Injectable()
export class Offices implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(Offices.name);
  private readonly byAccount = new Map<number, Office>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly hosts: OfficeHosts,
    private readonly bus: Bus,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.bus.onLapse(() => void this.compare());
    this.schedule();
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const office of this.byAccount.values()) office.stop();
  }

  /** The office of the account of an agent that is here. */
  of({ principal }: AgentConnection): Office | undefined {
    return this.byAccount.get(principal.accountId);
  }

  /** An agent comes, until it {@link leave}s. @throws when it cannot be told what waits */
  async join(connection: AgentConnection): Promise<void> {
    const { principal } = connection;
    const office = this.of(connection) ?? new Office(this.hosts.of(principal), this.config.INBOX_LIMIT);
    this.byAccount.set(principal.accountId, office);
    await office.join(connection);
  }

  leave(connection: AgentConnection): void {
    const office = this.of(connection);
    office?.leave(connection);
    if (!office?.isEmpty) return;
    this.byAccount.delete(connection.principal.accountId);
    office.stop();
  }

  /** A session is an agent's from now on, for the length of a lease. */
  hold(connection: AgentConnection, owner: LogOwner, sessionId: string): void {
    const expiresAt = this.clock.now() + this.config.CLAIM_LEASE_MS;
    this.of(connection)?.hold(sessionId, { connectionId: connection.id, owner, expiresAt });
  }

  /**
   * An agent that is refused, because another was faster, is told again when the session is its to answer again.
   *
   * @param told what its answer answers to
   */
  async watchRefusal<T>(
    connection: AgentConnection,
    sessionId: string,
    work: Promise<T>,
    told?: Told,
  ): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const office = this.of(connection);
      if (error instanceof HandledError && told) office?.refuseHandled(connection, sessionId, told);
      else if (error instanceof ParleyError && error.code === 'resource_conflict')
        office?.desk.refuse(connection.id, sessionId);
      throw error;
    }
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.round(), this.config.RECONCILE_INTERVAL_MS);
  }

  private async round(): Promise<void> {
    await this.compare();
    if (this.timer) this.schedule();
  }

  /** Anti-entropy, of each office by itself. */
  private async compare(): Promise<void> {
    for (const office of this.byAccount.values())
      await office
        .compare(this.clock.now())
        .catch((error: unknown) => this.logger.warn(`Could not compare an inbox: ${String(error)}`));
  }
}

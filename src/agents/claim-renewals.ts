import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { Claims } from '../log/claims.js';
import type { StreamPlace } from '../streaming/stream-source.js';
import { AgentClaims } from './agent-claims.js';
import { type AgentConnection, holderOf } from './agent-connection.js';

/** A claim is renewed so many times in a lease while its holder streams. */
const RENEWALS_IN_A_LEASE = 3;

/** Keeps the claims of agents that stream: an answer may take longer than a lease. */
@Injectable()
export class ClaimRenewals {
  private readonly logger = new Logger(ClaimRenewals.name);
  /** When the claim behind each answer is to be renewed, by message id; milliseconds since the epoch. */
  private readonly byAgent = new WeakMap<AgentConnection, Map<string, number>>();

  constructor(
    private readonly claims: Claims,
    private readonly agentClaims: AgentClaims,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** An answer has begun here, and with it the session was claimed. */
  async begin(agent: AgentConnection, { messageId, owner, agentSessionId }: StreamPlace): Promise<void> {
    this.renewLater(agent, messageId);
    await this.agentClaims.keep(agent, owner, agentSessionId);
  }

  /**
   * A piece has come. Renews the claim behind it when it is time: at once when the answer began over another connection.
   *
   * @param onLost hears that the session is somebody else's to answer by now
   */
  touch(agent: AgentConnection, { messageId, owner, agentSessionId }: StreamPlace, onLost: () => void): void {
    if ((this.byAgent.get(agent)?.get(messageId) ?? 0) > this.clock.now()) return;
    this.renewLater(agent, messageId);
    this.claims
      .renew(owner, agentSessionId, holderOf(agent))
      .then((isOwn) => (isOwn ? this.agentClaims.keep(agent, owner, agentSessionId) : onLost()))
      .catch((error: unknown) => this.logger.debug(`A claim could not be renewed: ${String(error)}`));
  }

  /** An answer has ended, and with that the claim was renewed. */
  async end(agent: AgentConnection, messageId: string): Promise<void> {
    this.byAgent.get(agent)?.delete(messageId);
    await this.agentClaims.releaseIfGone(agent);
  }

  private renewLater(agent: AgentConnection, messageId: string): void {
    const own = this.byAgent.get(agent) ?? new Map<string, number>();
    this.byAgent.set(agent, own);
    own.set(messageId, this.clock.now() + this.config.CLAIM_LEASE_MS / RENEWALS_IN_A_LEASE);
  }
}

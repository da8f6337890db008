import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { Claims } from '../log/claims.js';
import type { LogOwner } from '../log/log-types.js';
import { type AgentConnection, holderOf } from './agent-connection.js';
import { Offices } from './offices.js';

/** A claim is renewed so many times in a lease while its holder streams. */
const RENEWALS_IN_A_LEASE = 3;

/** A session into which a connection streams an answer. */
interface Claimed {
  readonly owner: LogOwner;
  readonly sessionId: string;
  /** When its claim is to be renewed; milliseconds since the epoch. */
  renewAt: number;
}

/** Keeps the claims of agents that stream: an answer may take longer than a lease. */
@Injectable()
export class ClaimRenewals {
  private readonly logger = new Logger(ClaimRenewals.name);
  private readonly byAgent = new WeakMap<AgentConnection, Map<string, Claimed>>();

  constructor(
    private readonly claims: Claims,
    private readonly offices: Offices,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** An answer has begun, and with it the session was claimed. */
  begin(agent: AgentConnection, messageId: string, owner: LogOwner, sessionId: string): void {
    const own = this.byAgent.get(agent) ?? new Map<string, Claimed>();
    this.byAgent.set(agent, own);
    own.set(messageId, { owner, sessionId, renewAt: this.next() });
    this.offices.hold(agent, owner, sessionId);
  }

  /** A piece has come. Renews the claim behind it when it is time; a refusal shows when the answer is finished. */
  touch(agent: AgentConnection, messageId: string): void {
    const claimed = this.byAgent.get(agent)?.get(messageId);
    if (!claimed || claimed.renewAt > this.clock.now()) return;
    claimed.renewAt = this.next();
    const { owner, sessionId } = claimed;
    this.claims.claim(owner, sessionId, holderOf(agent)).then(
      () => this.offices.hold(agent, owner, sessionId),
      (error: unknown) => this.logger.warn(`A claim could not be renewed: ${String(error)}`),
    );
  }

  end(agent: AgentConnection, messageId: string): void {
    const claimed = this.byAgent.get(agent)?.get(messageId);
    if (!claimed) return;
    this.byAgent.get(agent)?.delete(messageId);
    this.offices.hold(agent, claimed.owner, claimed.sessionId);
  }

  private next(): number {
    return this.clock.now() + this.config.CLAIM_LEASE_MS / RENEWALS_IN_A_LEASE;
  }
}

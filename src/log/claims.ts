import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Database, type Transaction } from '../database/database.js';
import type { Session } from '../kernel/wire.dto.js';
import { type ClaimState, Fence, type Holder } from './fence.js';
import type { LogOwner } from './log-types.js';
import { END_OF_OTHERS, RELEASE, RELEASE_ALL, type ReleasedRow } from './persistence/claim.sql.js';
import { SHELVE } from './persistence/inbox.sql.js';
import { RENEW } from './persistence/renewal.sql.js';

export type { ClaimState, Holder, Told } from './fence.js';

/** A session whose claim has ended. */
export interface Released {
  readonly owner: LogOwner;
  readonly agentSessionId: string;
}

/**
 * Who answers which session: at most one connection at a time, for the length of a lease. A claim ends by release, with
 * its connection, with its node's lease, or by its end in time. Each change is announced, except the end in time and that
 * of a node: whoever serves agents knows the first beforehand, and finds the second when it compares.
 */
@Injectable()
export class Claims {
  constructor(
    private readonly database: Database,
    private readonly fence: Fence,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Claims a session, or renews what is one's own, for `CLAIM_LEASE_MS` from now. It does not ask whether the session is
   * there, open, or routed to this agent.
   *
   * @throws ParleyError `resource_conflict` when somebody else holds it, with `agent_id` and `expires_at`;
   *   `service_unavailable`
   */
  async claim(owner: LogOwner, agentSessionId: string, holder: Holder): Promise<ClaimState> {
    const { claim, isNew } = await this.fence.claim(owner, agentSessionId, holder);
    if (isNew) this.fence.announce(owner, agentSessionId);
    return claim;
  }

  /**
   * Holds on to a session for `CLAIM_LEASE_MS` from now, also after the end in time if nobody took it. A claim that was taken
   * away is not made anew.
   *
   * @returns whether it is this holder's still, and its to answer
   */
  async renew(owner: LogOwner, agentSessionId: string, { connectionId, agentId }: Holder): Promise<boolean> {
    const key = [owner.userId, agentSessionId, owner.accountId];
    const values = [...key, connectionId, agentId, this.config.CLAIM_LEASE_MS];
    return (await this.database.query(RENEW, values)).length > 0;
  }

  /** @returns whether this connection held it */
  async release(owner: LogOwner, agentSessionId: string, connectionId: string): Promise<boolean> {
    const values = [owner.userId, agentSessionId, connectionId];
    const wasHeld = (await this.database.query(RELEASE, values)).length > 0;
    if (wasHeld) this.fence.announce(owner, agentSessionId);
    return wasHeld;
  }

  /** The connection has gone. @returns the sessions that it held */
  async releaseAll(connectionId: string): Promise<Released[]> {
    const rows = await this.database.query<ReleasedRow>(RELEASE_ALL, [connectionId]);
    return rows.map(({ user_id: userId, account_id: accountId, platform_user_id, agent_session_id }) => {
      const owner = { userId, accountId, platformUserId: platform_user_id };
      this.fence.announce(owner, agent_session_id);
      return { owner, agentSessionId: agent_session_id };
    });
  }

  /**
   * A session is changed: routed to an agent, it is held by nobody else any longer; closed, it waits out of every agent's
   * sight until it is opened. Nobody is told by this; see {@link sessionChanged}.
   *
   * @param tx the transaction that changes it, under the head's lock
   */
  async sessionChanges(
    tx: Transaction,
    { userId }: LogOwner,
    { agent_session_id: id, ...before }: Session,
    after: Pick<Session, 'agent_id' | 'status'>,
  ): Promise<void> {
    if (after.agent_id !== null && after.agent_id !== before.agent_id)
      await tx.query(END_OF_OTHERS, [userId, id, after.agent_id]);
    if (after.status !== before.status) await tx.query(SHELVE, [userId, id, after.status === 'closed']);
  }

  /** After the commit: a session itself has changed, e.g. whom it is routed to. Whoever serves agents hears of it. */
  sessionChanged(owner: LogOwner, agentSessionId: string): void {
    this.fence.announce(owner, agentSessionId, true);
  }
}

import { Injectable } from '@nestjs/common';
import { Database, type Queryable } from '../database/database.js';
import { type ClaimState, Fence, type Holder } from './fence.js';
import type { LogOwner } from './log-types.js';
import { END_OF_OTHERS, RELEASE, RELEASE_ALL, type ReleasedRow } from './persistence/claim.sql.js';

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
   * The session was routed: whoever holds it as another agent does so no longer. Nobody is told by this; see
   * {@link sessionChanged}.
   *
   * @param agentId null: any agent may go on
   * @param on the transaction that routes it
   */
  async endOfOthers(
    on: Queryable,
    { userId }: LogOwner,
    agentSessionId: string,
    agentId: string | null,
  ): Promise<void> {
    if (agentId !== null) await on.query(END_OF_OTHERS, [userId, agentSessionId, agentId]);
  }

  /** After the commit: a session itself has changed, e.g. whom it is routed to. Whoever serves agents hears of it. */
  sessionChanged(owner: LogOwner, agentSessionId: string): void {
    this.fence.announce(owner, agentSessionId, true);
  }
}

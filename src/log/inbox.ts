import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import type { Message, Session } from '../kernel/wire.dto.js';
import { type ClaimState, Fence, type Holder } from './fence.js';
import { LogChanges } from './log-changes.js';
import type { LogOwner } from './log-types.js';
import { toMessage } from './message-json.js';
import {
  PENDING,
  PENDING_OF,
  PENDING_OF_EACH,
  type PendingRow,
  WAITING_MESSAGES,
} from './persistence/inbox.sql.js';
import { toSession } from './session-row.js';

/** An open session with messages of its user that nobody has handled. */
export interface PendingSession {
  readonly owner: LogOwner;
  readonly session: Session;
  /** Position of the first of them. */
  readonly sinceSeq: number;
  /** Position of the last message in it, whoever wrote it. */
  readonly lastSeq: number;
  /** Who holds it; null: nobody, or the claim has run out. */
  readonly claim: ClaimState | null;
}

/** What of an inbox somebody may be told. */
export interface PendingFilter {
  /** Sessions that are routed to one of these agents, or to nobody. */
  readonly agentIds?: readonly string[];
  /** Sessions that one of these connections holds, or nobody. */
  readonly connectionIds?: readonly string[];
}

/**
 * What waits for agents. A row for each session with messages of its user that nobody has handled is made and taken away
 * by the statements that append (decision 15), so it is there exactly when they are.
 */
@Injectable()
export class Inbox {
  constructor(
    private readonly database: Database,
    private readonly changes: LogChanges,
    private readonly fence: Fence,
  ) {}

  /**
   * Open sessions of an account in which something waits, the longest first.
   *
   * @param limit most sessions that are routed to one agent, and most that are routed to nobody: whoever does not work keeps
   *   nothing from the others. Without `filter.agentIds` most sessions in all
   */
  async pending(accountId: number, limit: number, filter: PendingFilter = {}): Promise<PendingSession[]> {
    const values = [accountId, limit, filter.agentIds ?? null, filter.connectionIds ?? null];
    const first = await this.database.query<PendingRow>(PENDING, values);
    const isCut = first.length >= limit && filter.agentIds !== undefined;
    const rows = isCut ? await this.database.query<PendingRow>(PENDING_OF_EACH, values) : first;
    return rows.map((row) => toPending(accountId, row));
  }

  /** What waits in one session, if anything does and it is open. */
  async pendingOf(
    { userId, accountId }: LogOwner,
    agentSessionId: string,
  ): Promise<PendingSession | undefined> {
    const [row] = await this.database.query<PendingRow>(PENDING_OF, [userId, agentSessionId]);
    return row && toPending(accountId, row);
  }

  /**
   * The user's messages of a session from a position on, oldest first, without those that were deleted. Where nothing is
   * left of what waited, the session waits no longer.
   *
   * @param sinceSeq {@link PendingSession.sinceSeq}
   * @param limit most messages; fewer when they are long, but one at least
   */
  async messages(
    owner: LogOwner,
    agentSessionId: string,
    sinceSeq: number,
    limit: number,
  ): Promise<Message[]> {
    const values = [owner.userId, agentSessionId, sinceSeq, limit];
    const rows = await this.database.query<{ message: string }>(WAITING_MESSAGES, values);
    if (rows.length === 0) await this.settle(owner, agentSessionId, 0);
    return rows.map(({ message }) => toMessage(message));
  }

  /**
   * The user's messages up to a position are handled, without a reply.
   *
   * @param holder who says so; not needed when nobody has claimed the session
   * @throws ParleyError `resource_conflict` when somebody else has claimed it, or it is routed to another agent
   */
  async ack(owner: LogOwner, agentSessionId: string, upToSeq: number, holder?: Holder): Promise<void> {
    await this.settle(owner, agentSessionId, upToSeq, holder);
    this.fence.announce(owner, agentSessionId);
  }

  private async settle(
    owner: LogOwner,
    agentSessionId: string,
    upTo: number,
    holder?: Holder,
  ): Promise<void> {
    await this.changes.change(owner, async (tx, head) => {
      if (upTo > 0) await this.fence.refuseOthers(tx, owner, agentSessionId, holder);
      const horizon = Math.min(upTo, head.headSeq);
      await this.fence.settle(tx, owner, agentSessionId, horizon, holder?.connectionId ?? null);
      return { result: undefined, entries: [] };
    });
  }
}

function toPending(accountId: number, row: PendingRow): PendingSession {
  const { holder, claimant: agentId, expires_at: expiresAt } = row;
  return {
    owner: { accountId, platformUserId: row.platform_user_id, userId: row.user_id },
    session: toSession(row),
    sinceSeq: row.since_seq,
    lastSeq: row.last_seq,
    claim: holder !== null && expiresAt !== null ? { holder, agentId, expiresAt } : null,
  };
}

import { Inject, Injectable } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { CONFIG, type Config } from '../config/config.js';
import { Database, type Queryable, type Transaction } from '../database/database.js';
import { sqlState } from '../database/errors.js';
import { toIso } from '../kernel/clock.js';
import { conflict, ParleyError } from '../kernel/errors.js';
import { NodeRegistry } from '../nodes/node-registry.js';
import type { LogOwner } from './log-types.js';
import { CLAIM, CLAIM_OF, type ClaimedRow, type ClaimRow, ROUTED_TO } from './persistence/claim.sql.js';
import { HANDLED_BETWEEN, SETTLE } from './persistence/inbox.sql.js';

/** SQLSTATE. */
const FOREIGN_KEY_VIOLATION = '23503';

/** Who claims: a connection, and the agent that it says it is. */
export interface Holder {
  /** Unique among all connections of all nodes. */
  readonly connectionId: string;
  readonly agentId: string | null;
}

/** A claim as it stands. */
export interface ClaimState {
  /** Its {@link Holder.connectionId}. */
  readonly holder: string;
  readonly agentId: string | null;
  /** Milliseconds since the epoch, by the database's clock. */
  readonly expiresAt: number;
}

/** What an agent was told of a session: the user's messages from one position to another, both included. */
export interface Told {
  /** Where what was not handled began when it was told. */
  readonly sinceSeq: number;
  readonly upTo: number;
  /** The agent itself said up to where: such an answer is written once. Otherwise it may answer in several parts. */
  readonly isNamed?: boolean;
}

/** `resource_conflict`: what an agent answers to was handled before it. */
export class HandledError extends ParleyError {}

/**
 * What keeps two agents from answering the same message (decision 15). Who writes for an agent enters in its transaction,
 * under the head's lock; until that ends, nobody else gets the claim, and nothing else changes the inbox.
 */
@Injectable()
export class Fence {
  constructor(
    private readonly database: Database,
    private readonly nodes: NodeRegistry,
    private readonly bus: Bus,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Takes the claim, or renews it: who holds a session, holds it until the lease from now.
   *
   * @param on the transaction in which the head is locked, or nothing for a claim alone
   * @returns the claim, and whether it was somebody else's or nobody's before
   * @throws ParleyError `resource_conflict` when somebody else holds it, with `agent_id` and `expires_at`;
   *   `service_unavailable` while this node has no lease
   */
  async claim(
    owner: LogOwner,
    agentSessionId: string,
    { connectionId, agentId }: Holder,
    on: Queryable = this.database,
  ): Promise<{ claim: ClaimState; isNew: boolean; row: ClaimedRow }> {
    const key = [owner.userId, agentSessionId];
    const by = [owner.accountId, connectionId, agentId, this.nodes.id, this.config.CLAIM_LEASE_MS];
    const [row] = await on.query<ClaimedRow>(CLAIM, [...key, ...by]).catch(refusedWithoutLease);
    if (row) return { claim: toClaim(row), isNew: row.is_new, row };
    const [other] = await on.query<ClaimRow>(CLAIM_OF, key);
    throw heldBy(other);
  }

  /**
   * Refuses whoever may not write: somebody else holds the session, it is routed to another agent, or what it was told has
   * been handled meanwhile by somebody else.
   *
   * @param told what the writer answers to; nothing when it was told nothing
   * @throws as {@link claim}; `resource_conflict` also when its answer would be the second one
   */
  async enter(
    tx: Transaction,
    owner: LogOwner,
    agentSessionId: string,
    holder: Holder,
    told?: Told,
  ): Promise<void> {
    const { row } = await this.claim(owner, agentSessionId, holder, tx);
    if (row.routed_to !== null && row.routed_to !== holder.agentId) throw routedTo(row.routed_to);
    if (!told) return;
    if (isRepeated(row, told)) throw handled('This was handled before, up to up_to_seq.');
    if (await this.isHandledByOthers(tx, owner, agentSessionId, row, told))
      throw handled('Somebody else has handled this session meanwhile.');
  }

  /** Whether somebody else has handled any of what a holder was told, and what is still there. */
  private async isHandledByOthers(
    tx: Transaction,
    { userId }: LogOwner,
    agentSessionId: string,
    { since_seq, handled_seq }: ClaimedRow,
    { sinceSeq, upTo }: Told,
  ): Promise<boolean> {
    const from = Math.max(sinceSeq, handled_seq + 1); // what it has handled itself is its own
    const to = Math.min(upTo, (since_seq ?? Infinity) - 1);
    if (from > to) return false;
    return (await tx.query(HANDLED_BETWEEN, [userId, agentSessionId, from, to])).length > 0;
  }

  /**
   * Refuses whoever may not say that something is handled: somebody else holds the session, or it is routed to another agent.
   * Under the head's lock.
   *
   * @param holder who says so; nothing: it is not an agent, and only a claim keeps it out
   * @throws ParleyError `resource_conflict`
   */
  async refuseOthers(
    tx: Transaction,
    { userId, accountId }: LogOwner,
    agentSessionId: string,
    holder: Holder | undefined,
  ): Promise<void> {
    const [claim] = await tx.query<ClaimRow>(CLAIM_OF, [userId, agentSessionId]);
    if (claim && claim.holder !== holder?.connectionId) throw heldBy(claim);
    if (!holder) return;
    const key = [userId, accountId, agentSessionId];
    const [session] = await tx.query<{ agent_id: string | null }>(ROUTED_TO, key);
    const routed = session?.agent_id ?? null;
    if (routed !== null && routed !== holder.agentId) throw routedTo(routed);
  }

  /**
   * The user's messages of a session are handled up to a position. Under the head's lock.
   *
   * @param connectionId the holder who did it; null when it has no claim
   */
  async settle(
    tx: Transaction,
    { userId }: LogOwner,
    agentSessionId: string,
    upTo: number,
    connectionId: string | null,
  ): Promise<void> {
    await tx.query(SETTLE, [userId, agentSessionId, upTo, connectionId]);
  }

  /**
   * After the commit: whoever serves agents of this account looks at the session again.
   *
   * @param isChanged whether the session itself has changed, and agents are to hear of that, too
   */
  announce(owner: LogOwner, agentSessionId: string, isChanged = false): void {
    const { accountId, userId, platformUserId } = owner;
    const changed = isChanged && { session: true as const };
    this.bus.publish({
      kind: 'inbox',
      accountId,
      userId,
      platformUserId,
      agentSessionId,
      seq: null,
      ...changed,
    });
  }
}

/** The agent names what nothing waits of any more, and has handled it itself. */
function isRepeated({ since_seq, handled_seq }: ClaimedRow, { upTo, isNamed }: Told): boolean {
  return isNamed === true && upTo <= handled_seq && upTo < (since_seq ?? Infinity);
}

/** What an agent answers to was handled. */
function handled(message: string): HandledError {
  return new HandledError('resource_conflict', message, { field: 'agent_session_id' });
}

function toClaim({ holder, agent_id: agentId, expires_at: expiresAt }: ClaimRow): ClaimState {
  return { holder, agentId, expiresAt };
}

/** @param other who holds it, if it still does */
function heldBy(other: ClaimRow | undefined): ParleyError {
  const details = other && { agent_id: other.agent_id, expires_at: toIso(other.expires_at) };
  return conflict('Another agent has claimed this session.', { field: 'agent_session_id', ...details });
}

/** The session is another agent's to answer. */
export function routedTo(agentId: string): ParleyError {
  return conflict('This session is routed to another agent.', {
    field: 'agent_session_id',
    routed_to: agentId,
  });
}

/** This node was believed dead: its claims went with its lease, and it gets none until it has a new one. */
function refusedWithoutLease(error: unknown): never {
  if (sqlState(error) !== FOREIGN_KEY_VIOLATION) throw error;
  throw new ParleyError('service_unavailable', 'This node is coming back. Try again.', {}, 1);
}

import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/database.js';
import { conflict, notFound } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import type { Message } from '../kernel/wire.dto.js';
import { Appender } from './appender.js';
import { Fence, type Holder, type Told } from './fence.js';
import { type Changed, LogChanges, nextPosition } from './log-changes.js';
import type { Appended, Head, LogOwner, NewMessage } from './log-types.js';
import { toMessage } from './message-json.js';
import { ONE } from './persistence/read.sql.js';
import { BEFORE_REPLY, type BeforeReplyRow, WRITE_REPLY } from './persistence/reply.sql.js';
import { requestHash } from './request-hash.js';
import { SizeLimits } from './size-limits.js';

/** A message into a session that is named. */
export type Reply = NewMessage & { readonly agentSessionId: string };

/** The way in of an agent's messages over a socket: fenced, so that no message is answered twice (decision 15). */
@Injectable()
export class Replies {
  constructor(
    private readonly changes: LogChanges,
    private readonly fence: Fence,
    private readonly appender: Appender,
    private readonly limits: SizeLimits,
  ) {}

  /**
   * Appends an agent's message, and handles what the agent was told, in one transaction. The session is the agent's from
   * then on, for the length of a lease, if it was nobody's. A session that does not exist is made, and then unclaimed.
   *
   * Promise: as {@link Appender.append}. A repeat with the same `clientMessageId` is answered with the stored message,
   * also when the claim has gone.
   *
   * @param told what it answers to; nothing when the agent was told nothing: then nothing is handled by it
   * @throws ParleyError `resource_conflict` when somebody else holds the session (with `agent_id` and `expires_at`), has
   *   handled what this agent was told, the session is closed or another user's, or the client message id was used for
   *   something else; `service_unavailable`
   */
  async reply(owner: LogOwner, message: Reply, holder: Holder, told?: Told): Promise<Appended> {
    const hash = requestHash(message);
    const { result } = await this.changes.change(owner, async (tx, head) => {
      const before = await this.before(tx, owner, message);
      if (before.original !== null) {
        if (!hash || !before.request_hash?.equals(hash)) throw reused();
        return unchanged({ message: await read(tx, owner, before.original), replayed: true });
      }
      if (before.user_id === null) return unchanged(undefined);
      refuseUnlessOpen(owner, before);
      await this.fence.enter(tx, owner, message.agentSessionId, holder, told);
      const data = await this.write(tx, owner, head, message, hash);
      if (told) await this.fence.settle(tx, owner, message.agentSessionId, told.upTo, holder.connectionId);
      const entries: LogEntry[] = [{ seq: data.seq, event: 'message', data }];
      return { result: { message: data, replayed: false }, entries };
    });
    if (!result) return this.appender.append(owner.accountId, owner.platformUserId, message);
    if (!result.replayed) this.fence.announce(owner, message.agentSessionId);
    return result;
  }

  private async before(tx: Transaction, owner: LogOwner, message: Reply): Promise<BeforeReplyRow> {
    const { agentSessionId, clientMessageId = null } = message;
    const values = [owner.userId, owner.accountId, agentSessionId, clientMessageId];
    const [row] = await tx.query<BeforeReplyRow>(BEFORE_REPLY, values);
    return row as BeforeReplyRow;
  }

  private async write(
    tx: Transaction,
    owner: LogOwner,
    head: Head,
    { agentSessionId, sender, payload, metadata, clientMessageId }: Reply,
    hash: Buffer | null,
  ): Promise<Message> {
    const seq = nextPosition(head);
    head.messageCount++;
    if (sender !== 'user') head.unreadCount++;
    head.currentSession = agentSessionId;
    const parts = [payload, metadata].map((part) => this.limits.json(part));
    const values = [owner.userId, seq, agentSessionId, sender, ...parts, clientMessageId ?? null, hash];
    await tx.query(WRITE_REPLY, values);
    return read(tx, owner, seq);
  }
}

function unchanged<T>(result: T): Changed<T> {
  return { result, entries: [] };
}

function refuseUnlessOpen({ userId }: LogOwner, { user_id, status }: BeforeReplyRow): void {
  const field = { field: 'agent_session_id' };
  if (user_id !== userId) throw conflict('This agent_session_id belongs to another platform user.', field);
  if (status !== 'open') throw conflict('This session is closed.', field);
}

function reused(): Error {
  return conflict('This client_message_id was used for another message.', { field: 'client_message_id' });
}

async function read(tx: Transaction, { userId }: LogOwner, seq: number): Promise<Message> {
  const [row] = await tx.query<{ message: string }>(ONE, [userId, seq]);
  if (!row) throw notFound('message');
  return toMessage(row.message);
}

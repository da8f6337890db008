import { Injectable } from '@nestjs/common';
import type { Transaction } from '../database/database.js';
import type { Message } from '../kernel/wire.dto.js';
import { Fence, type Holder, type Told } from './fence.js';
import { LogChanges, nextPosition } from './log-changes.js';
import type { Appended, Head, LogOwner, NewMessage } from './log-types.js';
import { WRITE_REPLY } from './persistence/reply.sql.js';
import { entriesOf, place, readMessage, repeatedBy } from './placement.js';
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
    private readonly limits: SizeLimits,
  ) {}

  /**
   * Appends an agent's message, and handles what the agent was told, in one transaction. The session is the agent's from
   * then on, for the length of a lease, if it was nobody's. A session that does not exist is made.
   *
   * Promise: as `Appender.append`. A repeat with the same `clientMessageId` is answered with the stored message,
   * also when the claim has gone.
   *
   * @param told what it answers to; nothing when the agent was told nothing: then nothing is handled by it
   * @throws ParleyError `resource_conflict` when somebody else holds the session (with `agent_id` and `expires_at`), has
   *   handled what this agent was told, the session is closed or another user's, or the client message id was used for
   *   something else; `service_unavailable`
   */
  async reply(owner: LogOwner, message: Reply, holder: Holder, told?: Told): Promise<Appended> {
    const hash = requestHash(message);
    const { result } = await this.changes.change<Appended>(owner, async (tx, head) => {
      const repeated = await repeatedBy(tx, owner, message, hash);
      if (repeated) return { result: { message: repeated, replayed: true }, entries: [] };
      const seq = nextPosition(head);
      const at = await place(tx, owner, head, message.agentSessionId);
      const answered = answeredBy(message, told);
      await this.fence.enter(tx, owner, at.id, holder, answered);
      const data = await this.write(tx, owner, head, seq, message, hash);
      if (answered) await this.fence.settle(tx, owner, at.id, answered.upTo, holder.connectionId);
      return { result: { message: data, replayed: false }, entries: await entriesOf(tx, owner, at, data) };
    });
    if (!result.replayed) this.fence.announce(owner, message.agentSessionId);
    return result;
  }

  private async write(
    tx: Transaction,
    owner: LogOwner,
    head: Head,
    seq: number,
    { agentSessionId, sender, payload, metadata, clientMessageId }: Reply,
    hash: Buffer | null,
  ): Promise<Message> {
    head.messageCount++;
    if (sender !== 'user') head.unreadCount++;
    head.currentSession = agentSessionId;
    const parts = [payload, metadata].map((part) => this.limits.json(part));
    const values = [owner.userId, seq, agentSessionId, sender, ...parts, clientMessageId ?? null, hash];
    await tx.query(WRITE_REPLY, values);
    return readMessage(tx, owner, seq);
  }
}

/** What of what its writer was told a message answers: a notice of the system nothing, unless the writer names it. */
export function answeredBy({ sender }: Reply, told: Told | undefined): Told | undefined {
  return sender === 'assistant' || told?.isNamed ? told : undefined;
}

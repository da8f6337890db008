import { Injectable } from '@nestjs/common';
import { actingUser, type Principal, requireScope } from '../auth/principal.js';
import { invalidParameter, notFound, ParleyError } from '../kernel/errors.js';
import { parseMessageId } from '../kernel/ids.js';
import type { Message, ReadState } from '../kernel/wire.dto.js';
import { Appender } from '../log/appender.js';
import { LogChanges } from '../log/log-changes.js';
import { LogReader } from '../log/log-reader.js';
import type { Appended, LogOwner } from '../log/log-types.js';
import { PlatformUsers } from '../log/platform-users.js';
import type { SendDto } from '../wire/message.dto.js';
import { toPayload } from '../wire/payload.js';
import type { EditDto, ReceiveDto } from './message.dto.js';
import type { ReadDto } from './read.dto.js';

/** The rules of messages, the same for REST and for sockets. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly users: PlatformUsers,
    private readonly appender: Appender,
    private readonly changes: LogChanges,
    private readonly reader: LogReader,
  ) {}

  /** A platform user says something. */
  async receive(caller: Principal, body: ReceiveDto, idempotencyKey?: string): Promise<Appended> {
    requireScope(caller, 'user');
    const platformUserId = actingUser(caller, body.platform_user_id);
    if (body.message.payload.sender !== undefined && body.message.payload.sender !== 'user')
      throw invalidParameter('message.payload.sender', 'must be user: a platform user speaks for itself');
    // `return` alone would take two more turns of the microtask queue (decision 21)
    return await this.appender.append(caller.accountId, platformUserId, {
      sender: 'user',
      payload: toPayload(body.message.payload, 'user'),
      metadata: body.metadata ?? {},
      agentSessionId: body.agent_session_id,
      clientMessageId: clientMessageId(body.client_message_id, idempotencyKey),
    });
  }

  /** An assistant says something to a platform user. */
  async send(caller: Principal, body: SendDto, idempotencyKey?: string): Promise<Appended> {
    requireScope(caller, 'agent');
    const sender = body.message.payload.sender ?? 'assistant';
    if (sender === 'user') throw invalidParameter('message.payload.sender', 'must be assistant or system');
    return await this.appender.append(caller.accountId, body.platform_user_id, {
      sender,
      payload: toPayload(body.message.payload, sender),
      metadata: body.message.metadata ?? {},
      agentSessionId: body.message.agent_session_id,
      clientMessageId: clientMessageId(body.client_message_id, idempotencyKey),
    });
  }

  /** Changes content or metadata. Its author's scope may. */
  async edit(caller: Principal, id: string, { content, payload, metadata }: EditDto): Promise<Message> {
    const { owner, message } = await this.own(caller, id);
    if (payload?.sender !== undefined && payload.sender !== message.payload.sender)
      throw invalidParameter('payload.sender', 'cannot be changed');
    const edited = { ...payload, ...(content !== undefined && { content }) };
    if (Object.keys(edited).length === 0 && metadata === undefined)
      throw new ParleyError('missing_parameter', 'content, payload or metadata is required');
    return this.changes.edit(owner, message.seq, { payload: edited, metadata });
  }

  /** Leaves a tombstone. Its author's scope may. */
  async delete(caller: Principal, id: string): Promise<Message> {
    const { owner, message } = await this.own(caller, id);
    return this.changes.delete(owner, message.seq);
  }

  /** Marks messages read: everything up to a position, or single ones. */
  async read(caller: Principal, { platform_user_id, up_to_seq, message_ids }: ReadDto): Promise<ReadState> {
    requireScope(caller, 'user');
    const platformUserId = actingUser(caller, platform_user_id);
    if ((up_to_seq === undefined) === (message_ids === undefined))
      throw new ParleyError(
        up_to_seq === undefined ? 'missing_parameter' : 'invalid_parameter',
        'Give up_to_seq or message_ids',
      );
    const owner = await this.users.find(caller.accountId, platformUserId);
    if (up_to_seq !== undefined) return owner ? this.changes.readUpTo(owner, up_to_seq) : NOTHING;
    const seqs = (message_ids ?? []).map((id) => addressOf(owner, id));
    if (!owner) throw notFound('message');
    return this.changes.readMessages(owner, seqs);
  }

  /** Marks one message read, by its id alone (the published reference page's form). */
  async readOne(caller: Principal, id: string): Promise<void> {
    requireScope(caller, 'user');
    const { owner, seq } = await this.locate(caller, id);
    await this.changes.readMessages(owner, [seq]);
  }

  /** A message that the caller may change. */
  private async own(caller: Principal, id: string): Promise<{ owner: LogOwner; message: Message }> {
    const { owner, seq } = await this.locate(caller, id);
    const message = await this.reader.message(owner, seq);
    requireScope(caller, AUTHOR_SCOPE[message.payload.sender]);
    return { owner, message };
  }

  /** Whose a message is. Another account's, or for a user token another user's, does not exist. */
  private async locate(caller: Principal, id: string): Promise<{ owner: LogOwner; seq: number }> {
    const address = parseMessageId(id);
    const owner = address && (await this.users.byId(address.userId));
    if (!owner || owner.accountId !== caller.accountId) throw notFound('message');
    if (caller.kind === 'user_token' && owner.platformUserId !== caller.platformUserId)
      throw notFound('message');
    return { owner, seq: address.seq };
  }
}

const NOTHING: ReadState = { seq: 0, read_seq: 0, unread_count: 0 };
const AUTHOR_SCOPE = { user: 'user', assistant: 'agent', system: 'agent' } as const;

function clientMessageId(inBody: string | undefined, inHeader: string | undefined): string | undefined {
  if (inBody !== undefined && inHeader !== undefined && inBody !== inHeader)
    throw invalidParameter('client_message_id', 'must be the same as the Idempotency-Key header');
  return inBody ?? inHeader;
}

function addressOf(owner: LogOwner | undefined, id: string): number {
  const address = parseMessageId(id);
  if (!owner || address?.userId !== owner.userId) throw notFound('message');
  return address.seq;
}

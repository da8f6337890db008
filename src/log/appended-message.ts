import { toIso } from '../kernel/clock.js';
import type { LogEntry } from '../kernel/events.js';
import { messageId } from '../kernel/ids.js';
import { JsonText } from '../kernel/json-text.js';
import type { Message, Session } from '../kernel/wire.dto.js';
import type { Item } from './item.js';
import type { LogOwner } from './log-types.js';
import type { AppendRow } from './persistence/append.sql.js';

/** A message that has just been appended. Its JSON is put together from what was written for the database already. */
export function appendedMessage(item: Item, row: AppendRow): JsonText<Message> {
  const { owner, message: sent } = item;
  const time = toIso(row.now);
  const message: Message = {
    id: messageId({ userId: owner.userId, seq: row.seq }),
    platform_user_id: owner.platformUserId,
    agent_session_id: row.sid,
    seq: row.seq,
    updated_seq: row.seq,
    payload: sent.payload,
    metadata: sent.metadata,
    status: 'complete',
    read: false,
    read_at: null,
    created_at: time,
    updated_at: time,
  };
  const address = `"id":"${message.id}","platform_user_id":${JSON.stringify(owner.platformUserId)}`;
  const place = `"agent_session_id":${JSON.stringify(row.sid)},"seq":${row.seq},"updated_seq":${row.seq}`;
  const state = `"status":"complete","read":false,"read_at":null,"created_at":"${time}","updated_at":"${time}"`;
  const content = `"payload":${item.payloadJson},"metadata":${item.metadataJson}`;
  const text = `{${address},${place},${content},${state}}`;
  return JsonText.of(message, text);
}

/** The session that was made for a message. */
export function bornSession(owner: LogOwner, row: AppendRow): LogEntry {
  const time = toIso(row.now);
  const data: Session = {
    agent_session_id: row.sid,
    platform_user_id: owner.platformUserId,
    title: null,
    status: 'open',
    agent_id: null,
    context: {},
    metadata: {},
    updated_seq: row.seq,
    created_at: time,
    last_message_at: time,
  };
  return { seq: row.seq, event: 'session', data };
}

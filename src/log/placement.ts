import type { Queryable, Transaction } from '../database/database.js';
import { conflict, notFound } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import { randomId } from '../kernel/ids.js';
import { JsonText } from '../kernel/json-text.js';
import type { Message } from '../kernel/wire.dto.js';
import type { Head, LogOwner, NewMessage } from './log-types.js';
import { toMessage } from './message-json.js';
import * as sql from './persistence/placement.sql.js';
import { ONE } from './persistence/read.sql.js';
import { type SessionRow, toSession } from './session-row.js';

/** Where a message goes: a session, and whether it is made for it. */
export interface Place {
  readonly id: string;
  readonly isNew: boolean;
}

/**
 * The session that is named, else the current one, else a new one. For who writes a message in a transaction of its own, with
 * the head locked and its position taken: a new session is there exactly when its message is.
 *
 * @throws ParleyError `resource_conflict` for a closed session, and for another user's
 */
export async function place(
  tx: Transaction,
  owner: LogOwner,
  head: Head,
  named: string | undefined,
): Promise<Place> {
  const id = named ?? head.currentSession ?? randomId('ses');
  if (id === head.currentSession) return { id, isNew: false }; // which is always open
  const values = [owner.accountId, id];
  const [found] = await tx.query<{ user_id: number; status: string }>(sql.SESSION_STATE, values);
  if (found?.user_id === owner.userId && found.status === 'open') return { id, isNew: false };
  const field = { field: 'agent_session_id' };
  if (found?.user_id === owner.userId) throw conflict('This session is closed.', field);
  const [row] = found ? [] : await tx.query(sql.BEAR_SESSION, [...values, owner.userId, head.headSeq]);
  if (!row) throw conflict('This agent_session_id belongs to another platform user.', field);
  return { id, isNew: true };
}

/** What whoever follows the log is told of a message that was written, and of the session that was made for it. */
export async function entriesOf(
  tx: Transaction,
  { accountId }: LogOwner,
  { id, isNew }: Place,
  message: Message,
): Promise<LogEntry[]> {
  const { seq } = message;
  const written: LogEntry = { seq, event: 'message', data: JsonText.write(message) };
  if (!isNew) return [written];
  const [row] = await tx.query<SessionRow>(sql.SESSION, [accountId, id]);
  if (!row) throw notFound('session');
  return [written, { seq, event: 'session', data: toSession(row) }];
}

/**
 * What was written before with the same `clientMessageId`.
 *
 * @param hash of the request that repeats it
 * @throws ParleyError `resource_conflict` when the id was used for something else
 */
export async function repeatedBy(
  db: Queryable,
  owner: LogOwner,
  { clientMessageId }: NewMessage,
  hash: Buffer | null,
): Promise<Message | undefined> {
  if (clientMessageId === undefined) return undefined;
  const values = [owner.userId, clientMessageId];
  const [row] = await db.query<{ seq: number; request_hash: Buffer | null }>(sql.REPEATED, values);
  if (!row) return undefined;
  if (hash && row.request_hash?.equals(hash)) return readMessage(db, owner, row.seq);
  throw conflict('This client_message_id was used for another message.', { field: 'client_message_id' });
}

/** @throws ParleyError `resource_not_found` */
export async function readMessage(db: Queryable, { userId }: LogOwner, seq: number): Promise<Message> {
  const [row] = await db.query<{ message: string }>(ONE, [userId, seq]);
  if (!row) throw notFound('message');
  return toMessage(row.message);
}

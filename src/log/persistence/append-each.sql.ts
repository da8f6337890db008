import type { Statement } from '../../database/database.js';

/** What waits for agents (decision 15): a row for a session whose user wrote after an assistant wrote last. */
export const INTO_INBOX = 'INSERT INTO inbox (user_id, agent_session_id, account_id, since_seq, since)';

/** What became of the heads. Few columns, and floating point for the time: each column and each numeric has its price. */
export function headsBefore(headSeq: string): string {
  return `SELECT ARRAY[id, ${headSeq}, read_seq, unread_count, (date_part('epoch', now) * 1000)::bigint] AS numbers, current_session
FROM head`;
}

/** Whose items a batch holds: of one kind of sender, or of several. */
export type Senders = 'user' | 'assistant' | 'system' | 'mixed';

/**
 * A row for each item: user, its session (null: any), whether unread (0 or 1), sender, payload, metadata,
 * client_message_id, hash.
 */
const TYPES = ['bigint', 'text', 'int', 'text', 'text', 'text', 'text', 'bytea'];
const ONE = `(VALUES (${TYPES.map((type, i) => `$${i + 1}::${type}`).join(', ')}))`;
/** The JSON of payload and metadata comes in lines, which it has none of itself: as array elements it would be escaped. */
const LINES = [4, 5];
const MANY = `unnest(${TYPES.map((type, i) =>
  LINES.includes(i) ? `string_to_array($${i + 1}, E'\\n')` : `$${i + 1}::${type}[]`,
).join(', ')})`;

const WAITING = `${INTO_INBOX}
  SELECT id, current_session, account_id, head_seq, now FROM head WHERE sender = 'user'
  ON CONFLICT DO NOTHING`;
const ANSWERED = `DELETE FROM inbox i USING head h
  WHERE h.sender = 'assistant' AND i.user_id = h.id AND i.agent_session_id = h.current_session`;

/** What to do in the inbox. A part that has nothing to do would still have to be started, so there is none. */
const INBOX: Record<Senders, readonly string[]> = {
  user: [WAITING],
  assistant: [ANSWERED],
  system: [], // asks nothing and answers nothing
  mixed: [WAITING, ANSWERED],
};

/**
 * Appends one item to the log of each of some users, as is usual, in one statement, which is one transaction and one
 * commit. Usual is an item that goes to its user's current session, and repeats nothing; others come back missing, and
 * their users untouched.
 *
 * The heads are updated in the order of the items. The caller sorts them by user, the one global order, so that batches
 * of any lane and node do not deadlock. Should PostgreSQL ever join in another order (a test holds the plan), it breaks the
 * deadlock, the batch is written one by one, and what is refused again is judged anew (`Appender.append`).
 *
 * The update's lock makes commit order equal `seq` order for each user; it waits, and then sees the newest version of a
 * head. The current session is always open: whoever closes it, under the same lock, names another one.
 */
function appendEach(name: string, source: string, senders: Senders): Statement {
  const inbox = INBOX[senders].map((part, i) => `, inbox_${i} AS (\n  ${part}\n)`).join('');
  const text = `
WITH head AS (
  UPDATE platform_users u
  SET head_seq = u.head_seq + 1, message_count = u.message_count + 1, unread_count = u.unread_count + i.unread
  FROM ${source} AS i(user_id, session, unread, sender, payload, metadata, client_id, hash)
  WHERE u.id = i.user_id AND u.current_session = coalesce(i.session, u.current_session)
    AND (i.client_id IS NULL OR NOT EXISTS (
      SELECT FROM messages m WHERE m.user_id = i.user_id AND m.client_message_id = i.client_id))
  RETURNING u.id, u.account_id, u.head_seq, u.read_seq, u.unread_count - i.unread AS unread_count, u.current_session,
    clock_timestamp()::timestamptz(3) AS now, i.sender, i.payload, i.metadata, i.client_id, i.hash
), written AS (
  INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, client_message_id, request_hash, created_at, updated_at)
  SELECT id, head_seq, head_seq, current_session, sender, payload::json, metadata::json,
    octet_length(payload) + octet_length(metadata), client_id, hash, now, now
  FROM head
)${inbox}
${headsBefore('head_seq - 1')}`;
  return { name: `log.append.${name}.${senders}`, text };
}

/** For a batch of one, as at low load: its values are parameters. */
export const APPEND_ONE = {
  user: appendEach('one', ONE, 'user'),
  assistant: appendEach('one', ONE, 'assistant'),
  system: appendEach('one', ONE, 'system'),
};

/** For a batch in which no user has two items: each parameter is an array. */
export const APPEND_EACH = {
  user: appendEach('each', MANY, 'user'),
  assistant: appendEach('each', MANY, 'assistant'),
  mixed: appendEach('each', MANY, 'mixed'),
};

/** The head of a user whose items were appended, as it was before. */
export interface UsualRow {
  /** Id, `head_seq`, `read_seq`, `unread_count`, and the time in milliseconds since the epoch by the database's clock. */
  numbers: [number, number, number, number, number];
  current_session: string;
}

import { ALPHABET, SEQ_DIGITS, USER_DIGITS } from '../kernel/ids.js';
import type { Message } from '../kernel/wire.dto.js';

const OTHER_COLUMNS = `
  u.platform_user_id, m.agent_session_id, m.sender, m.status, m.payload, m.metadata,
  m.created_at, m.updated_at, m.deleted_at,
  coalesce(m.read_at, CASE WHEN m.seq <= u.read_seq THEN (
    SELECT r.read_at FROM read_marks r WHERE r.user_id = m.user_id AND r.read_seq >= m.seq ORDER BY r.read_seq LIMIT 1
  ) END) AS read_at`;

/**
 * What a message is made from; `m` is the message, `u` its head. A message below the read horizon was read when the
 * horizon passed it: at the first mark at or after it.
 */
export const MESSAGE_COLUMNS = `m.seq, m.updated_seq, ${OTHER_COLUMNS}`;

/** The same where it stands as a new message, at its own position: its change follows, at the position of the change. */
export const NEW_MESSAGE_COLUMNS = `m.seq, m.seq AS updated_seq, ${OTHER_COLUMNS}`;

/**
 * The allow-list: what of a message a client sees, each as JSON made from {@link MESSAGE_COLUMNS}; what is NULL is left
 * out. `payload` and `metadata` are kept as JSON text, and go out as they are.
 */
const FIELDS: Readonly<Record<keyof Message, string>> = {
  // The part of the user once for each statement, and the part of the position for each row.
  id: quoted(`'msg_' || (SELECT ${base32('$1::bigint', USER_DIGITS)}) || ${base32('seq', SEQ_DIGITS)}`),
  platform_user_id: 'to_json(platform_user_id)',
  agent_session_id: 'to_json(agent_session_id)',
  seq: 'seq',
  updated_seq: 'updated_seq',
  payload: 'payload',
  metadata: 'metadata',
  status: quoted('status'), // spelled as `LiveTexts` looks for it
  read: '(read_at IS NOT NULL)::text',
  read_at: `coalesce(${iso('read_at')}, 'null')`,
  created_at: iso('created_at'),
  updated_at: iso('updated_at'),
  deleted_at: iso('deleted_at'),
};

/**
 * A row of {@link MESSAGE_COLUMNS} as the JSON text of a {@link Message}, where $1 is its user. PostgreSQL writes it: a
 * page is then one value that passes through Node.js unread, at less than half the CPU (docs/performance.md).
 */
export const MESSAGE_JSON = `concat('{', ${members(FIELDS).join(', ')}, '}')`;

export function toMessage(json: string): Message {
  return JSON.parse(json) as Message;
}

/** `concat` leaves out what is NULL: a field without a value goes with its name. */
function members(fields: Readonly<Record<string, string>>): string[] {
  return Object.entries(fields).map(([name, value], index) => `'${index ? ',' : ''}"${name}":' || ${value}`);
}

/** Text that needs no escapes. */
function quoted(text: string): string {
  return `'"' || ${text} || '"'`;
}

/** ISO 8601 UTC with milliseconds (contract section 2), as `toIso` has it. */
function iso(time: string): string {
  return quoted(`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
}

/** A number as `messageId` writes it. */
function base32(value: string, digits: number): string {
  const shifts = Array.from({ length: digits }, (_, index) => 5 * (digits - 1 - index));
  return shifts.map((shift) => `substr('${ALPHABET}', (${value} >> ${shift} & 31)::int + 1, 1)`).join(' || ');
}

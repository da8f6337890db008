import type { Statement } from '../../database/database.js';

export const LOCK_HEAD: Statement = {
  name: 'log.head.lock',
  text: `SELECT head_seq AS "headSeq", read_seq AS "readSeq", session_seq AS "sessionSeq", unread_count AS "unreadCount",
           message_count AS "messageCount", current_session AS "currentSession"
         FROM platform_users WHERE id = $1 FOR NO KEY UPDATE`,
};

export const SAVE_HEAD: Statement = {
  name: 'log.head.save',
  text: `UPDATE platform_users SET head_seq = $2, read_seq = $3, session_seq = $4, unread_count = $5, message_count = $6,
           current_session = $7
         WHERE id = $1`,
};

export const UPDATE_MESSAGE: Statement = {
  name: 'log.message.update',
  text: `UPDATE messages SET updated_seq = $3, updated_at = clock_timestamp(), payload = $4::text::json, metadata = $5::text::json,
           bytes = octet_length($4::text) + octet_length($5::text)
         WHERE user_id = $1 AND seq = $2`,
};

export const DELETE_MESSAGE: Statement = {
  name: 'log.message.delete',
  text: `UPDATE messages SET updated_seq = $3, updated_at = clock_timestamp(), deleted_at = clock_timestamp(),
           payload = $4::text::json, metadata = '{}',
           bytes = octet_length($4::text) + 2
         WHERE user_id = $1 AND seq = $2`,
};

export const MARK_MESSAGE_READ: Statement = {
  name: 'log.message.read',
  text: `UPDATE messages SET updated_seq = $3, updated_at = clock_timestamp(), read_at = clock_timestamp()
         WHERE user_id = $1 AND seq = $2`,
};

export const MOVE_HORIZON: Statement = {
  name: 'log.horizon.move',
  text: 'INSERT INTO read_marks (user_id, read_seq, read_at) VALUES ($1, $2, clock_timestamp())',
};

/** What stays unread above the horizon: an index scan of that, however much the horizon covers. */
export const COUNT_UNREAD_AFTER: Statement = {
  name: 'log.unread.after',
  text: `SELECT count(*)::int AS count FROM messages
         WHERE user_id = $1 AND seq > $2 AND sender <> 'user' AND status <> 'streaming' AND read_at IS NULL AND deleted_at IS NULL`,
};

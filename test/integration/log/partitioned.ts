import type { LogNode } from '../../support/log-node.js';

export const PARTITIONS = 8;

/**
 * Replaces `messages` by the same table in partitions, by a hash of the user: what docs/scaling.md advises. Its columns,
 * checks and indexes are copied, so a new index needs no change here.
 */
export async function partitionMessages({ dataSource }: LogNode): Promise<void> {
  await dataSource.transaction(async (tx) => {
    await tx.query('ALTER TABLE messages RENAME TO messages_whole');
    await tx.query('CREATE TABLE messages (LIKE messages_whole INCLUDING ALL) PARTITION BY HASH (user_id)');
    for (let i = 0; i < PARTITIONS; i++)
      await tx.query(
        `CREATE TABLE messages_${i} PARTITION OF messages FOR VALUES WITH (MODULUS ${PARTITIONS}, REMAINDER ${i})`,
      );
    await tx.query('INSERT INTO messages SELECT * FROM messages_whole');
    await tx.query('DROP TABLE messages_whole');
  });
  await dataSource.query('ANALYZE');
}

/** Makes each log of the database longer: with so little in it that all can be read at once, no plan would have to choose. */
export async function lengthenLogs({ dataSource }: LogNode, by: number): Promise<void> {
  await dataSource.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO messages (user_id, seq, updated_seq, agent_session_id, sender, payload, metadata, bytes, client_message_id, created_at, updated_at)
       SELECT u.id, u.head_seq + i, u.head_seq + i, u.current_session, CASE WHEN i % 2 = 0 THEN 'user' ELSE 'assistant' END,
         '{"content": "Hello", "attachments": []}'::json, '{}'::json, 41, 'before-' || i, now(), now()
       FROM platform_users u, generate_series(1, $1::int) i`,
      [by],
    );
    await tx.query(
      `UPDATE platform_users SET head_seq = head_seq + $1::int, message_count = message_count + $1::int,
         unread_count = unread_count + ($1::int + 1) / 2`,
      [by],
    );
  });
}

/** What an index is made of, without its name. */
export async function indexesOf({ dataSource }: LogNode, table: string): Promise<string[]> {
  const rows = await dataSource.query<{ definition: string }[]>(
    `SELECT regexp_replace(pg_get_indexdef(indexrelid), 'INDEX .* USING', 'INDEX USING') AS definition
     FROM pg_index WHERE indrelid = $1::regclass ORDER BY 1`,
    [table],
  );
  return rows.map(({ definition }) => definition);
}

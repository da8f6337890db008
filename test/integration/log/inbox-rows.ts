import type { LogNode } from '../../support/log-node.js';

/** A row of `inbox`, and what stands in the log of its user. */
export interface InboxRow {
  readonly user: string;
  readonly session: string;
  readonly since: number;
}

/** What waits in an account, as the table says. */
export async function inboxRows({ dataSource }: LogNode, account: number): Promise<InboxRow[]> {
  const rows = await dataSource.query<InboxRow[]>(
    `SELECT u.platform_user_id AS user, i.agent_session_id AS session, i.since_seq::int AS since
     FROM inbox i JOIN platform_users u ON u.id = i.user_id
     WHERE i.account_id = $1 AND u.account_id = $1`,
    [account],
  );
  return sorted(rows);
}

/**
 * What waits in an account, as the log says: in each session the user's first message after an assistant wrote last.
 *
 * @param handled up to where a session was handled without an answer, by user and session
 */
export async function waitingInLog(
  { dataSource }: LogNode,
  account: number,
  handled: ReadonlyMap<string, number> = new Map(),
): Promise<InboxRow[]> {
  const rows = await dataSource.query<{ user: string; session: string; seq: number; sender: string }[]>(
    `SELECT u.platform_user_id AS user, m.agent_session_id AS session, m.seq::int AS seq, m.sender
     FROM messages m JOIN platform_users u ON u.id = m.user_id WHERE u.account_id = $1 ORDER BY m.user_id, m.seq`,
    [account],
  );
  const waiting = new Map<string, InboxRow>();
  for (const { user, session, seq, sender } of rows) {
    const key = keyOf(user, session);
    if (sender === 'assistant') waiting.delete(key);
    else if (sender === 'user' && !waiting.has(key) && seq > (handled.get(key) ?? 0))
      waiting.set(key, { user, session, since: seq });
  }
  return sorted([...waiting.values()]);
}

export function keyOf(user: string, session: string): string {
  return `${user} ${session}`;
}

function sorted(rows: readonly InboxRow[]): InboxRow[] {
  return rows.toSorted((a, b) => keyOf(a.user, a.session).localeCompare(keyOf(b.user, b.session)));
}

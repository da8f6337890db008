import { Injectable } from '@nestjs/common';
import { Database, type Queryable, type Statement, type Transaction } from '../../database/database.js';
import type { Session, SessionStatus } from '../../kernel/wire.dto.js';
import type { LogOwner } from '../../log/log-types.js';
import { SESSION_COLUMNS, type SessionRow, toSession } from '../../log/session-row.js';

const FROM = 'FROM sessions s JOIN platform_users u ON u.id = s.user_id';

const FIND: Statement = {
  name: 'sessions.find',
  text: `SELECT ${SESSION_COLUMNS}, s.user_id ${FROM} WHERE s.account_id = $1 AND s.agent_session_id = $2`,
};
const LIST: Statement = {
  name: 'sessions.list',
  text: `SELECT ${SESSION_COLUMNS} ${FROM}
         WHERE s.user_id = $1 AND ($2::text IS NULL OR s.status = $2)
           AND ($3::timestamptz IS NULL OR (s.created_at, s.agent_session_id) < ($3, $4::text))
         ORDER BY s.created_at DESC, s.agent_session_id DESC LIMIT $5`,
};
const INSERT: Statement = {
  name: 'sessions.insert',
  text: `INSERT INTO sessions (account_id, agent_session_id, user_id, title, agent_id, context, metadata, updated_seq, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
         ON CONFLICT (account_id, agent_session_id) DO NOTHING RETURNING agent_session_id`,
};
const UPDATE: Statement = {
  name: 'sessions.update',
  text: `UPDATE sessions SET title = $3, status = $4, agent_id = $5, context = $6, metadata = $7, updated_seq = $8
         WHERE account_id = $1 AND agent_session_id = $2`,
};
/** The open session with the latest message, or the latest made if none has any. */
const MOST_RECENT: Statement = {
  name: 'sessions.most-recent',
  text: `SELECT s.agent_session_id FROM sessions s WHERE s.user_id = $1 AND s.status = 'open'
         ORDER BY coalesce((SELECT m.seq FROM messages m WHERE m.user_id = s.user_id AND m.agent_session_id = s.agent_session_id
                            ORDER BY m.seq DESC LIMIT 1), s.updated_seq) DESC LIMIT 1`,
};

const CURRENT: Statement = {
  name: 'sessions.current',
  text: 'SELECT current_session FROM platform_users WHERE id = $1',
};

export type SessionChange = Pick<Session, 'title' | 'status' | 'agent_id' | 'context' | 'metadata'>;

/** Where a page of sessions ends. */
export interface SessionPosition {
  createdAt: string;
  agentSessionId: string;
}

/** Sessions in the database. Writing needs the transaction in which the user's log is locked. */
@Injectable()
export class SessionRepository {
  constructor(private readonly database: Database) {}

  async find(
    accountId: number,
    agentSessionId: string,
    on: Queryable = this.database,
  ): Promise<{ userId: number; session: Session } | undefined> {
    const [row] = await on.query<SessionRow & { user_id: number }>(FIND, [accountId, agentSessionId]);
    return row && { userId: row.user_id, session: toSession(row) };
  }

  async list(
    { userId }: LogOwner,
    status: SessionStatus | undefined,
    before: SessionPosition | undefined,
    limit: number,
  ): Promise<Session[]> {
    const values = [userId, status ?? null, before?.createdAt ?? null, before?.agentSessionId ?? null, limit];
    return (await this.database.query<SessionRow>(LIST, values)).map(toSession);
  }

  /** The session of a message that names none; null: it makes one. */
  async current({ userId }: LogOwner): Promise<string | null> {
    const [row] = await this.database.query<{ current_session: string | null }>(CURRENT, [userId]);
    return row?.current_session ?? null;
  }

  /** @returns whether the id was free */
  async insert(
    tx: Transaction,
    owner: LogOwner,
    id: string,
    fields: Omit<SessionChange, 'status'>,
    position: number,
  ): Promise<boolean> {
    const { title, agent_id, context, metadata } = fields;
    const values = [owner.accountId, id, owner.userId, title, agent_id, context, metadata, position];
    return (await tx.query(INSERT, values)).length > 0;
  }

  async update(
    tx: Transaction,
    { accountId }: LogOwner,
    id: string,
    change: SessionChange,
    position: number,
  ): Promise<void> {
    const { title, status, agent_id, context, metadata } = change;
    await tx.query(UPDATE, [accountId, id, title, status, agent_id, context, metadata, position]);
  }

  /** Where the user's next message without a session goes; null: to a new one. */
  async mostRecentOpen(tx: Transaction, { userId }: LogOwner): Promise<string | null> {
    const [row] = await tx.query<{ agent_session_id: string }>(MOST_RECENT, [userId]);
    return row?.agent_session_id ?? null;
  }
}

import { Injectable } from '@nestjs/common';
import { Database, type Statement } from '../../database/database.js';
import type { Session } from '../../kernel/wire.dto.js';
import { SESSION_COLUMNS, type SessionRow, toSession } from '../../log/session-row.js';

const FIND: Statement = {
  name: 'webhooks.session',
  text: `
SELECT ${SESSION_COLUMNS} FROM sessions s JOIN platform_users u ON u.id = s.user_id
WHERE s.account_id = $1 AND s.agent_session_id = $2`,
};

/** Sessions as agents see them. */
@Injectable()
export class SessionReads {
  constructor(private readonly database: Database) {}

  async find(accountId: number, agentSessionId: string): Promise<Session | null> {
    const [row] = await this.database.query<SessionRow>(FIND, [accountId, agentSessionId]);
    return row ? toSession(row) : null;
  }
}

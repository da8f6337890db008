import { Injectable } from '@nestjs/common';
import { actingUser, type Principal } from '../auth/principal.js';
import type { JsonText } from '../kernel/json-text.js';
import type { Message } from '../kernel/wire.dto.js';
import { LogReader, NO_PAGE } from '../log/log-reader.js';
import { PlatformUsers } from '../log/platform-users.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { LogOwner } from '../log/log-types.js';
import type {
  AliasListQuery,
  HistoryList,
  HistoryQuery,
  ListQuery,
  PageQuery,
  UnreadList,
} from './read.dto.js';

/** A list whose messages are JSON text already. */
export type Written<List extends { messages: Message[] }> = Omit<List, 'messages'> & {
  messages: JsonText<Message[]>;
};

/** Lists of messages. A platform user who has no log yet has empty ones. */
@Injectable()
export class MessageLists {
  constructor(
    private readonly users: PlatformUsers,
    private readonly reader: LogReader,
    private readonly sessions: SessionsService,
  ) {}

  async unread(caller: Principal, query: ListQuery): Promise<Written<UnreadList>> {
    const owner = await this.users.find(caller.accountId, actingUser(caller, query.platform_user_id));
    const { limit, after, agent_session_id: agentSessionId } = query;
    const { messages, total, next } = owner
      ? await this.reader.unread(owner, { after, agentSessionId, limit })
      : NO_PAGE;
    return { messages, unread_count: total, next_after: next };
  }

  async history(caller: Principal, query: HistoryQuery): Promise<Written<HistoryList>> {
    const owner = await this.users.find(caller.accountId, actingUser(caller, query.platform_user_id));
    return this.page(owner, query.agent_session_id, query);
  }

  /** @throws ParleyError `resource_not_found` when the caller has no such session */
  async inSession(
    caller: Principal,
    agentSessionId: string,
    query: PageQuery,
  ): Promise<Written<HistoryList>> {
    const { owner } = await this.sessions.locate(caller, agentSessionId);
    return this.page(owner, agentSessionId, query);
  }

  async byOffset(caller: Principal, query: AliasListQuery): Promise<{ messages: Message[]; total: number }> {
    const owner = await this.users.find(caller.accountId, actingUser(caller, query.user_id, 'user_id'));
    if (!owner) return { messages: [], total: 0 };
    const { messages, total } = await this.reader.pageByOffset(owner, query.limit, query.offset);
    return { messages: messages.parse(), total };
  }

  private async page(
    owner: LogOwner | undefined,
    session: string | undefined,
    query: PageQuery,
  ): Promise<Written<HistoryList>> {
    const { limit, after, before, order } = query;
    const { messages, total, next } = owner
      ? await this.reader.page(owner, { after, before, order, agentSessionId: session, limit })
      : NO_PAGE;
    return order === 'asc' ? { messages, total, next_after: next } : { messages, total, next_before: next };
  }
}

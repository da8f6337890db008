import { Injectable } from '@nestjs/common';
import { actingUser, type Principal } from '../auth/principal.js';
import type { Message } from '../kernel/wire.dto.js';
import { LogReader, type MessagePage } from '../log/log-reader.js';
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

/** Lists of messages. A platform user who has no log yet has empty ones. */
@Injectable()
export class MessageLists {
  constructor(
    private readonly users: PlatformUsers,
    private readonly reader: LogReader,
    private readonly sessions: SessionsService,
  ) {}

  async unread(caller: Principal, query: ListQuery): Promise<UnreadList> {
    const owner = await this.users.find(caller.accountId, actingUser(caller, query.platform_user_id));
    if (!owner) return { messages: [], unread_count: 0, next_after: null };
    const { limit, after, agent_session_id: agentSessionId } = query;
    const [{ messages, next }, unread_count] = await Promise.all([
      this.reader.unread(owner, { after, agentSessionId, limit }),
      agentSessionId === undefined
        ? this.reader.counts(owner).then((counts) => counts.unread_count)
        : this.reader.countUnreadInSession(owner, agentSessionId),
    ]);
    return { messages, unread_count, next_after: next };
  }

  async history(caller: Principal, query: HistoryQuery): Promise<HistoryList> {
    const owner = await this.users.find(caller.accountId, actingUser(caller, query.platform_user_id));
    return this.page(owner, query.agent_session_id, query);
  }

  /** @throws ParleyError `resource_not_found` when the caller has no such session */
  async inSession(caller: Principal, agentSessionId: string, query: PageQuery): Promise<HistoryList> {
    const { owner } = await this.sessions.locate(caller, agentSessionId);
    return this.page(owner, agentSessionId, query);
  }

  async byOffset(caller: Principal, query: AliasListQuery): Promise<{ messages: Message[]; total: number }> {
    const owner = await this.users.find(caller.accountId, actingUser(caller, query.user_id, 'user_id'));
    if (!owner) return { messages: [], total: 0 };
    const [messages, counts] = await Promise.all([
      this.reader.pageByOffset(owner, query.limit, query.offset),
      this.reader.counts(owner),
    ]);
    return { messages, total: counts.message_count };
  }

  private async page(
    owner: LogOwner | undefined,
    session: string | undefined,
    query: PageQuery,
  ): Promise<HistoryList> {
    const { limit, after, before, order } = query;
    const [{ messages, next }, total] = owner
      ? await Promise.all([
          this.reader.page(owner, { after, before, order, agentSessionId: session, limit }),
          session === undefined
            ? this.reader.counts(owner).then((counts) => counts.message_count)
            : this.reader.countInSession(owner, session),
        ])
      : [NO_MESSAGES, 0];
    return order === 'asc' ? { messages, total, next_after: next } : { messages, total, next_before: next };
  }
}

const NO_MESSAGES: MessagePage = { messages: [], next: null };

import { Injectable } from '@nestjs/common';
import { actingUser, type Principal } from '../auth/principal.js';
import type { Message } from '../kernel/wire.dto.js';
import { LogReader } from '../log/log-reader.js';
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
    const [found, unread_count] = await Promise.all([
      this.reader.unread(owner, { after, agentSessionId, limit: limit + 1 }),
      agentSessionId === undefined
        ? this.reader.counts(owner).then((counts) => counts.unread_count)
        : this.reader.countUnreadInSession(owner, agentSessionId),
    ]);
    const { messages, next } = cut(found, limit);
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
    const [found, total] = owner
      ? await Promise.all([
          this.reader.page(owner, { after, before, order, agentSessionId: session, limit: limit + 1 }),
          session === undefined
            ? this.reader.counts(owner).then((counts) => counts.message_count)
            : this.reader.countInSession(owner, session),
        ])
      : [[], 0];
    const { messages, next } = cut(found, limit);
    return order === 'asc' ? { messages, total, next_after: next } : { messages, total, next_before: next };
  }
}

/** One more than the page was read: whether there is more, and from where. */
function cut(found: Message[], limit: number): { messages: Message[]; next: number | null } {
  const messages = found.slice(0, limit);
  return { messages, next: found.length > limit ? (messages.at(-1)?.seq ?? null) : null };
}

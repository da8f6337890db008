import { Injectable } from '@nestjs/common';
import { actingUser, type Principal } from '../auth/principal.js';
import { LogWaiter } from '../follow/log-waiter.js';
import type { LogEntry } from '../kernel/events.js';
import type { Message } from '../kernel/wire.dto.js';
import { LogReader, type MessagePage } from '../log/log-reader.js';
import type { LogOwner } from '../log/log-types.js';
import { PlatformUsers } from '../log/platform-users.js';
import { MessageLists, type Written } from './message-lists.js';
import type { ListQuery, UnreadList } from './read.dto.js';

/** Messages that are looked at for a reply in one step. */
const REPLY_PAGE = 50;

/** Calls that wait instead of asking again and again. All of them follow the log. */
@Injectable()
export class Waiting {
  constructor(
    private readonly users: PlatformUsers,
    private readonly reader: LogReader,
    private readonly lists: MessageLists,
    private readonly waiter: LogWaiter,
  ) {}

  /** Unread messages as soon as there are any; an empty list when time is up. @param seconds to wait at most */
  async unread(
    caller: Principal,
    query: ListQuery,
    seconds: number,
    signal: AbortSignal,
  ): Promise<Written<UnreadList>> {
    const { userId } = await this.users.ensure(caller.accountId, actingUser(caller, query.platform_user_id));
    const found = await this.waiter.wait(userId, {
      look: async () => {
        const list = await this.lists.unread(caller, query);
        return list.messages.parse().length > 0 ? list : undefined;
      },
      isReason: ({ event, data }) => event !== 'session' && data.parse().payload.sender !== 'user',
      timeout: seconds * 1000,
      signal,
    });
    return found ?? this.lists.unread(caller, query);
  }

  /** The assistant's next complete message in the session of `message`. @param seconds to wait at most */
  async reply(
    caller: Principal,
    message: Message,
    seconds: number,
    signal: AbortSignal,
  ): Promise<Message | null> {
    const owner = await this.users.ensure(caller.accountId, message.platform_user_id);
    const { agent_session_id: agentSessionId } = message;
    const found = await this.waiter.wait(owner.userId, {
      look: () => this.firstReply(owner, message),
      isReason: (entry) => isReplyIn(entry, agentSessionId),
      timeout: seconds * 1000,
      signal,
    });
    return found ?? null;
  }

  private async firstReply(owner: LogOwner, message: Message): Promise<Message | undefined> {
    const { agent_session_id: agentSessionId } = message;
    for (let after: number | null = message.seq; after !== null;) {
      const page: MessagePage = await this.reader.page(owner, { after, agentSessionId, limit: REPLY_PAGE });
      const reply = page.messages.parse().find(isReply);
      if (reply) return reply;
      after = page.next;
    }
    return undefined;
  }
}

function isReplyIn({ event, data }: LogEntry, agentSessionId: string): boolean {
  if (event === 'session') return false;
  const message = data.parse();
  return message.agent_session_id === agentSessionId && isReply(message);
}

function isReply({ payload, status, deleted_at }: Message): boolean {
  return payload.sender === 'assistant' && status === 'complete' && deleted_at === undefined;
}

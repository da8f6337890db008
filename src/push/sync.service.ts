import { Injectable } from '@nestjs/common';
import { actingUser, type Principal, requireScope } from '../auth/principal.js';
import type { LogEntry } from '../kernel/events.js';
import type { Message, Session } from '../kernel/wire.dto.js';
import { LogReader } from '../log/log-reader.js';
import { sessionFor } from '../log/session-row.js';
import { PlatformUsers } from '../log/platform-users.js';
import { Epochs } from './epochs.js';
import type { SyncDto, SyncView } from './sync.dto.js';

/** The log after a position, for whoever asks instead of being told. */
@Injectable()
export class SyncService {
  constructor(
    private readonly users: PlatformUsers,
    private readonly reader: LogReader,
    private readonly epochs: Epochs,
  ) {}

  async sync(caller: Principal, { platform_user_id, after, epoch, limit }: SyncDto): Promise<SyncView> {
    requireScope(caller, 'user');
    const { userId } = await this.users.ensure(caller.accountId, actingUser(caller, platform_user_id));
    const { entries, state, complete } = await this.reader.after(userId, after, limit);
    const known = this.epochs.knows(userId, state.seq, after, epoch);
    const latest = known ? latestStates(entries) : { messages: [], sessions: [] };
    return {
      epoch: this.epochs.of(userId),
      from: after,
      to: known && !complete ? (entries.at(-1)?.seq ?? state.seq) : state.seq,
      complete: known ? complete : true,
      reset: !known,
      messages: latest.messages,
      sessions: latest.sessions.map((session) => sessionFor(caller.kind, session)),
      read_seq: state.read_seq,
      unread_count: state.unread_count,
    };
  }
}

/** Each message and session once, at the place of its last entry. */
function latestStates(entries: readonly LogEntry[]): { messages: Message[]; sessions: Session[] } {
  const messages = new Map<string, Message>();
  const sessions = new Map<string, Session>();
  for (const { event, data } of entries) {
    if (event === 'session') {
      sessions.delete(data.agent_session_id);
      sessions.set(data.agent_session_id, data);
    } else {
      const message = data.parse();
      messages.delete(message.id);
      messages.set(message.id, message);
    }
  }
  return { messages: [...messages.values()], sessions: [...sessions.values()] };
}

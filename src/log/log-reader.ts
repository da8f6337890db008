import { Injectable } from '@nestjs/common';
import { Database, type Statement } from '../database/database.js';
import { notFound } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import type { Message, ReadState } from '../kernel/wire.dto.js';
import type { LogOwner } from './log-types.js';
import { type MessageRow, toMessage } from './message-row.js';
import { PAGE_BYTES } from './page-bytes.js';
import {
  AFTER,
  BY_OFFSET,
  COUNT_IN_SESSION,
  COUNT_UNREAD_IN_SESSION,
  COUNTS,
  HEADS,
  ONE,
  PAGES,
} from './persistence/read.sql.js';
import { type SessionRow, toSession } from './session-row.js';

/** Beyond every position: the open end of a range. */
export const END_OF_LOG = Number.MAX_SAFE_INTEGER;
const MOST_AT_ONE_POSITION = 2;

export interface Range {
  /** Positions after this one. */
  after?: number;
  /** Positions before this one. */
  before?: number;
  order?: 'asc' | 'desc';
  agentSessionId?: string;
  /** Most messages. */
  limit: number;
}

/** Messages of a range, and where the next page begins; null at the end. */
export interface MessagePage {
  readonly messages: Message[];
  readonly next: number | null;
}

/** What a row adds to its page, and what those before it did. */
interface Sized {
  bytes: number;
  bytes_before: number;
}

/** A stretch of a log, and the head at the moment it was read. */
export interface LogSlice {
  readonly entries: readonly LogEntry[];
  readonly state: ReadState;
  /** Whether there is more between the last entry and the head. */
  readonly complete: boolean;
}

interface Counts {
  head_seq: number;
  read_seq: number;
  unread_count: number;
  message_count: number;
}

type AfterRow = MessageRow &
  Sized & {
    head_seq: number;
    head_read_seq: number;
    unread_count: number;
    platform_user_id: string;
    account_id: number;
    position: number | null;
    event: LogEntry['event'];
    session:
      | (Omit<SessionRow, 'created_at' | 'last_message_at'> & {
          created_at: string;
          last_message_at: string | null;
        })
      | null;
  };

/** Reads logs. Every answer is a snapshot that one statement saw. */
@Injectable()
export class LogReader {
  constructor(private readonly database: Database) {}

  /** @throws ParleyError `resource_not_found` */
  async message(owner: LogOwner, seq: number): Promise<Message> {
    const [row] = await this.database.query<MessageRow>(ONE, [owner.userId, seq]);
    if (!row) throw notFound('message');
    return toMessage(row, owner);
  }

  /** Messages of a range of positions, of one session if asked. */
  async page(owner: LogOwner, { agentSessionId, order = 'asc', ...range }: Range): Promise<MessagePage> {
    const pages = agentSessionId === undefined ? PAGES.all : PAGES.session;
    return this.readPage(owner, pages[order], range, agentSessionId);
  }

  /** Assistant and system messages not read yet, oldest first. */
  async unread(owner: LogOwner, { agentSessionId, ...range }: Range): Promise<MessagePage> {
    const statement = agentSessionId === undefined ? PAGES.unread : PAGES.unreadInSession;
    return this.readPage(owner, statement, range, agentSessionId);
  }

  /** Messages by their number in the log instead of a position: costs as many steps as it skips. */
  async pageByOffset(owner: LogOwner, limit: number, offset: number): Promise<Message[]> {
    const rows = await this.database.query<MessageRow>(BY_OFFSET, [owner.userId, limit, offset]);
    return rows.map((row) => toMessage(row, owner));
  }

  async counts(owner: LogOwner): Promise<Counts> {
    const [row] = await this.database.query<Counts>(COUNTS, [owner.userId]);
    return row ?? { head_seq: 0, read_seq: 0, unread_count: 0, message_count: 0 };
  }

  /** Messages in one session. */
  async countInSession(owner: LogOwner, agentSessionId: string): Promise<number> {
    return this.count(COUNT_IN_SESSION, owner, agentSessionId);
  }

  async countUnreadInSession(owner: LogOwner, agentSessionId: string): Promise<number> {
    return this.count(COUNT_UNREAD_IN_SESSION, owner, agentSessionId);
  }

  /** The heads of many logs in one query: what anti-entropy compares with. */
  async heads(userIds: readonly number[]): Promise<Map<number, ReadState>> {
    const rows = await this.database.query<Counts & { id: number }>(HEADS, [userIds]);
    return new Map(
      rows.map((row) => [
        row.id,
        { seq: row.head_seq, read_seq: row.read_seq, unread_count: row.unread_count },
      ]),
    );
  }

  /**
   * The log after a position, in order, nothing missing. A message that was changed later comes at its own position, in
   * its latest state, and once more as `message:updated` at the position of the change.
   *
   * @param limit most entries; a message and the session that it made share a position and stay together, also at 1
   */
  async after(userId: number, position: number, limit: number): Promise<LogSlice> {
    const most = Math.max(limit, MOST_AT_ONE_POSITION);
    const rows = await this.database.query<AfterRow>(AFTER, [userId, position, most]);
    const [head] = rows;
    if (!head) throw notFound('platform user');
    const entries = rows.flatMap((row) =>
      row.position === null ? [] : [toEntry(row, row.position, userId)],
    );
    const state = { seq: head.head_seq, read_seq: head.head_read_seq, unread_count: head.unread_count };
    const complete = entries.length < most && !isFull(rows.at(-1));
    return { entries: complete ? entries : withoutLastPosition(entries), state, complete };
  }

  /** Reads one more than the page, to know whether there is more; a page may end early, when its bytes are used up. */
  private async readPage(
    owner: LogOwner,
    statement: Statement,
    { after = 0, before = END_OF_LOG, limit }: Range,
    session: string | undefined,
  ): Promise<MessagePage> {
    const values = [owner.userId, after, before, limit + 1, ...(session === undefined ? [] : [session])];
    const rows = await this.database.query<MessageRow & Sized>(statement, values);
    const messages = rows.slice(0, limit).map((row) => toMessage(row, owner));
    const hasMore = rows.length > limit || isFull(rows.at(-1));
    return { messages, next: hasMore ? (messages.at(-1)?.seq ?? null) : null };
  }

  private async count(statement: Statement, owner: LogOwner, agentSessionId: string): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(statement, [owner.userId, agentSessionId]);
    return row?.count ?? 0;
  }
}

function isFull(last: Sized | undefined): boolean {
  return last !== undefined && last.bytes_before + last.bytes >= PAGE_BYTES;
}

/** Entries of one position stay together: the limit may have cut the last position in two. */
function withoutLastPosition(entries: LogEntry[]): LogEntry[] {
  const last = entries.at(-1)?.seq;
  const whole = entries.filter(({ seq }) => seq !== last);
  return whole.length > 0 ? whole : entries;
}

function toEntry(row: AfterRow, seq: number, userId: number): LogEntry {
  if (row.session) return { seq, event: 'session', data: toSession(fromJson(row.session)) };
  const owner = { accountId: row.account_id, platformUserId: row.platform_user_id, userId };
  const message = toMessage(row, owner);
  if (row.event === 'message:updated') return { seq, event: 'message:updated', data: message };
  // At its own position it stands as a new message: its change follows, at the position of the change.
  return { seq, event: 'message', data: { ...message, updated_seq: seq } };
}

function fromJson(session: NonNullable<AfterRow['session']>): SessionRow {
  const last = session.last_message_at;
  return {
    ...session,
    created_at: new Date(session.created_at),
    last_message_at: last === null ? null : new Date(last),
  };
}

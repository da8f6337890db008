import { Injectable } from '@nestjs/common';
import { Database, type Statement } from '../database/database.js';
import { notFound } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import { JsonText } from '../kernel/json-text.js';
import type { Message, ReadState } from '../kernel/wire.dto.js';
import type { LogOwner } from './log-types.js';
import { toMessage } from './message-json.js';
import { PAGE_BYTES } from './page-bytes.js';
import { AFTER, BY_OFFSET, COUNT_SESSION, HEADS, ONE, PAGES } from './persistence/read.sql.js';
import { type SessionRow, toSession } from './session-row.js';

/** Beyond every position: the open end of a range. */
export const END_OF_LOG = Number.MAX_SAFE_INTEGER;
const MOST_AT_ONE_POSITION = 2;
/** Messages of a session that a total counts anew each time: some 20 pages of an index, against one commit. */
export const MOST_UNCOUNTED = 500;

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

/** Messages of a range, as PostgreSQL wrote them. */
export interface MessagePage {
  readonly messages: JsonText<Message[]>;
  /** Where the next page begins; null at the end. */
  readonly next: number | null;
  /** All that the pages have together: of the log, of the session, of what is unread. */
  readonly total: number;
}

export const NO_PAGE: MessagePage = { messages: JsonText.read('[]'), next: null, total: 0 };

/** A stretch of a log, and the head at the moment it was read. */
export interface LogSlice {
  readonly entries: readonly LogEntry[];
  readonly state: ReadState;
  /** Whether there is more between the last entry and the head. */
  readonly complete: boolean;
}

interface HeadRow {
  id: number;
  head_seq: number;
  read_seq: number;
  unread_count: number;
}

interface PageRow {
  messages: string;
  next: number | null;
  total: number;
}

/** With what the total is made of. */
interface SessionPageRow extends PageRow {
  /** Messages up to here were counted before. */
  counted_seq: number;
  /** How many came after that, and where the last one lies. */
  later: number;
  last_seq: number;
}

type SessionJson = Omit<SessionRow, 'created_at' | 'last_message_at'> & {
  created_at: string;
  last_message_at: string | null;
};

interface AfterRow {
  head_seq: number;
  read_seq: number;
  unread_count: number;
  position: number | null;
  event: LogEntry['event'];
  message: string | null;
  session: SessionJson | null;
  bytes_so_far: number;
}

/** Reads logs. Every answer is a snapshot that one statement saw. */
@Injectable()
export class LogReader {
  constructor(private readonly database: Database) {}

  /** @throws ParleyError `resource_not_found` */
  async message(owner: LogOwner, seq: number): Promise<Message> {
    const [row] = await this.database.query<{ message: string }>(ONE, [owner.userId, seq]);
    if (!row) throw notFound('message');
    return toMessage(row.message);
  }

  /** Messages of a range of positions, of one session if asked. */
  async page(owner: LogOwner, { agentSessionId, order = 'asc', ...range }: Range): Promise<MessagePage> {
    if (agentSessionId === undefined) return toPage(await this.readPage(owner, PAGES.all[order], range));
    const row = await this.readPage<SessionPageRow>(owner, PAGES.session[order], range, agentSessionId);
    if (row && row.later > MOST_UNCOUNTED) await this.countSession(owner, agentSessionId, row);
    return toPage(row);
  }

  /** Assistant and system messages not read yet, oldest first. */
  async unread(owner: LogOwner, { agentSessionId, ...range }: Range): Promise<MessagePage> {
    if (agentSessionId === undefined) return toPage(await this.readPage(owner, PAGES.unread, range));
    return toPage(await this.readPage(owner, PAGES.unreadInSession, range, agentSessionId));
  }

  /** Messages by their number in the log instead of a position: costs as many steps as it skips. */
  async pageByOffset(owner: LogOwner, limit: number, offset: number): Promise<MessagePage> {
    return toPage(await this.readPage(owner, BY_OFFSET, { limit }, offset));
  }

  /** The heads of many logs in one query: what anti-entropy compares with. */
  async heads(userIds: readonly number[]): Promise<Map<number, ReadState>> {
    const rows = await this.database.query<HeadRow>(HEADS, [userIds]);
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
    const entries = rows.flatMap((row) => (row.position === null ? [] : [toEntry(row, row.position)]));
    const state = { seq: head.head_seq, read_seq: head.read_seq, unread_count: head.unread_count };
    const complete = entries.length < most && !isFull(rows.at(-1));
    return { entries: complete ? entries : withoutLastPosition(entries), state, complete };
  }

  /** @returns nothing when there is no such log any more */
  private async readPage<Row extends PageRow>(
    { userId }: LogOwner,
    statement: Statement,
    { after = 0, before = END_OF_LOG, limit }: Range,
    ...sessionOrOffset: [] | [string | number]
  ): Promise<Row | undefined> {
    const values = [userId, after, before, limit, ...sessionOrOffset];
    return (await this.database.query<Row>(statement, values))[0];
  }

  /** Remembers a total, so that the next one is counted from there. */
  private async countSession(owner: LogOwner, agentSessionId: string, row: SessionPageRow): Promise<void> {
    const { counted_seq, last_seq, total } = row;
    await this.database.query(COUNT_SESSION, [owner.accountId, agentSessionId, counted_seq, last_seq, total]);
  }
}

function toPage(row: PageRow | undefined): MessagePage {
  return row ? { messages: JsonText.read(row.messages), next: row.next, total: row.total } : NO_PAGE;
}

function isFull(last: AfterRow | undefined): boolean {
  return last !== undefined && last.bytes_so_far >= PAGE_BYTES;
}

/** Entries of one position stay together: the limit may have cut the last position in two. */
function withoutLastPosition(entries: LogEntry[]): LogEntry[] {
  const last = entries.at(-1)?.seq;
  const whole = entries.filter(({ seq }) => seq !== last);
  return whole.length > 0 ? whole : entries;
}

function toEntry({ event, session, message: text }: AfterRow, seq: number): LogEntry {
  if (event === 'session') return { seq, event, data: toSession(fromJson(session as SessionJson)) };
  return { seq, event, data: JsonText.read(text ?? '') };
}

function fromJson(session: SessionJson): SessionRow {
  const last = session.last_message_at;
  return {
    ...session,
    created_at: new Date(session.created_at),
    last_message_at: last === null ? null : new Date(last),
  };
}

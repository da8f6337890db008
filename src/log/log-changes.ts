import { Injectable } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { Database, type Transaction } from '../database/database.js';
import { conflict, notFound } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import { JsonText } from '../kernel/json-text.js';
import type { Message, Payload, ReadState, Sender } from '../kernel/wire.dto.js';
import type { Head, LogOwner } from './log-types.js';
import { toMessage } from './message-json.js';
import * as sql from './persistence/change.sql.js';
import { ONE } from './persistence/read.sql.js';
import { SizeLimits } from './size-limits.js';

/** What a change of the log says when it is done: its result, and what whoever follows the log is told. */
export interface Changed<T> {
  readonly result: T;
  readonly entries: readonly LogEntry[];
  readonly read?: boolean;
}

export interface Edit {
  payload?: Partial<Payload>;
  metadata?: Record<string, unknown>;
}

interface LockedMessage {
  readonly sender: Sender;
  readonly message: Message;
}

/** Everything that happens to a log after an append: each change takes a position of its own, under the head's lock. */
@Injectable()
export class LogChanges {
  constructor(
    private readonly database: Database,
    private readonly bus: Bus,
    private readonly limits: SizeLimits,
  ) {}

  /**
   * Changes a log: locks its head, lets `work` change head and rows in that transaction, saves the head, commits, and
   * only then publishes.
   *
   * @param work takes positions with {@link nextPosition}
   * @throws what `work` throws, after which nothing was changed; `resource_not_found` when there is no such log
   */
  async change<T>(
    { userId }: LogOwner,
    work: (tx: Transaction, head: Head) => Promise<Changed<T>>,
  ): Promise<{ result: T; state: ReadState }> {
    const { changed, state } = await this.database.transaction(async (tx) => {
      const [head] = await tx.query<Head>(sql.LOCK_HEAD, [userId]);
      if (!head) throw notFound('platform user');
      const changed = await work(tx, head);
      const { headSeq, readSeq, sessionSeq, unreadCount, messageCount, currentSession } = head;
      const counts = [unreadCount, messageCount];
      await tx.query(sql.SAVE_HEAD, [userId, headSeq, readSeq, sessionSeq, ...counts, currentSession]);
      return { changed, state: { seq: headSeq, read_seq: readSeq, unread_count: unreadCount } };
    });
    const { result, entries, read = false } = changed;
    if (entries.length > 0 || read) this.bus.publish({ kind: 'log', userId, entries, state, read });
    return { result, state };
  }

  /** Replaces content, fields of the payload, or metadata. @throws `resource_conflict` for a tombstone, or while it streams */
  async edit(owner: LogOwner, seq: number, edit: Edit): Promise<Message> {
    const { result } = await this.change(owner, async (tx, head) => {
      const { message: before } = await this.lockedMessage(tx, owner, seq);
      if (before.deleted_at) throw conflict('This message was deleted.');
      refuseStreaming(before);
      const payload = { ...before.payload, ...edit.payload };
      const values = [payload, edit.metadata ?? before.metadata].map((part) => this.limits.json(part));
      return this.updated(tx, owner, seq, sql.UPDATE_MESSAGE, head, values);
    });
    return result;
  }

  /** Leaves a tombstone: position and sender stay, content and metadata go. Deleting twice changes nothing. */
  async delete(owner: LogOwner, seq: number): Promise<Message> {
    const { result } = await this.change(owner, async (tx, head) => {
      const before = await this.lockedMessage(tx, owner, seq);
      if (before.message.deleted_at) return { result: before.message, entries: [] };
      refuseStreaming(before.message);
      const read = isUnread(before); // then there is one less, which whoever follows is told
      if (read) head.unreadCount--;
      const tombstone = JSON.stringify({ content: '', sender: before.sender, attachments: [] });
      return { ...(await this.updated(tx, owner, seq, sql.DELETE_MESSAGE, head, [tombstone])), read };
    });
    return result;
  }

  /**
   * Moves the read horizon: one row, however many messages it covers. It only grows, and never beyond the head.
   *
   * @returns the read state after it
   */
  async readUpTo(owner: LogOwner, upTo: number): Promise<ReadState> {
    const { state } = await this.change(owner, async (tx, head) => {
      const horizon = Math.min(upTo, head.headSeq);
      if (horizon <= head.readSeq) return { result: undefined, entries: [] };
      head.readSeq = horizon;
      head.unreadCount = await this.countUnreadAfter(tx, owner, head);
      await tx.query(sql.MOVE_HORIZON, [owner.userId, horizon]);
      return { result: undefined, entries: [], read: true };
    });
    return state;
  }

  /** Marks single messages read, all or none. @throws `resource_not_found` when one does not exist */
  async readMessages(owner: LogOwner, seqs: readonly number[]): Promise<ReadState> {
    const { state } = await this.change(owner, async (tx, head) => {
      const entries: LogEntry[] = [];
      for (const seq of new Set(seqs)) {
        const before = await this.lockedMessage(tx, owner, seq);
        if (before.message.read) continue;
        if (isUnread(before)) head.unreadCount--;
        entries.push(...(await this.updated(tx, owner, seq, sql.MARK_MESSAGE_READ, head, [])).entries);
      }
      return { result: undefined, entries, read: entries.length > 0 };
    });
    return state;
  }

  private async updated(
    tx: Transaction,
    owner: LogOwner,
    seq: number,
    statement: (typeof sql)[keyof typeof sql],
    head: Head,
    values: unknown[],
  ): Promise<Changed<Message>> {
    const position = nextPosition(head);
    await tx.query(statement, [owner.userId, seq, position, ...values]);
    const { message: data } = await this.lockedMessage(tx, owner, seq);
    return {
      result: data,
      entries: [{ seq: position, event: 'message:updated', data: JsonText.write(data) }],
    };
  }

  /** Its user's head is locked, and nothing changes a message without that lock. */
  private async lockedMessage(tx: Transaction, owner: LogOwner, seq: number): Promise<LockedMessage> {
    const [row] = await tx.query<{ sender: Sender; message: string }>(ONE, [owner.userId, seq]);
    if (!row) throw notFound('message');
    return { sender: row.sender, message: toMessage(row.message) };
  }

  private async countUnreadAfter(tx: Transaction, owner: LogOwner, head: Head): Promise<number> {
    if (head.readSeq === head.headSeq) return 0;
    const [row] = await tx.query<{ count: number }>(sql.COUNT_UNREAD_AFTER, [owner.userId, head.readSeq]);
    return row?.count ?? 0;
  }
}

/** Takes the next position of the log whose head is locked. */
export function nextPosition(head: Head): number {
  return ++head.headSeq;
}

/** An answer that is still arriving is unread once it is finished. */
function isUnread({ sender, message }: LockedMessage): boolean {
  const isThere = message.deleted_at === undefined && message.status !== 'streaming';
  return sender !== 'user' && !message.read && isThere;
}

/** Who streams it would write over the change. */
function refuseStreaming({ status }: Message): void {
  if (status === 'streaming') throw conflict('This message is still streaming.', { status });
}

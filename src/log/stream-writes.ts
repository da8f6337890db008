import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../database/database.js';
import type { LogEntry } from '../kernel/events.js';
import { JsonText } from '../kernel/json-text.js';
import type { Message, MessageStatus } from '../kernel/wire.dto.js';
import { type Changed, LogChanges, nextPosition } from './log-changes.js';
import { Fence, type Holder, type Told } from './fence.js';
import type { Appended, Head, LogOwner, NewMessage } from './log-types.js';
import * as sql from './persistence/stream.sql.js';
import { entriesOf, place, readMessage, repeatedBy } from './placement.js';
import { requestHash } from './request-hash.js';
import { SizeLimits } from './size-limits.js';
import type { Source } from './stream-admission.js';
import type { Patience } from './stream-texts.js';

/** How an answer that arrived in pieces ended. */
export type Ending = Exclude<MessageStatus, 'streaming'>;

export interface Finish {
  /** A stream that its user stopped ends as `cancelled`, whatever this says. */
  readonly status: Ending;
  /** The whole text, and who wrote it; without it: what was saved. */
  readonly written?: { readonly text: string; readonly writer: string };
  /** Replaces fields of the payload other than its text. */
  readonly payload?: object;
  readonly metadata?: Record<string, unknown>;
  /** Only if it is overdue. */
  readonly ifOverdue?: Patience;
  /** Who finishes it, if a claim is to be checked. */
  readonly holder?: Holder | null;
}

/** Who starts an answer, and what it answers to. */
export interface Starter {
  /** As whom texts are saved, see {@link StreamTexts.takeOver}. */
  readonly writer: string;
  /** Claims the session, if it has a holder. */
  readonly source: Source;
  /** What is handled once the answer is finished; without it everything before the answer. */
  readonly told?: Told;
}

interface StreamRow {
  told_since: number | null;
  told_up_to: number | null;
  stopped: boolean;
  writer: string | null;
  text: string;
  overdue: boolean;
}

const ALWAYS: Patience = { timeout: 0, stopGrace: 0, maxAge: 0 };

/** Somebody else writes this stream by now. */
export class WriterChangedError extends Error {}

/** The beginning and the end of an answer that arrives in pieces: one message of the log (decision 16). */
@Injectable()
export class StreamWrites {
  constructor(
    private readonly database: Database,
    private readonly changes: LogChanges,
    private readonly limits: SizeLimits,
    private readonly fence: Fence,
  ) {}

  /**
   * Appends a message that has no text yet, with status `streaming`. What it answers to is handled when it is finished, not
   * now: should its agent die, another one is told again.
   *
   * @throws ParleyError as {@link Appender.append} and {@link Fence.enter} do
   */
  async start(owner: LogOwner, message: NewMessage, { writer, source, told }: Starter): Promise<Appended> {
    const { holder } = source;
    const hash = requestHash(message);
    const { result } = await this.changes.change<Appended>(owner, async (tx, head) => {
      const repeated = await repeatedBy(tx, owner, message, hash);
      if (repeated) return { result: { message: repeated, replayed: true }, entries: [] };
      const seq = nextPosition(head);
      const at = await place(tx, owner, head, message.agentSessionId);
      if (holder) await this.fence.enter(tx, owner, at.id, holder, told);
      const texts = [message.payload, message.metadata].map((part) => this.limits.json(part));
      const by = [message.clientMessageId ?? null, hash, told?.sinceSeq ?? null, told?.upTo ?? null, writer];
      const from = [source.id, holder?.agentId ?? null, source.keyId, holder !== null];
      await tx.query(sql.START, [owner.userId, seq, at.id, message.sender, ...texts, ...by, ...from]);
      head.messageCount++;
      head.currentSession = at.id;
      const data = await readMessage(tx, owner, seq);
      const entries = await entriesOf(tx, owner, at, data);
      return { result: { message: data, replayed: false }, entries };
    });
    if (holder) this.fence.announce(owner, result.message.agent_session_id);
    return result;
  }

  /** What was started before with the same client message id. @throws ParleyError as {@link repeatedBy} */
  repeated(owner: LogOwner, message: NewMessage): Promise<Message | undefined> {
    return repeatedBy(this.database, owner, message, requestHash(message));
  }

  /**
   * Gives a streaming message its text and its status, once: who comes later gets the message as it is.
   *
   * @throws WriterChangedError when the text is another writer's by now; ParleyError 413 when it is too large
   */
  async finish(owner: LogOwner, seq: number, finish: Finish): Promise<Message> {
    const { result } = await this.changes.change(owner, async (tx, head) => {
      const before = await readMessage(tx, owner, seq);
      const { timeout, stopGrace, maxAge } = finish.ifOverdue ?? ALWAYS;
      const [stream] = await tx.query<StreamRow>(sql.LOCK_STREAM, [
        owner.userId,
        seq,
        timeout,
        stopGrace,
        maxAge,
      ]);
      if (!stream || (finish.ifOverdue && !stream.overdue)) return { result: before, entries: [] };
      // No writer: PostgreSQL has crashed, and whoever has the text has it still.
      if (finish.written && stream.writer !== null && stream.writer !== finish.written.writer)
        throw new WriterChangedError();
      const ending = stream.stopped ? 'cancelled' : finish.status;
      if (ending !== 'incomplete') await this.settle(tx, owner, before, stream, finish.holder ?? null);
      return this.end(tx, owner, head, before, { ...finish, status: ending }, stream.text);
    });
    this.fence.announce(owner, result.agent_session_id);
    return result;
  }

  /** The platform user wants no more of it. @returns whether it was still streaming */
  async stop({ userId }: LogOwner, seq: number): Promise<boolean> {
    return (await this.database.query(sql.STOP, [userId, seq])).length > 0;
  }

  /** What it answers to is handled. @throws ParleyError `resource_conflict` when the claim is somebody else's by now */
  private async settle(
    tx: Transaction,
    owner: LogOwner,
    { agent_session_id: id, seq }: Message,
    { told_since: sinceSeq, told_up_to: upTo, stopped }: StreamRow,
    holder: Holder | null,
  ): Promise<void> {
    const told = sinceSeq === null || upTo === null ? undefined : { sinceSeq, upTo };
    if (holder && !stopped) await this.fence.enter(tx, owner, id, holder, told);
    const handled = upTo ?? (holder ? 0 : seq); // an agent that was told nothing handles nothing
    await this.fence.settle(tx, owner, id, handled, holder?.connectionId ?? null);
  }

  private async end(
    tx: Transaction,
    owner: LogOwner,
    head: Head,
    before: Message,
    { status, written, payload, metadata }: Finish,
    saved: string,
  ): Promise<Changed<Message>> {
    const content = written?.text ?? saved;
    const { sender } = before.payload;
    const texts = [{ ...before.payload, ...payload, content, sender }, metadata ?? before.metadata];
    const position = nextPosition(head);
    const isMore = payload !== undefined || metadata !== undefined; // the text was measured as it grew
    const values = texts.map((part) => (isMore ? this.limits.json(part) : JSON.stringify(part)));
    await tx.query(sql.FINISH, [owner.userId, before.seq, position, status, ...values]);
    if (!before.read) head.unreadCount++;
    const data = await readMessage(tx, owner, before.seq);
    const entries: LogEntry[] = [{ seq: position, event: 'message:updated', data: JsonText.write(data) }];
    return { result: data, entries, read: !before.read };
  }
}

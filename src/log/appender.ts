import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { CONFIG, type Config } from '../config/config.js';
import { sqlState } from '../database/errors.js';
import { conflict, ParleyError } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import type { JsonText } from '../kernel/json-text.js';
import type { Message } from '../kernel/wire.dto.js';
import { appendedMessage, bornSession } from './appended-message.js';
import { GroupCommit, type Outcome } from './group-commit.js';
import { Item } from './item.js';
import type { Appended, LogOwner, NewMessage } from './log-types.js';
import { LogReader } from './log-reader.js';
import type { AppendRow } from './persistence/append.sql.js';
import { BatchWriter, refusedByDatabase } from './persistence/batch-writer.js';
import { PlatformUsers } from './platform-users.js';

/** Rows in one batch: beyond this the commit is shared well enough, and latency grows. */
const MAX_BATCH = 64;
/** SQLSTATEs: of what another transaction has just committed, of one that stood in the way, */
const UNIQUE_VIOLATION = '23505';
const DEADLOCK_DETECTED = '40P01';
/** and of a statement that the one before it on the connection should have prepared, and failed to. */
const INVALID_STATEMENT_NAME = '26000';
const JUDGED_ANEW = new Set<string | undefined>([
  UNIQUE_VIOLATION,
  DEADLOCK_DETECTED,
  INVALID_STATEMENT_NAME,
]);
/** How often an append is judged anew because a session, a repeat or the user changed under it. */
const MAX_ATTEMPTS = 5;

/** What became of an item, and the message if it was written. */
interface Written {
  readonly row: AppendRow;
  readonly json?: JsonText<Message>;
}

/** The way in: every message enters a log here, whoever sent it. */
@Injectable()
export class Appender implements BeforeApplicationShutdown {
  private readonly lanes: GroupCommit<Item, Written>[];

  constructor(
    writer: BatchWriter,
    private readonly users: PlatformUsers,
    private readonly reader: LogReader,
    private readonly bus: Bus,
    @Inject(CONFIG) config: Config,
  ) {
    const { APPEND_LANES: lanes, APPEND_QUEUE_LIMIT: queueLimit } = config;
    this.lanes = Array.from({ length: lanes }, () => {
      const writeBatch = writer.lane();
      return new GroupCommit<Item, Written>({
        write: async (batch) => this.announced(batch, await writeBatch(batch)),
        worthSplitting: refusedByDatabase,
        keyOf: ({ owner }) => owner.userId,
        fits: fitsBatch,
        maxBatch: MAX_BATCH,
        limit: Math.ceil(queueLimit / lanes),
      });
    });
  }

  /**
   * Appends a message to the log of a platform user.
   *
   * Promise: when it resolves, the message is durable (committed with `synchronous_commit`), has the next position of its
   * log, and one hint has been published. Messages of one user that are appended one after the other by one node keep
   * that order. When it rejects with `service_unavailable` the message may or may not have been written: a repeat with
   * the same `clientMessageId` is safe. Any other rejection means that nothing was written.
   *
   * @throws ParleyError `resource_conflict` for a closed session, another user's session, or a reused client message id
   */
  async append(accountId: number, platformUserId: string, message: NewMessage): Promise<Appended> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const asked = this.users.ensure(accountId, platformUserId);
      const owner = asked instanceof Promise ? await asked : asked; // awaiting what is there costs a turn, too
      let written: Written;
      try {
        written = await this.lane(owner).add(new Item(owner, message));
      } catch (error) {
        // Somebody else committed the same session or client message id after we had looked, and the next look sees it.
        if (JUDGED_ANEW.has(sqlState(error))) continue;
        throw error;
      }
      const { row, json } = written;
      if (json) return { message: json.parse(), json, replayed: false };
      if (row.verdict === 'unknown_user') this.users.forget(owner);
      else if (row.verdict !== 'stale') return await this.explain(owner, row);
    }
    throw new ParleyError('service_unavailable', 'The session kept changing. Try again.', {}, 1);
  }

  /** What was accepted is written before the database goes. */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.drained()));
  }

  /** One user's messages always take the same lane, so their order is kept. */
  private lane(owner: LogOwner): GroupCommit<Item, Written> {
    return this.lanes[owner.userId % this.lanes.length] as GroupCommit<Item, Written>;
  }

  private announced(batch: readonly Item[], outcomes: readonly Outcome<AppendRow>[]): Outcome<Written>[] {
    return outcomes.map((outcome, index) =>
      'ok' in outcome ? { ok: this.announce(batch[index] as Item, outcome.ok) } : outcome,
    );
  }

  private announce(item: Item, row: AppendRow): Written {
    if (row.verdict !== 'ok') return { row };
    const { owner } = item;
    const json = appendedMessage(item, row);
    const entry: LogEntry = { seq: row.seq, event: 'message', data: json };
    const entries = row.born ? [entry, bornSession(owner, row)] : [entry];
    const state = { seq: row.seq, read_seq: row.read_seq, unread_count: row.unread_count };
    this.bus.publish({ kind: 'log', userId: owner.userId, entries, state, read: false });
    if (item.message.sender === 'user') this.ring(owner, row);
    return { row, json };
  }

  /** Agents are told, too. */
  private ring({ accountId, userId, platformUserId }: LogOwner, { sid, seq }: AppendRow): void {
    this.bus.publish({ kind: 'inbox', accountId, userId, platformUserId, agentSessionId: sid, seq });
  }

  /** What stands in the way of writing it: the same message from an earlier call, or a conflict. */
  private async explain(owner: LogOwner, row: AppendRow): Promise<Appended> {
    switch (row.verdict) {
      case 'replayed':
        return { message: await this.reader.message(owner, row.original as number), replayed: true };
      case 'reused':
        throw conflict('This client_message_id was used for another message.', {
          field: 'client_message_id',
        });
      case 'foreign':
        throw conflict('This agent_session_id belongs to another platform user.', {
          field: 'agent_session_id',
        });
      default:
        throw conflict('This session is closed.', { field: 'agent_session_id' });
    }
  }
}

/** Items of one user share a batch only when they agree on the session and none repeats another (see `APPEND`). */
function fitsBatch(batch: readonly Item[], { owner, message }: Item): boolean {
  return batch.every(
    (other) =>
      other.owner.userId !== owner.userId ||
      (other.message.agentSessionId === message.agentSessionId &&
        (message.clientMessageId === undefined || other.message.clientMessageId !== message.clientMessageId)),
  );
}

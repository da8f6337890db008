import { Injectable } from '@nestjs/common';
import { Database, type Queryable, type Statement } from '../../database/database.js';
import { sqlState } from '../../database/errors.js';
import { randomId } from '../../kernel/ids.js';
import { type Outcome, writeOrSplit } from '../group-commit.js';
import type { Item } from '../item.js';
import type { NewMessage } from '../log-types.js';
import { Subscriptions } from '../subscriptions.js';
import { APPEND, APPEND_USUAL, type AppendRow } from './append.sql.js';
import { APPEND_EACH, APPEND_ONE, type UsualRow } from './append-each.sql.js';

/** What the items of one user add to its head. */
interface Share {
  readonly session: string | null;
  items: number;
  unread: number;
  /** Whether one of them is an assistant's. */
  answers: boolean;
  /** Number of the first one of the user's after the last that answers; null: there is none. */
  waits: number | null;
}

/**
 * Writes batches: what is usual by one of the lean statements, the rest by the one that can do everything; to that
 * belongs all of an account that has webhooks.
 */
@Injectable()
export class BatchWriter {
  constructor(
    private readonly database: Database,
    private readonly subscriptions: Subscriptions,
  ) {}

  /** {@link write}, over a pipeline of its own: a batch need not wait until the one before it is written. */
  lane(): (batch: readonly Item[]) => Promise<Outcome<AppendRow>[]> {
    const pipeline = this.database.pipeline();
    return (batch) => this.write(pipeline, batch);
  }

  /**
   * @param db where all of it runs
   * @param batch items of one user agree on their session, and none repeats another
   * @returns what became of each item, in order
   * @throws when nothing was written; once something is, the rest fails by itself
   */
  async write(db: Queryable, batch: readonly Item[]): Promise<Outcome<AppendRow>[]> {
    const heads = await writeUsual(
      db,
      batch.filter((item) => !this.hasWebhooks(item)),
    );
    const rows = batch.map((item) => takeRow(heads.get(item.owner.userId), item));
    const rest = batch.filter((_, index) => rows[index] === undefined);
    const others = rest.length > 0 ? await writeOrSplit(rest, writeAny(db), refusedByDatabase) : [];
    if (rest.some((item) => this.hasWebhooks(item))) this.subscriptions.tellRecorded();
    return rows.map((row) => (row ? { ok: row } : (others.shift() as Outcome<AppendRow>)));
  }

  private hasWebhooks({ owner }: Item): boolean {
    return this.subscriptions.has(owner.accountId);
  }
}

function writeAny(db: Queryable) {
  return async (items: readonly Item[]): Promise<Outcome<AppendRow>[]> => {
    const rows = await db.query<AppendRow>(APPEND, columns(items));
    return rows.map((ok) => ({ ok }));
  };
}

async function writeUsual(db: Queryable, batch: readonly Item[]): Promise<Map<number, UsualRow>> {
  const [first, second] = batch;
  if (!first) return new Map();
  const rows = await (!second
    ? db.query<UsualRow>(
        APPEND_ONE[first.message.sender],
        COLUMNS.map(({ of }) => of(first)),
      )
    : db.query<UsualRow>(...statementFor(batch)));
  return new Map(rows.map((row) => [row.numbers[0], row]));
}

/** Whether a batch failed because of what is in it, and nothing of it was written. */
export function refusedByDatabase(error: unknown): boolean {
  return sqlState(error) !== undefined;
}

/** The next row of a head, which stands for what was appended behind it so far. */
function takeRow(head: UsualRow | undefined, { message }: Item): AppendRow | undefined {
  if (!head) return undefined;
  head.numbers[1]++;
  head.numbers[3] += unreadOf(message);
  const [, seq, read_seq, unread_count, now] = head.numbers;
  const sid = head.current_session;
  return { verdict: 'ok', original: null, sid, read_seq, now, seq, unread_count, born: false };
}

function statementFor(batch: readonly Item[]): [Statement, unknown[]] {
  const users = new Set(batch.map(({ owner }) => owner.userId));
  if (users.size < batch.length) return [APPEND_USUAL, usualColumns(batch)];
  const sorted = batch.toSorted((a, b) => a.owner.userId - b.owner.userId); // the order in which heads are locked
  return [APPEND_EACH[sendersOf(batch)], COLUMNS.map(({ of, write }) => write(sorted.map(of)))];
}

function sendersOf(batch: readonly Item[]): keyof typeof APPEND_EACH {
  if (batch.every(({ message }) => message.sender === 'user')) return 'user';
  if (batch.every(({ message }) => message.sender === 'assistant')) return 'assistant';
  return 'mixed';
}

/** An array of numbers, or of words: nothing in it needs an escape. */
const array = (column: unknown[]): string => `{${column.join(',')}}`;
/** JSON, in lines: it has no line breaks of its own. */
const lines = (column: unknown[]): string => column.join('\n');
/** As `pg` writes an array: each element escaped. */
const escaped = (column: unknown[]): unknown[] => column;

/** A column of the lean statements: what of an item goes there, and how {@link APPEND_EACH} has those of all items. */
interface Column {
  readonly of: (item: Item) => unknown;
  readonly write: (column: unknown[]) => unknown;
}

const COLUMNS: readonly Column[] = [
  { of: ({ owner }) => owner.userId, write: array },
  { of: ({ message }) => message.agentSessionId ?? null, write: escaped },
  { of: ({ message }) => unreadOf(message), write: array },
  { of: ({ message }) => message.sender, write: array },
  { of: ({ payloadJson }) => payloadJson, write: lines },
  { of: ({ metadataJson }) => metadataJson, write: lines },
  { of: ({ message }) => message.clientMessageId ?? null, write: escaped },
  { of: ({ requestHash }) => requestHash, write: escaped },
];

/** What a message adds to its user's count of unread ones: they have yet to read what they have not written. */
function unreadOf({ sender }: NewMessage): 0 | 1 {
  return sender === 'user' ? 0 : 1;
}

function usualColumns(batch: readonly Item[]): unknown[] {
  const shares = new Map<number, Share>();
  const numbers = batch.map(({ owner, message }) => {
    const share = shares.get(owner.userId) ?? {
      session: message.agentSessionId ?? null,
      items: 0,
      unread: 0,
      answers: false,
      waits: null,
    };
    shares.set(owner.userId, share);
    share.unread += unreadOf(message);
    share.items++;
    if (message.sender === 'user') share.waits ??= share.items;
    else if (message.sender === 'assistant') Object.assign(share, { answers: true, waits: null });
    return share.items;
  });
  const users = [...shares.values()];
  return [
    [...shares.keys()],
    users.map(({ session }) => session),
    users.map(({ items }) => items),
    users.map(({ unread }) => unread),
    users.map(({ answers }) => answers),
    users.map(({ waits }) => waits),
    batch.map(({ owner }) => owner.userId),
    numbers,
    ...contentColumns(batch),
  ];
}

function columns(batch: readonly Item[]): unknown[] {
  return [
    batch.map(({ owner }) => owner.userId),
    batch.map(({ message }) => message.agentSessionId ?? null),
    batch.map(() => randomId('ses')),
    ...contentColumns(batch),
  ];
}

function contentColumns(batch: readonly Item[]): unknown[] {
  return [
    batch.map(({ message }) => message.sender),
    batch.map(({ payloadJson }) => payloadJson),
    batch.map(({ metadataJson }) => metadataJson),
    batch.map(({ message }) => message.clientMessageId ?? null),
    batch.map(({ requestHash }) => requestHash),
  ];
}

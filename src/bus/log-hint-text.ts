import type { LogEntry, LogHint } from '../kernel/events.js';
import { JsonText } from '../kernel/json-text.js';
import type { Session } from '../kernel/wire.dto.js';

/*
 * A hint of the log as text. Every message says one, and whoever carries it pays for each byte several times, so what is
 * usual is short:
 *
 *   ["log",42,7,3,false,[42]] ␟ {"id":"msg_…",…}
 *
 * First position, read horizon, unread count, whether something was read, and the entries; a number is an entry `message` at
 * that position. Behind it the messages in the order of their entries, as the JSON that they are: nobody on the way need
 * read them.
 */

/** What every hint of the log begins with. */
export const LOG_HINT = '["log",';
/** Stands before each message: ASCII's unit separator, which is nowhere in JSON. */
const MESSAGE = '\x1f';

/** @param entries those that travel with it: all, or none */
export function writeLogHint({ state, read }: LogHint, entries: readonly LogEntry[]): string {
  let heads = '';
  let messages = '';
  for (const entry of entries) {
    heads += `${heads && ','}${headOf(entry)}`;
    if (entry.event !== 'session') messages += MESSAGE + entry.data.toLine();
  }
  return `${LOG_HINT}${state.seq},${state.read_seq},${state.unread_count},${read},[${heads}]]${messages}`;
}

function headOf(entry: LogEntry): string {
  if (entry.event === 'message') return String(entry.seq);
  return JSON.stringify(entry.event === 'session' ? entry : { seq: entry.seq, event: entry.event });
}

/**
 * Where there are not as many messages as entries that want one, or something that is none, it is the doorbell without the
 * mail.
 *
 * @param userId whose log it is
 * @throws SyntaxError when it is no hint of the log
 */
export function parseLogHint(userId: number, body: string): LogHint {
  const [head = '', ...messages] = body.split(MESSAGE);
  const [, seq, readSeq, unread, read, heads] = JSON.parse(head) as unknown[];
  if (![seq, readSeq, unread].every(Number.isSafeInteger) || !Array.isArray(heads))
    throw new SyntaxError('not a hint');
  const state = { seq: seq as number, read_seq: readSeq as number, unread_count: unread as number };
  const entries = entriesOf(heads, messages) ?? [];
  return { kind: 'log', userId, entries, state, read: read === true };
}

/** An entry without its message; a number stands for one that is `message`. */
interface Head {
  readonly seq: number;
  readonly event: LogEntry['event'];
  readonly data?: unknown;
}

/** @returns nothing when one of them is no entry, or has no message, or when there are messages left */
function entriesOf(heads: readonly unknown[], texts: readonly string[]): LogEntry[] | undefined {
  const entries: LogEntry[] = [];
  let next = 0;
  for (const some of heads) {
    const head = typeof some === 'number' ? { seq: some, event: 'message' } : some;
    if (!isHead(head)) return undefined;
    const { seq, event } = head;
    if (event === 'session') entries.push({ seq, event, data: head.data as Session });
    else {
      const text = texts[next++] ?? '';
      if (!isObject(text)) return undefined;
      entries.push({ seq, event, data: JsonText.read(text) });
    }
  }
  return next === texts.length ? entries : undefined;
}

function isHead(some: unknown): some is Head {
  if (typeof some !== 'object' || some === null) return false;
  const { seq, event, data } = some as Partial<Head>;
  if (!Number.isSafeInteger(seq)) return false;
  if (event === 'session') return typeof data === 'object' && data !== null;
  return event === 'message' || event === 'message:updated';
}

/** Whether it looks like the JSON of an object: it is not read here. */
function isObject(text: string): boolean {
  return text.startsWith('{') && text.endsWith('}');
}

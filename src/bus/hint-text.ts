import { type Channel, channelOf, type Hint, type LogEntry, type LogHint } from '../kernel/events.js';
import { JsonText } from '../kernel/json-text.js';

/** A hint as it travels: which node sent it, where it belongs, and the hint itself, still to be parsed. */
export interface HintText {
  readonly node: string;
  readonly channel: Channel;
  readonly body: string;
}

/** What a hint of each kind must have, besides its channel. */
const HAS_WHAT_IT_NEEDS: Readonly<Record<Hint['kind'], (hint: Partial<Hint>) => boolean>> = {
  log: (hint) => 'entries' in hint && Array.isArray(hint.entries),
  typing: hasData,
  delta: hasData,
  stop: hasData,
  inbox: (hint) => 'agentSessionId' in hint && typeof hint.agentSessionId === 'string',
};

/** Stands before each message of a hint of the log: ASCII's unit separator, which is nowhere in JSON. */
const MESSAGE = '\x1f';

/**
 * A hint as text: JSON, and the messages of a hint of the log behind it, so that nobody on the way need read them. One that
 * is too long goes without its entries: a doorbell rings as well without the mail, and whoever follows reads the log.
 *
 * @param limit most bytes
 */
export function writeHint(node: string, hint: Hint, limit: number): string {
  const address = `${node} ${channelOf(hint)} `;
  if (hint.kind !== 'log') return address + JSON.stringify(hint);
  const text = address + writeLogHint(hint, hint.entries);
  return isWithin(limit, text) ? text : address + writeLogHint(hint, []);
}

/** Word by word what `JSON.stringify` would write: every message says one. */
function writeLogHint({ userId, state, read }: LogHint, entries: readonly LogEntry[]): string {
  let heads = '';
  let messages = '';
  for (const entry of entries) {
    if (heads !== '') heads += ',';
    if (entry.event === 'session') heads += JSON.stringify(entry);
    else {
      heads += `{"seq":${entry.seq},"event":"${entry.event}"}`;
      messages += MESSAGE + entry.data.toLine();
    }
  }
  const { seq, read_seq, unread_count } = state;
  const stateText = `{"seq":${seq},"read_seq":${read_seq},"unread_count":${unread_count}}`;
  return `{"kind":"log","userId":${userId},"entries":[${heads}],"state":${stateText},"read":${read}}${messages}`;
}

/** Most bytes of a UTF-16 code unit in UTF-8. */
const MOST_BYTES_EACH = 3;

/** Whether a text has so many bytes at most: they are counted only where the length does not tell. */
export function isWithin(limit: number, text: string): boolean {
  return text.length * MOST_BYTES_EACH <= limit || Buffer.byteLength(text) <= limit;
}

/** Where there are not as many messages as entries that want one, it is the doorbell without the mail. */
function withMessages(hint: LogHint, messages: readonly string[]): LogHint {
  const wanting = hint.entries.filter(({ event }) => event !== 'session').length;
  if (wanting !== messages.length || !messages.every(isObject)) return { ...hint, entries: [] };
  let next = 0;
  const entries = hint.entries.map((entry): LogEntry => {
    if (entry.event === 'session') return entry;
    return { seq: entry.seq, event: entry.event, data: JsonText.read(messages[next++] as string) };
  });
  return { ...hint, entries };
}

/** Whether it looks like the JSON of an object: it is not read here. */
function isObject(text: string): boolean {
  return text.startsWith('{') && text.endsWith('}');
}

/** Hints that travel together, in lines, which a hint has none of itself: as few texts as the limit allows, in order. */
export function packHints(texts: readonly string[], limit: number): string[] {
  const packs: string[][] = [];
  let room = 0;
  for (const text of texts) {
    const bytes = Buffer.byteLength(text) + 1;
    if (bytes > room) {
      packs.push([]);
      room = limit + 1;
    }
    packs.at(-1)?.push(text);
    room -= bytes;
  }
  return packs.map((pack) => pack.join('\n'));
}

/** The texts that {@link packHints} has put together. */
export function unpackHints(pack: string): string[] {
  return pack.split('\n');
}

/** @returns `undefined` for what is no hint: anybody may speak on a channel */
export function readHint(text: string): HintText | undefined {
  const afterNode = text.indexOf(' ');
  const afterChannel = text.indexOf(' ', afterNode + 1);
  if (afterNode < 1 || afterChannel < 0) return undefined;
  const channel = readChannel(text.slice(afterNode + 1, afterChannel));
  if (channel === undefined) return undefined;
  return { node: text.slice(0, afterNode), channel, body: text.slice(afterChannel + 1) };
}

/** @throws SyntaxError when it is no hint of this channel, or of a kind that a newer node knows and this one does not */
export function parseHint({ channel, body }: HintText): Hint {
  const [head = '', ...messages] = body.split(MESSAGE);
  const hint = JSON.parse(head) as Partial<Hint> | null;
  if (!hint || !isWhole(hint) || channelOf(hint) !== channel) throw new SyntaxError('not a hint');
  return hint.kind === 'log' ? withMessages(hint, messages) : hint;
}

function readChannel(text: string): Channel | undefined {
  const id = Number(text.slice(text.indexOf(':') + 1));
  if (!Number.isSafeInteger(id) || id < 1) return undefined;
  if (text === `account:${id}`) return `account:${id}`;
  return text.includes(':') ? undefined : id;
}

function isWhole(hint: Partial<Hint>): hint is Hint {
  const { kind } = hint;
  return kind !== undefined && Object.hasOwn(HAS_WHAT_IT_NEEDS, kind) && HAS_WHAT_IT_NEEDS[kind](hint);
}

function hasData(hint: Partial<Hint>): boolean {
  return 'data' in hint && typeof hint.data === 'object' && hint.data !== null;
}

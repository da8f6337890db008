import { type Channel, channelOf, type Hint } from '../kernel/events.js';
import { LOG_HINT, parseLogHint, writeLogHint } from './log-hint-text.js';

/** A hint as it travels: which node sent it, where it belongs, and the hint itself, still to be parsed. */
export interface HintText {
  readonly node: string;
  readonly channel: Channel;
  readonly body: string;
}

/** What a hint of each kind must have, besides its channel. */
const HAS_WHAT_IT_NEEDS: Readonly<Record<Hint['kind'], (hint: Partial<Hint>) => boolean>> = {
  log: () => false, // it is written otherwise, see `writeLogHint`
  typing: hasData,
  delta: hasData,
  stop: hasData,
  inbox: (hint) => 'agentSessionId' in hint && typeof hint.agentSessionId === 'string',
};

/**
 * A hint as text. One of the log that is too long goes without its entries: a doorbell rings as well without the mail, and
 * whoever follows reads the log.
 *
 * @param limit most bytes
 */
export function writeHint(node: string, hint: Hint, limit: number): string {
  const address = `${node} ${channelOf(hint)} `;
  if (hint.kind !== 'log') return address + JSON.stringify(hint);
  const text = address + writeLogHint(hint, hint.entries);
  return isWithin(limit, text) ? text : address + writeLogHint(hint, []);
}

/** Most bytes of a UTF-16 code unit in UTF-8. */
const MOST_BYTES_EACH = 3;

/** Whether a text has so many bytes at most: they are counted only where the length does not tell. */
export function isWithin(limit: number, text: string): boolean {
  return text.length * MOST_BYTES_EACH <= limit || Buffer.byteLength(text) <= limit;
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
  if (body.startsWith(LOG_HINT) && typeof channel === 'number') return parseLogHint(channel, body);
  const hint = JSON.parse(body) as Partial<Hint> | null;
  if (!hint || !isWhole(hint) || channelOf(hint) !== channel) throw new SyntaxError('not a hint');
  return hint;
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

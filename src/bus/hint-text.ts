import type { Hint } from '../kernel/events.js';

/** A hint as it travels: which node sent it, whose it is, and the hint itself, still to be parsed. */
export interface HintText {
  readonly node: string;
  readonly userId: number;
  readonly body: string;
}

/**
 * A hint as text. One that is too long goes without its entries: a doorbell rings as well without the mail, and whoever
 * follows reads the log.
 *
 * @param limit most bytes
 */
export function writeHint(node: string, hint: Hint, limit: number): string {
  const text = `${node} ${hint.userId} ${JSON.stringify(hint)}`;
  if (hint.kind !== 'log' || Buffer.byteLength(text) <= limit) return text;
  return `${node} ${hint.userId} ${JSON.stringify({ ...hint, entries: [] })}`;
}

/** @returns `undefined` for what is no hint: anybody may speak on a channel */
export function readHint(text: string): HintText | undefined {
  const [, node, userId, body] = /^(\S+) (\d+) (\{.*\})$/s.exec(text) ?? [];
  if (node === undefined || body === undefined) return undefined;
  return { node, userId: Number(userId), body };
}

/** @throws SyntaxError when it is no JSON */
export function parseHint({ body }: HintText): Hint {
  return JSON.parse(body) as Hint;
}

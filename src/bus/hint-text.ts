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
  const afterNode = text.indexOf(' ');
  const afterUser = text.indexOf(' ', afterNode + 1);
  const userId = Number(text.slice(afterNode + 1, afterUser));
  if (afterNode < 1 || afterUser < 0 || !Number.isSafeInteger(userId) || userId < 1) return undefined;
  return { node: text.slice(0, afterNode), userId, body: text.slice(afterUser + 1) };
}

/** @throws SyntaxError when it is no hint of this user, or of a kind that a newer node knows and this one does not */
export function parseHint({ userId, body }: HintText): Hint {
  const hint = JSON.parse(body) as Partial<Hint> | null;
  const isKnown = hint?.kind === 'typing' || (hint?.kind === 'log' && Array.isArray(hint.entries));
  if (!isKnown || hint.userId !== userId) throw new SyntaxError('not a hint');
  return hint as Hint;
}

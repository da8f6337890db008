import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { ParleyError, tooLarge } from '../../kernel/errors.js';

/**
 * A body as text, as it arrives. Whoever takes it sets the pace: nothing is read ahead but what the connection holds.
 *
 * @param signal ends it early, as if it had ended there; the rest stays unread
 * @throws ParleyError `invalid_request` when it is not UTF-8; what the connection fails with, when it breaks
 */
export async function* textOf(body: Readable, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const chunks = body.iterator({ destroyOnReturn: false });
  const aborted = new Promise<undefined>((resolve) =>
    signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  for (;;) {
    const next = signal.aborted ? undefined : await Promise.race([chunks.next(), aborted]);
    if (next === undefined) return;
    const text = decode(decoder, next.done ? undefined : (next.value as Buffer));
    if (text !== '') yield text;
    if (next.done) return;
  }
}

/**
 * Text as lines, without their ends; empty ones are left out.
 *
 * @param limit most characters of a line
 * @throws ParleyError 413 for a longer one
 */
export async function* linesOf(
  texts: AsyncIterable<string>,
  limit: number,
): AsyncGenerator<{ readonly line: string; readonly number: number }> {
  let rest = '';
  let number = 0;
  for await (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      number++;
      if (line.trim() !== '') yield { line, number };
    }
    if (rest.length > limit) throw tooLarge(`Line ${number + 1} is too long.`, { line: number + 1, limit });
  }
  if (rest.trim() !== '') yield { line: rest, number: number + 1 };
}

function decode(decoder: TextDecoder, chunk: Buffer | undefined): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new ParleyError('invalid_request', 'The body is not UTF-8.');
  }
}

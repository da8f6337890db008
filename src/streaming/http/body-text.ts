import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { ParleyError, tooLarge } from '../../kernel/errors.js';

/** A body that is read, and until when. */
export interface Reading {
  /** How long nothing may come while it is waited for, in milliseconds. */
  readonly silence: number;
  /** Aborted by {@link end}. */
  readonly signal: AbortSignal;
  /** Reads no further: as if the body had ended here, or failed with `reason`. */
  readonly end: (reason?: ParleyError) => void;
}

/**
 * A body as text, as it arrives. Whoever takes it sets the pace: nothing is read ahead but what the connection holds.
 *
 * @throws ParleyError `invalid_request` when it is not UTF-8, or nothing comes for too long; what the connection fails with,
 *   when it breaks; the reason for which it is read no further
 */
export async function* textOf(body: Readable, reading: Reading): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  for (;;) {
    const next = await nextChunk(chunks, reading);
    if (next === undefined) return;
    const text = decode(decoder, next.done ? undefined : next.value);
    if (text !== '') yield text;
    if (next.done) return;
  }
}

/**
 * Nothing of a chunk stays behind when it was taken. A body that is read no further is not destroyed: its connection would
 * be, and could not be answered.
 *
 * @returns nothing when it is to end here
 */
async function nextChunk(
  chunks: AsyncIterator<Buffer>,
  { silence, signal, end }: Reading,
): Promise<IteratorResult<Buffer> | undefined> {
  const timer = setTimeout(() => end(silent(silence)), silence);
  let ended = (): void => undefined;
  try {
    return await new Promise((resolve, reject) => {
      ended = () => (signal.reason instanceof ParleyError ? reject(signal.reason) : resolve(undefined));
      if (signal.aborted) return ended();
      signal.addEventListener('abort', ended);
      chunks.next().then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', ended);
  }
}

/** Too little of an answer came. @param limit how long was waited for it, in milliseconds */
export function silent(limit: number): ParleyError {
  return new ParleyError('invalid_request', `Nothing came for ${limit} ms.`, { limit });
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

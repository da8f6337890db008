import { Readable } from 'node:stream';
import type { Type } from '@nestjs/common';
import { invalidParameter, ParleyError } from '../../kernel/errors.js';
import { parseRequest } from '../../wire/request.pipe.js';
import { UnreadableBody } from '../../wire/unreadable-body.js';
import type { Piece } from '../stream-request.js';
import { StreamLineDto, StreamQueryDto, StreamStartDto } from '../stream.dto.js';
import { linesOf, type Reading, textOf } from './body-text.js';

export const NDJSON = 'application/x-ndjson';

/** An answer that arrives as the body of a request: what it begins with, and its pieces. */
export interface StreamBody {
  readonly start: StreamStartDto;
  readonly pieces: AsyncIterable<Piece>;
}

/**
 * Reads the beginning of a body; the rest as it is asked for.
 *
 * @param query says to whom plain text goes; lines say it in the first of them
 * @param limit most characters of a line
 * @throws ParleyError what {@link textOf} does; `invalid_request`, `missing_parameter` or `invalid_parameter`, with the line as `details.line`
 */
export async function readStream(
  body: unknown,
  contentType: string,
  query: unknown,
  limit: number,
  reading: Reading,
): Promise<StreamBody> {
  if (body instanceof UnreadableBody && contentType.startsWith('application/json')) throw body.error;
  if (!(body instanceof Readable)) {
    const problem = `The content type must be ${NDJSON} or text/plain.`;
    throw new ParleyError('invalid_request', problem);
  }
  const texts = textOf(body, reading);
  if (!contentType.toLowerCase().startsWith(NDJSON)) {
    const start = parseRequest(StreamQueryDto, { ...(query as object) }, { strict: false });
    const first = await texts.next();
    if (first.done) throw new ParleyError('invalid_request', 'The body is empty.');
    return { start, pieces: deltasOf(first.value, texts) };
  }
  const lines = linesOf(texts, limit);
  const first = await lines.next();
  if (first.done) throw new ParleyError('invalid_request', 'The body is empty.');
  return { start: parseLine(StreamStartDto, first.value), pieces: piecesOf(lines) };
}

async function* deltasOf(first: string, texts: AsyncIterable<string>): AsyncGenerator<Piece> {
  yield { delta: first };
  for await (const delta of texts) yield { delta };
}

async function* piecesOf(lines: AsyncIterable<{ line: string; number: number }>): AsyncGenerator<Piece> {
  let hasEnded = false;
  for await (const line of lines) {
    const { delta, finish } = parseLine(StreamLineDto, line);
    if (hasEnded) throw atLine(line.number, invalidParameter('finish', 'must be on the last line'));
    if ((delta === undefined) === (finish === undefined))
      throw atLine(line.number, invalidParameter('delta', 'or finish must be given, and not both'));
    if (finish) hasEnded = true;
    yield finish ? { finish } : { delta: delta as string };
  }
}

function parseLine<T extends object>(dto: Type<T>, { line, number }: { line: string; number: number }): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw atLine(number, new ParleyError('invalid_request', 'is not valid JSON.'));
  }
  try {
    return parseRequest(dto, value);
  } catch (error) {
    throw error instanceof ParleyError ? atLine(number, error) : error;
  }
}

function atLine(line: number, { code, message, details }: ParleyError): ParleyError {
  return new ParleyError(code, `Line ${line}: ${message}`, { ...details, line });
}

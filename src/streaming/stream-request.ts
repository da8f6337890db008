import { Injectable, Logger } from '@nestjs/common';
import { conflict, ParleyError } from '../kernel/errors.js';
import type { Message, MessageStatus } from '../kernel/wire.dto.js';
import type { Appended } from '../log/log-types.js';
import type { StreamFinishDto, StreamStartDto } from './stream.dto.js';
import type { StreamSource } from './stream-source.js';
import { isEmpty, nothingSaid, refuseUnstorable } from './answer.js';
import { Streams } from './streams.js';

/** What arrives of an answer after its beginning. */
export type Piece = { readonly delta: string } | { readonly finish: StreamFinishDto };

/** An answer that arrives within one request, from its beginning to its end. */
@Injectable()
export class StreamRequest {
  private readonly logger = new Logger(StreamRequest.name);

  constructor(private readonly streams: Streams) {}

  /**
   * Takes an answer, each piece when the one before it was taken. The message begins with the first piece that has text, so
   * nothing is written for an answer that has none. Where the pieces end, it is complete; where they fail, it ends as
   * `incomplete` with the text so far.
   *
   * @param onBegun called once it is a message of the log
   * @returns the finished message; `cancelled` if its user stopped it meanwhile
   * @throws what a piece was refused with, or `pieces` has failed with; what is left in the log is its `details.message_id`
   *   and `details.status`. `invalid_parameter` for an answer without anything in it; `resource_conflict` for a repeat of one that
   *   was broken off
   */
  async write(
    source: StreamSource,
    start: StreamStartDto,
    pieces: AsyncIterable<Piece>,
    onBegun: () => void,
  ): Promise<Appended> {
    let begun: Appended | undefined;
    let offset = 0;
    let finish: StreamFinishDto = {};
    try {
      for await (const piece of pieces) {
        if (!begun && isNothing(piece)) continue;
        if (!begun) {
          begun = await this.begin(source, start);
          onBegun();
        }
        if (begun.message.status !== 'streaming') return begun;
        if ('finish' in piece) finish = piece.finish;
        else {
          await this.streams.append(source, { message_id: begun.message.id, offset, delta: piece.delta });
          offset += piece.delta.length;
        }
      }
      if (!begun) throw nothingSaid();
      return { ...begun, message: await this.streams.finish(source, begun.message.id, finish) };
    } catch (error) {
      if (!begun) throw error;
      const { id } = begun.message;
      const ended = await this.breakOff(source, id);
      if (ended && ended.status !== 'incomplete') return { ...begun, message: ended }; // e.g. stopped by its user
      throw leaving(error, id, ended?.status ?? 'streaming');
    }
  }

  private async begin(source: StreamSource, start: StreamStartDto): Promise<Appended> {
    const { platform_user_id: platformUserId, agent_session_id: agentSessionId } = start;
    const { client_message_id: clientMessageId, payload, metadata } = start;
    const begin = { platformUserId, agentSessionId, clientMessageId, payload, metadata };
    const { message, replayed } = await this.streams.start(source, begin);
    if (message.status === 'incomplete') throw brokenOff(message);
    return { message, replayed };
  }

  /** @returns the message as it ended; nothing when that has to wait for the sweeper */
  private async breakOff(source: StreamSource, id: string): Promise<Message | undefined> {
    try {
      return await this.streams.finish(source, id, { status: 'incomplete' });
    } catch (error) {
      this.logger.warn(`A broken stream ends later: ${String(error)}`);
      return undefined;
    }
  }
}

/** Nothing that a message could begin with. @throws ParleyError `invalid_parameter` for text that no message may have */
function isNothing(piece: Piece): boolean {
  if ('finish' in piece) return isEmpty('', piece.finish);
  refuseUnstorable(piece.delta);
  return piece.delta === '';
}

/** An earlier call has failed in the middle; this one must not pass for its repetition. */
function brokenOff({ id, status }: Message): ParleyError {
  const problem = 'The answer with this client_message_id was broken off. Say it again with another one.';
  return conflict(problem, { field: 'client_message_id', message_id: id, status });
}

/** The same error, which also names what it has left in the log. */
function leaving(error: unknown, messageId: string, status: MessageStatus): unknown {
  if (!(error instanceof ParleyError)) return error;
  const details = { ...error.details, message_id: messageId, status };
  return new ParleyError(error.code, error.message, details, error.retryAfter, error.status);
}

import { Injectable, Logger } from '@nestjs/common';
import type { Message } from '../kernel/wire.dto.js';
import type { Appended } from '../log/log-types.js';
import type { StreamFinishDto, StreamStartDto } from './stream.dto.js';
import type { StreamSource } from './stream-source.js';
import { Streams } from './streams.js';

/** What arrives of an answer after its beginning. */
export type Piece = { readonly delta: string } | { readonly finish: StreamFinishDto };

/** An answer that arrives within one request, from its beginning to its end. */
@Injectable()
export class StreamRequest {
  private readonly logger = new Logger(StreamRequest.name);

  constructor(private readonly streams: Streams) {}

  /**
   * Takes an answer, each piece when the one before it was taken. Where the pieces end, it is complete; where they fail, it
   * ends as `incomplete` with the text so far.
   *
   * @returns the finished message; `cancelled` if its user stopped it meanwhile
   * @throws what a piece was refused with, or `pieces` has failed with
   */
  async write(source: StreamSource, start: StreamStartDto, pieces: AsyncIterable<Piece>): Promise<Appended> {
    const { platform_user_id: platformUserId, agent_session_id: agentSessionId } = start;
    const { client_message_id: clientMessageId, payload, metadata } = start;
    const begin = { platformUserId, agentSessionId, clientMessageId, payload, metadata };
    const { message, replayed } = await this.streams.start(source, begin);
    if (message.status !== 'streaming') return { message, replayed };
    try {
      return { message: await this.take(source, message.id, pieces), replayed };
    } catch (error) {
      const ended = await this.breakOff(source, message.id);
      if (ended && ended.status !== 'incomplete') return { message: ended, replayed }; // e.g. stopped by its user
      throw error;
    }
  }

  private async take(source: StreamSource, id: string, pieces: AsyncIterable<Piece>): Promise<Message> {
    let offset = 0;
    let finish: StreamFinishDto = {};
    for await (const piece of pieces) {
      if ('finish' in piece) finish = piece.finish;
      else {
        await this.streams.append(source, { message_id: id, offset, delta: piece.delta });
        offset += piece.delta.length;
      }
    }
    return this.streams.finish(source, id, finish);
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

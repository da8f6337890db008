import { Injectable, Logger } from '@nestjs/common';
import { conflict, ParleyError } from '../kernel/errors.js';
import type { Message } from '../kernel/wire.dto.js';
import type { Appended } from '../log/log-types.js';
import { PlatformUsers } from '../log/platform-users.js';
import { StreamWrites, WriterChangedError } from '../log/stream-writes.js';
import {
  checkLength,
  finished,
  isEmpty,
  messageOf,
  nothingSaid,
  refuseUnstorable,
  type StreamEnd,
  type StreamStart,
  type StreamStarted,
} from './answer.js';
import { LiveStream } from './live-stream.js';
import { LiveStreams } from './live-streams.js';
import type { StreamSource } from './stream-source.js';
import { TakeOvers } from './take-overs.js';

/** What may wait to be saved of one stream before its writer has to wait, in UTF-16 code units. */
const MAX_BACKLOG = 65_536;

/** A source that is let to a stream. */
interface Opening {
  readonly by: string;
  readonly opened: Promise<LiveStream | Message | undefined>;
}

/**
 * Answers that arrive in pieces (decision 16). Each is one message of the log from its start on; its pieces are announced
 * as they come and saved behind, so that its writer can go on at any node, from the offset that it is told.
 */
@Injectable()
export class Streams {
  private readonly logger = new Logger(Streams.name);
  private readonly opening = new Map<string, Opening>();

  constructor(
    private readonly users: PlatformUsers,
    private readonly writes: StreamWrites,
    private readonly takeOvers: TakeOvers,
    private readonly live: LiveStreams,
  ) {
    live.onStop((stream) => this.stopHere(stream));
  }

  /**
   * Begins an answer: from now on it is a message of the log, with status `streaming` and no text.
   *
   * @throws ParleyError `resource_conflict` for a closed session, another user's session, a reused client message id, or a
   *   session that another agent has claimed; `rate_limit_exceeded` when the key streams as many as it may
   */
  async start(source: StreamSource, start: StreamStart): Promise<StreamStarted> {
    const owner = await this.users.ensure(source.accountId, start.platformUserId);
    const message = messageOf(start);
    const repeated = this.live.isFull(source) && (await this.writes.repeated(owner, message));
    if (repeated) return this.goOn(source, repeated); // which needs no place when it is finished
    let begun: Appended | undefined;
    const entered = await this.live.entering(source, async () => {
      const starter = { writer: this.live.writer, source, told: start.told };
      begun = await this.writes.start(owner, message, starter);
      return begun.replayed
        ? begun.message
        : this.takeOvers.streamOf(source, begun.message, owner.userId, '');
    });
    if (!(entered instanceof LiveStream)) return this.goOn(source, entered);
    return { message: (begun as Appended).message, offset: 0, replayed: false };
  }

  /**
   * Adds a piece. Resolves at once as a rule; when much of it waits to be saved, only then: so a writer is no faster than
   * the database.
   *
   * @param offset where the piece begins in the answer's text, in UTF-16 code units
   * @returns the length of the text after it
   * @throws ParleyError `resource_conflict` with `details.offset`, the length known, when the piece does not fit there;
   *   with `details.status` when the answer is finished, e.g. stopped by its user
   */
  async append(
    source: StreamSource,
    { message_id: id, offset, delta }: { message_id: string; offset: number; delta: string },
  ): Promise<{ offset: number }> {
    refuseUnstorable(delta);
    const stream = await this.find(source, id);
    if (!(stream instanceof LiveStream)) throw finished(stream.status);
    if (stream.isEnding) throw conflict('This answer is being finished.', { status: 'streaming' });
    stream.append(offset, delta);
    source.onPiece?.(stream);
    this.live.grown(stream);
    if (stream.backlog > MAX_BACKLOG) await stream.nextSave();
    return { offset: stream.text.length };
  }

  /**
   * Ends an answer. A repeat gets the message as it is.
   *
   * @returns the finished message; its status is `cancelled` if its user stopped it
   * @throws ParleyError `resource_conflict` with `details.offset`, the length known, when that is not `end.offset`; with
   *   `details.status` when the session is somebody else's to answer: then it has ended, as `incomplete`
   */
  async finish(source: StreamSource, id: string, end: StreamEnd = {}): Promise<Message> {
    for (;;) {
      const stream = await this.find(source, id);
      if (!(stream instanceof LiveStream)) return stream;
      checkLength(stream.text, end);
      if (isEmpty(stream.text, end)) throw nothingSaid();
      const message = await this.end(stream, end).catch(writerChanged);
      if (message) return message;
    }
  }

  /**
   * Its writer may not go on: the session is somebody else's to answer. It ends as `incomplete`, and what it answers to waits.
   *
   * @param id of a stream whose pieces arrive here; of any other nothing happens
   */
  async abandon(source: StreamSource, id: string): Promise<void> {
    const stream = this.live.get(source, id);
    if (stream && stream.source === source && !stream.isEnding)
      await this.end(stream, { status: 'incomplete' });
  }

  /** Its user wants no more of it. */
  private stopHere(stream: LiveStream): void {
    if (stream.isEnding) return;
    stream.source.onStop(stream.messageId);
    this.end(stream, { status: 'cancelled' }).catch((error: unknown) =>
      this.logger.warn(`A stopped stream could not be ended: ${String(error)}`),
    );
  }

  private async end(
    stream: LiveStream,
    { status = 'complete', payload, metadata }: StreamEnd,
  ): Promise<Message> {
    const { owner, seq, text } = stream;
    stream.isEnding = true;
    try {
      const written = { text, writer: this.live.writer };
      const { holder } = stream.source;
      const message = await this.writes.finish(owner, seq, { status, written, payload, metadata, holder });
      this.live.forget(stream);
      return message;
    } catch (error) {
      if (error instanceof WriterChangedError) this.live.forget(stream);
      if (isRefusal(error) && status !== 'incomplete') throw await this.refused(stream, error);
      throw error;
    } finally {
      stream.isEnding = false;
    }
  }

  /** Its end was refused for good: what there is stays, and what it answers to waits for whoever may answer. */
  private async refused(stream: LiveStream, error: ParleyError): Promise<ParleyError> {
    const { status } = await this.end(stream, { status: 'incomplete' });
    return new ParleyError(error.code, error.message, { ...error.details, status });
  }

  /**
   * The stream, for a source that may write it; or its message, when it is finished.
   *
   * @param isStarter whether it has repeated the start
   */
  private async find(source: StreamSource, id: string, isStarter = false): Promise<LiveStream | Message> {
    for (;;) {
      const stream = this.live.get(source, id);
      if (stream?.source.id === source.id) return stream;
      const key = `${source.accountId}:${id}`;
      const other = this.opening.get(key);
      if (other && other.by !== source.id) {
        await other.opened.catch(() => undefined);
        continue;
      }
      const opened =
        other?.opened ?? this.open(source, id, stream, isStarter).finally(() => this.opening.delete(key));
      this.opening.set(key, { by: source.id, opened });
      const found = await opened;
      if (found) return found;
    }
  }

  /** @param here the stream, if its pieces arrive here already @returns nothing when it has to be looked for again */
  private async open(
    source: StreamSource,
    id: string,
    here: LiveStream | undefined,
    isStarter: boolean,
  ): Promise<LiveStream | Message | undefined> {
    if (here) return void (await this.takeOvers.handOver(here, source, isStarter));
    const message = this.live.isFull(source) && (await this.takeOvers.finished(source, id));
    if (message) return message;
    return this.live.entering(source, async () => {
      const taken = await this.takeOvers.take(source, id, isStarter);
      if ('message' in taken) return taken.message;
      return taken.isStopped ? this.end(taken.stream, { status: 'cancelled' }) : taken.stream;
    });
  }

  private async goOn(source: StreamSource, message: Message): Promise<StreamStarted> {
    if (message.status !== 'streaming')
      return { message, offset: message.payload.content.length, replayed: true };
    const stream = await this.find(source, message.id, true);
    if (stream instanceof LiveStream) return { message, offset: stream.text.length, replayed: true };
    return { message: stream, offset: stream.payload.content.length, replayed: true };
  }
}

/** Somebody else holds the session, has answered, or is the one to answer. */
function isRefusal(error: unknown): error is ParleyError {
  return error instanceof ParleyError && error.code === 'resource_conflict';
}

/** Somebody took the stream over meanwhile: it is taken back and ended once more. */
function writerChanged(error: unknown): undefined {
  if (!(error instanceof WriterChangedError)) throw error;
}

import { Inject, Injectable, Logger } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { CONFIG, type Config } from '../config/config.js';
import { ParleyError } from '../kernel/errors.js';
import { Announcer } from './announcer.js';
import type { Message } from '../kernel/wire.dto.js';
import { LiveStream } from './live-stream.js';
import { StreamSaver } from './stream-saver.js';
import type { StreamSource } from './stream-source.js';

/** The streaming answers whose pieces arrive at this node. */
@Injectable()
export class LiveStreams {
  private readonly logger = new Logger(LiveStreams.name);
  private readonly byId = new Map<string, LiveStream>();
  private readonly countOfKey = new Map<string, number>();
  private readonly hearing = new Map<LiveStream, Promise<() => void>>();
  private tellStopped: (stream: LiveStream) => void = () => undefined;

  constructor(
    private readonly saver: StreamSaver,
    private readonly announcer: Announcer,
    private readonly bus: Bus,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const onLost = (stream: LiveStream): void => this.forget(stream);
    saver.listen({ onLost, onStopped: (stream) => this.tellStopped(stream) });
  }

  /** As whom this node writes texts. */
  get writer(): string {
    return this.saver.writer;
  }

  /** It has grown, or its writer says that it is there: it is announced and saved, soon. */
  grown(stream: LiveStream): void {
    this.announcer.announce(stream);
    this.saver.add(stream);
  }

  /** `listener` hears that the platform user wants no more of one of them. Said at least once. */
  onStop(listener: (stream: LiveStream) => void): void {
    this.tellStopped = listener;
  }

  /**
   * Opens a stream, whose pieces arrive here from then on. Its key has a place for it before.
   *
   * @param open gives the stream, or its message when it is finished
   * @throws ParleyError `rate_limit_exceeded` when the key streams as many answers as it may; what `open` throws
   */
  async entering(
    source: StreamSource,
    open: () => Promise<LiveStream | Message>,
  ): Promise<LiveStream | Message> {
    this.reserve(source.keyId);
    let opened: LiveStream | Message | undefined;
    try {
      opened = await open();
    } finally {
      if (!(opened instanceof LiveStream)) this.release(source.keyId);
    }
    if (opened instanceof LiveStream) this.enter(opened);
    return opened;
  }

  /** The stream with this message id, if it is of the caller's account and its pieces arrive here. */
  get({ accountId }: StreamSource, messageId: string): LiveStream | undefined {
    const stream = this.byId.get(messageId);
    return stream?.owner.accountId === accountId ? stream : undefined;
  }

  /** Whether the key streams as many answers as it may. */
  isFull({ keyId }: StreamSource): boolean {
    return (this.countOfKey.get(keyId) ?? 0) >= this.config.MAX_STREAMS_PER_KEY;
  }

  /** Whether the pieces of this answer of the account arrive here. */
  has(accountId: number, messageId: string): boolean {
    return this.byId.get(messageId)?.owner.accountId === accountId;
  }

  /** Its pieces arrive here no longer: it is finished, or another node has it. */
  forget(stream: LiveStream): void {
    this.announcer.forget(stream);
    this.saver.delete(stream);
    if (this.byId.get(stream.messageId) !== stream) return;
    this.byId.delete(stream.messageId);
    this.release(stream.keyId);
    void this.hearing.get(stream)?.then(
      (end) => end(),
      () => undefined,
    );
    this.hearing.delete(stream);
  }

  /**
   * Forgets those whose writers have said nothing for so many milliseconds: somebody has ended them, or will. Should one
   * speak again, its stream is taken over like another node's.
   */
  forgetSilent(timeout: number): void {
    for (const stream of this.byId.values())
      if (stream.silence > timeout && stream.backlog === 0 && !stream.isEnding) this.forget(stream);
  }

  private enter(stream: LiveStream): void {
    const { owner, messageId } = stream;
    this.byId.set(messageId, stream);
    const hearing = this.bus.subscribe(owner.userId, (hint) => {
      if (hint.kind === 'stop' && hint.data.message_id === messageId) this.tellStopped(stream);
    });
    hearing.catch((error: unknown) => this.logger.warn(`A stop may come late: ${String(error)}`));
    this.hearing.set(stream, hearing);
  }

  private reserve(keyId: string): void {
    const { MAX_STREAMS_PER_KEY: limit } = this.config;
    const count = this.countOfKey.get(keyId) ?? 0;
    if (count >= limit) throw tooMany(limit);
    this.countOfKey.set(keyId, count + 1);
  }

  private release(keyId: string): void {
    const left = (this.countOfKey.get(keyId) ?? 1) - 1;
    if (left > 0) this.countOfKey.set(keyId, left);
    else this.countOfKey.delete(keyId);
  }
}

function tooMany(limit: number): ParleyError {
  return new ParleyError('rate_limit_exceeded', `An API key may stream ${limit} answers at once.`, { limit });
}

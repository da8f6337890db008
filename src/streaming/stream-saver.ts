import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { randomId } from '../kernel/ids.js';
import { StreamTexts } from '../log/stream-texts.js';
import type { LiveStream } from './live-stream.js';

/** Most streams in one statement. */
const MAX_BATCH = 500;

/** What a saver finds out. */
export interface SaverListener {
  /** This node does not write it any more: another one does, or it is finished. */
  onLost(stream: LiveStream): void;
  /** Its platform user has stopped it, and nobody said so. */
  onStopped(stream: LiveStream): void;
}

/** Saves the texts of all streams of this node together, every `STREAM_SAVE_MS`, behind the pieces. */
@Injectable()
export class StreamSaver implements BeforeApplicationShutdown, OnApplicationShutdown {
  /** As whom this process writes texts: what another one has taken over, it cannot add to any more. */
  readonly writer = randomId('wri');
  private readonly logger = new Logger(StreamSaver.name);
  private readonly grown = new Set<LiveStream>();
  private timer: NodeJS.Timeout | undefined;
  private saving: Promise<void> | undefined;
  private isStopped = false;
  private listener: SaverListener | undefined;

  constructor(
    private readonly texts: StreamTexts,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  listen(listener: SaverListener): void {
    this.listener = listener;
  }

  /** Saves it with the others, soon. Also one that has not grown: its writer is there. */
  add(stream: LiveStream): void {
    this.grown.add(stream);
    this.schedule();
  }

  delete(stream: LiveStream): void {
    this.grown.delete(stream);
    stream.saved();
  }

  /** Another node goes on from what is saved now. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.saving;
    await this.save();
  }

  onApplicationShutdown(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.isStopped || this.grown.size === 0 || this.saving) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.saving = this.save().finally(() => {
        this.saving = undefined;
        this.schedule();
      });
    }, this.config.STREAM_SAVE_MS);
  }

  private async save(): Promise<void> {
    const all = [...this.grown];
    this.grown.clear();
    for (let from = 0; from < all.length; from += MAX_BATCH)
      await this.saveSome(all.slice(from, from + MAX_BATCH));
  }

  private async saveSome(streams: readonly LiveStream[]): Promise<void> {
    try {
      const growths = streams.map((stream) => stream.takeUnsaved());
      const saved = await this.texts.save(this.writer, growths);
      const stopped = new Map(saved.map((one) => [`${one.userId}:${one.seq}`, one.stopped]));
      for (const stream of streams) this.tell(stream, stopped.get(`${stream.owner.userId}:${stream.seq}`));
    } catch (error) {
      this.logger.warn(`Could not save the texts of streams: ${String(error)}`);
      for (const stream of streams) {
        stream.notSaved();
        this.grown.add(stream);
      }
    }
  }

  private tell(stream: LiveStream, isStopped: boolean | undefined): void {
    stream.saved();
    if (isStopped === undefined) this.listener?.onLost(stream);
    else if (isStopped) this.listener?.onStopped(stream);
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { Bus } from '../bus/bus.js';
import { CONFIG, type Config } from '../config/config.js';
import type { LiveStream } from './live-stream.js';

/**
 * Says what streams have grown by: the first piece at once, what comes within the next `STREAM_WINDOW_MS` rolled up, so
 * that many small pieces cost few events.
 */
@Injectable()
export class Announcer {
  private readonly windows = new Map<LiveStream, NodeJS.Timeout>();

  constructor(
    private readonly bus: Bus,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** It has grown. */
  announce(stream: LiveStream): void {
    if (!this.windows.has(stream)) this.say(stream);
  }

  /** Nothing is said of it any more: whoever follows the log gets the whole text with its end. */
  forget(stream: LiveStream): void {
    clearTimeout(this.windows.get(stream));
    this.windows.delete(stream);
  }

  private say(stream: LiveStream): void {
    this.windows.delete(stream);
    const deltas = stream.takeUnannounced();
    if (deltas.length === 0) return;
    for (const data of deltas) this.bus.publish({ kind: 'delta', userId: stream.owner.userId, data });
    this.windows.set(
      stream,
      setTimeout(() => this.say(stream), this.config.STREAM_WINDOW_MS),
    );
  }
}

import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import type { MessageAddress } from '../kernel/ids.js';
import { PlatformUsers } from '../log/platform-users.js';
import { type Patience, StreamTexts } from '../log/stream-texts.js';
import { StreamWrites } from '../log/stream-writes.js';
import { LiveStreams } from './live-streams.js';

/** How often it looks, as a part of the shortest of the limits. */
const LOOKS_PER_LIMIT = 2;
/** Most streams that it ends in one look. */
const MAX_BATCH = 200;

/**
 * Ends what nobody ends: a stream that has not grown for `STREAM_TIMEOUT_MS`, or is older than `STREAM_MAX_MS`, as `incomplete`, one that its user stopped
 * `STREAM_STOP_GRACE_MS` ago as `cancelled`, each with the text so far. Every node looks, one of them wins.
 */
@Injectable()
export class StreamSweeper implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(StreamSweeper.name);
  private readonly limits: Patience;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly texts: StreamTexts,
    private readonly writes: StreamWrites,
    private readonly users: PlatformUsers,
    private readonly live: LiveStreams,
    @Inject(CONFIG) config: Config,
  ) {
    const { STREAM_TIMEOUT_MS: timeout, STREAM_STOP_GRACE_MS: stopGrace, STREAM_MAX_MS: maxAge } = config;
    this.limits = { timeout, stopGrace, maxAge };
  }

  onModuleInit(): void {
    this.schedule();
  }

  onModuleDestroy(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    const { timeout, stopGrace, maxAge } = this.limits;
    const pause = Math.min(timeout, stopGrace, maxAge) / LOOKS_PER_LIMIT;
    this.timer = setTimeout(() => void this.look(), pause);
  }

  private async look(): Promise<void> {
    try {
      for (const one of await this.texts.overdue(this.limits, MAX_BATCH)) await this.end(one);
    } catch (error) {
      this.logger.warn(`Could not look for streams that nobody ends: ${String(error)}`);
    }
    this.live.forgetSilent(this.limits.timeout);
    if (!this.isStopped) this.schedule();
  }

  private async end({ userId, seq }: MessageAddress): Promise<void> {
    try {
      const owner = await this.users.byId(userId);
      if (!owner || this.isStopped) return;
      await this.writes.finish(owner, seq, { status: 'incomplete', ifOverdue: this.limits });
    } catch (error) {
      this.logger.warn(`Could not end a stream that nobody ends: ${String(error)}`);
    }
  }
}

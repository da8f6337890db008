import { setTimeout as delay } from 'node:timers/promises';
import type { RedisPlace } from '../config/redis-address.js';
import { openConnection, type RedisConnection, type RedisLogin } from './redis-connection.js';
import { within } from './within.js';

/** Pauses between attempts to come back, in milliseconds: the first and the longest. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;
/** How often a connection must prove that it works, in milliseconds. */
const CHECK_INTERVAL = 1000;
/** How long the proof may take, in milliseconds. A silent connection is closed then. */
const CHECK_TIMEOUT = 3000;
/** How long it may take to make a new connection fit for use, in milliseconds. */
const PREPARE_TIMEOUT = 30_000;

/** What connections are for. */
export interface LinkWork {
  /** Makes a new connection fit for use. @throws Error when it is not, which closes it */
  prepare(connection: RedisConnection, link: RedisLink): Promise<void>;
  /** Proves that a connection works. @throws Error when it does not, which closes it */
  check(connection: RedisConnection, link: RedisLink): Promise<void>;
  /** A connection is fit for use, and in its place. */
  onOpen?(link: RedisLink): void;
  /** The connection is gone, or an attempt was in vain. */
  onLost?(link: RedisLink, error: unknown): void;
}

/** Keeps one connection to one server: opened anew whenever it is gone or silent, until it is closed. */
export class RedisLink {
  private open: RedisConnection | undefined;
  private readonly closing = new AbortController();
  private pause = FIRST_PAUSE;

  constructor(
    readonly place: RedisPlace,
    private readonly login: RedisLogin,
    private readonly work: LinkWork,
  ) {}

  /** The connection, prepared and proven; `undefined` while there is none. */
  get connection(): RedisConnection | undefined {
    return this.open?.isReady ? this.open : undefined;
  }

  get isClosed(): boolean {
    return this.closing.signal.aborted;
  }

  /** Runs until it is closed. Never rejects. */
  async run(): Promise<void> {
    while (!this.closing.signal.aborted) {
      try {
        await this.live();
      } catch (error) {
        this.open = undefined;
        if (this.closing.signal.aborted) return;
        this.work.onLost?.(this, error);
      }
      await delay(this.pause, undefined, { signal: this.closing.signal }).catch(() => undefined);
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    }
  }

  close(): void {
    this.closing.abort(new Error('closed'));
  }

  /** One connection, from its opening to its end. @throws Error always: why it ended */
  private async live(): Promise<never> {
    const gone = new AbortController();
    const closing = this.closing.signal;
    const signal = AbortSignal.any([gone.signal, closing]);
    const connection = await openConnection(this.place, this.login, (error) => gone.abort(error), closing);
    try {
      signal.throwIfAborted();
      await within(PREPARE_TIMEOUT, this.work.prepare(connection, this), signal);
      await this.prove(connection, signal);
      this.open = connection;
      this.pause = FIRST_PAUSE;
      this.work.onOpen?.(this);
      for (;;) {
        await delay(CHECK_INTERVAL, undefined, { signal });
        await this.prove(connection, signal);
      }
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      this.open = undefined;
      connection.destroy();
    }
  }

  private prove(connection: RedisConnection, signal: AbortSignal): Promise<void> {
    return within(CHECK_TIMEOUT, this.work.check(connection, this), signal);
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DATABASE_ADDRESS, type DatabaseAddress } from '../database/data-source.js';
import { sqlState } from '../database/errors.js';
import type { Hint } from '../kernel/events.js';
import { NodeRegistry } from '../nodes/node-registry.js';
import { breathe } from './breath.js';
import { HintQueue } from './hint-queue.js';
import { isWithin, packHints, parseHint, readHint, unpackHints, writeHint } from './hint-text.js';
import { LocalBus } from './local-bus.js';
import { PostgresLink } from './postgres-link.js';

/** PostgreSQL takes payloads shorter than 8,000 bytes. */
const MAX_PAYLOAD = 7999;
/** Most hints in one statement. */
const MAX_BATCH = 500;
/** What waits while the database is slow or away; beyond it the older half is dropped. */
export const MAX_WAITING = { hints: 10_000, characters: 8 * 1024 * 1024 };
/** How long a node that stops goes on sending what waits, in milliseconds. */
const FLUSH_TIMEOUT = 500;
/** Pauses between attempts to come back, in milliseconds: the first and the longest. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;
/** SQLSTATE of a server that ends the connection: then the statement itself was not at fault. */
const SHUTTING_DOWN = /^57P0/;

/**
 * The bus of nodes that share a database and nothing else: `LISTEN` and `NOTIFY` on one connection of its own, outside
 * the write's transaction, where a `NOTIFY` would cost the whole database three of four commits. What gathers while one is
 * on the wire goes out in the next, as many hints in one payload as it holds: PostgreSQL and every node that listens, also
 * the one that speaks, pay for each payload. A node that is alone sends nothing but its name now and then, by which
 * others know it.
 */
@Injectable()
export class PostgresBus extends LocalBus implements OnModuleInit, OnApplicationShutdown {
  private readonly waiting = new HintQueue(MAX_WAITING);
  private readonly stopping = new AbortController();
  private link: PostgresLink | undefined;
  private sending: Promise<void> | undefined;
  private returning: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DATABASE_ADDRESS) private readonly address: DatabaseAddress,
    private readonly nodes: NodeRegistry,
  ) {
    super();
  }

  /** @throws ListenBrokenError when notifications do not come through: a pooler in transaction mode, most often */
  async onModuleInit(): Promise<void> {
    await this.open();
  }

  /** After the last request: what it has written is still announced. */
  async onApplicationShutdown(): Promise<void> {
    if (this.sending) await Promise.race([this.sending, delay(FLUSH_TIMEOUT, undefined, { ref: false })]);
    const { link } = this;
    this.link = undefined;
    await link?.close();
    this.stopping.abort();
    await this.returning;
  }

  override publish(hint: Hint): void {
    this.deliver(hint);
    if (this.nodes.isAlone || this.stopping.signal.aborted) return;
    const text = writeHint(this.nodes.id, hint, MAX_PAYLOAD);
    if (!isWithin(MAX_PAYLOAD, text)) return;
    this.complainOf(this.waiting.push(text));
    this.send();
  }

  private send(): void {
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
  }

  /** Begins when whoever publishes has done so with all it has: hints of messages that were written together go together. */
  private async sendAll(): Promise<void> {
    await Promise.resolve();
    while (this.link && this.waiting.size > 0) await breathe(await this.sendSome(this.link));
  }

  /**
   * Sends a batch. One that PostgreSQL refuses is lost; one that did not get there goes again over the next link.
   *
   * @returns how many hints it had
   */
  private async sendSome(link: PostgresLink): Promise<number> {
    const batch = this.waiting.take(MAX_BATCH);
    try {
      await link.notify(packHints(batch, MAX_PAYLOAD));
    } catch (error) {
      const state = sqlState(error);
      if (state !== undefined && !SHUTTING_DOWN.test(state)) {
        this.logger.warn(`Hints were lost: ${String(error)}`);
      } else {
        this.complainOf(this.waiting.putBack(batch));
        link.cut();
        await link.ended;
      }
    }
    return batch.length;
  }

  private complainOf(dropped: number): void {
    if (dropped > 0) this.logger.warn(`The database is slow or away: ${dropped} hints were dropped`);
  }

  private hear(payload: string): void {
    if (payload.startsWith(this.nodes.id)) return;
    this.nodes.meet(); // who says hints, or only its name, is there
    for (const text of unpackHints(payload)) this.hearHint(text);
  }

  private hearHint(text: string): void {
    const hint = readHint(text);
    if (!hint || !this.isHeard(hint.channel)) return;
    try {
      this.deliver(parseHint(hint));
    } catch (error) {
      this.logger.debug(`Not a hint: ${String(error)}`);
    }
  }

  private async open(): Promise<void> {
    const link = await PostgresLink.open({
      address: this.address,
      name: this.nodes.id,
      onPayload: (payload) => this.hear(payload),
      signal: this.stopping.signal,
    });
    this.link = link;
    void link.ended.then(() => {
      if (this.link === link) this.returning = this.comeBack();
    });
  }

  /** What was said while nobody listened is lost: whoever follows compares with the log. */
  private async comeBack(): Promise<void> {
    this.link = undefined;
    const { signal } = this.stopping;
    for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        await this.open();
        break;
      } catch (error) {
        if (!signal.aborted) this.logger.warn(`The bus is away: ${String(error)}`);
        await delay(pause * (1 + Math.random()), undefined, { signal }).catch(() => undefined);
      }
    }
    if (signal.aborted) return;
    this.send();
    this.lapse();
  }
}

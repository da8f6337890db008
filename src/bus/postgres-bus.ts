import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import pg from 'pg';
import { clientOptions, DATABASE_ADDRESS, type DatabaseAddress } from '../database/data-source.js';
import type { Hint } from '../kernel/events.js';
import { NodeRegistry } from '../nodes/node-registry.js';
import { parseHint, readHint, writeHint } from './hint-text.js';
import { LocalBus } from './local-bus.js';

const CHANNEL = 'parley';
/** PostgreSQL takes payloads shorter than 8,000 bytes. */
const MAX_PAYLOAD = 7999;
/** Most hints in one `NOTIFY`. */
const MAX_BATCH = 500;
/** Most hints that wait while the database is slow or away; beyond it the oldest are dropped, as hints may be. */
const MAX_WAITING = 10_000;
/** How long a new connection may take to hear itself, in milliseconds. */
const PROBE_TIMEOUT = 3000;
/** Pauses between attempts to come back, in milliseconds: the first and the longest. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 2000;

/** Somebody between this node and PostgreSQL swallows notifications. */
export class ListenBrokenError extends Error {}

/**
 * The bus of nodes that share a database and nothing else: `LISTEN` and `NOTIFY` on one connection of its own, outside
 * the write's transaction, where a `NOTIFY` would cost the whole database three of four commits. What gathers while one
 * `NOTIFY` is on the wire goes out in the next. A node that is alone sends nothing.
 */
@Injectable()
export class PostgresBus extends LocalBus implements OnModuleInit, OnModuleDestroy {
  private client: pg.Client | undefined;
  private waiting: Hint[] = [];
  private isSending = false;
  private stopped = false;
  private probe: (() => void) | undefined;

  constructor(
    @Inject(DATABASE_ADDRESS) private readonly address: DatabaseAddress,
    private readonly nodes: NodeRegistry,
  ) {
    super();
  }

  /** @throws ListenBrokenError when notifications do not come through: a pooler in transaction mode, most often */
  async onModuleInit(): Promise<void> {
    await this.connect();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.client?.end().catch(() => undefined);
  }

  override publish(hint: Hint): void {
    this.deliver(hint);
    if (this.nodes.isAlone) return;
    this.waiting.push(hint);
    if (this.waiting.length > MAX_WAITING) this.waiting.splice(0, MAX_WAITING / 2);
    if (!this.isSending) void this.send();
  }

  private async send(): Promise<void> {
    this.isSending = true;
    while (this.waiting.length > 0 && this.client)
      await this.notify(this.client, this.waiting.splice(0, MAX_BATCH));
    this.isSending = false;
  }

  private async notify(client: pg.Client, hints: readonly Hint[]): Promise<void> {
    const payloads = hints.map((hint) => writeHint(this.nodes.id, hint, MAX_PAYLOAD));
    const text = 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload';
    await client
      .query({ name: 'bus.notify', text, values: [CHANNEL, payloads] })
      .catch((error: unknown) => this.logger.warn(`Hints were lost: ${String(error)}`));
  }

  private hear(payload: string | undefined): void {
    if (payload === this.nodes.id) return this.probe?.();
    const hint = readHint(payload ?? '');
    if (!hint || hint.node === this.nodes.id || !this.isHeard(hint.userId)) return;
    this.deliver(parseHint(hint));
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({ ...clientOptions(this.address), application_name: 'parley-bus' });
    client.on('error', () => undefined); // `end` follows
    client.on('notification', ({ payload }) => this.hear(payload));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      await this.prove(client);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    if (this.stopped) return client.end();
    client.once('end', () => void this.comeBack());
    this.client = client;
  }

  /** Listening is proven, not assumed: a connection must hear what it says itself. */
  private async prove(client: pg.Client): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const heard = new Promise<void>((resolve, reject) => {
      this.probe = resolve;
      timer = setTimeout(() => reject(new ListenBrokenError(LISTEN_PROBLEM)), PROBE_TIMEOUT);
    });
    try {
      await Promise.all([heard, client.query('SELECT pg_notify($1, $2)', [CHANNEL, this.nodes.id])]);
    } finally {
      clearTimeout(timer);
      this.probe = undefined;
    }
  }

  /** What was said while nobody listened is lost: whoever follows compares with the log. */
  private async comeBack(): Promise<void> {
    this.client = undefined;
    this.waiting = [];
    for (let pause = FIRST_PAUSE; !this.stopped; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        await this.connect();
        return this.lapse();
      } catch (error) {
        this.logger.warn(`The bus is away: ${String(error)}`);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

const LISTEN_PROBLEM =
  'DATABASE_URL leads to a pooler in transaction mode (pgbouncer, most often): what LISTEN hears does not come through. ' +
  'Use a direct connection or session mode, or set REDIS_URL.';

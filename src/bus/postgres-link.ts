import { clientOptions, type DatabaseAddress } from '../database/data-source.js';
import { TRANSACTION_POOLER } from '../database/pooler.js';
import { ask } from '../database/watched-client.js';
import { CuttableClient } from './cuttable-client.js';

/** The channel's name. Notifications stay within one database. */
const CHANNEL = 'parley';
/** How long a new link may take to hear what somebody else says, in milliseconds. */
const PROOF_TIMEOUT = 3000;
/** How often a link says something to itself, in milliseconds. */
const PROBE_INTERVAL = 2000;
/** A link that has not heard itself for so long is dead, whatever TCP believes, in milliseconds. */
const SILENCE_LIMIT = 5000;
/** How long PostgreSQL may owe an answer to a statement of the bus, in milliseconds. */
const ANSWER_TIMEOUT = 5000;

/** Between payloads, which have none in them (ASCII's record separator): as array elements each would be escaped. */
const SEPARATOR = '\x1e';
const NOTIFY = {
  name: 'bus.notify',
  text: `SELECT pg_notify($1, payload) FROM unnest(string_to_array($2, $3)) AS payload`,
};

/** Somebody between this node and PostgreSQL swallows notifications. */
export class ListenBrokenError extends Error {}

export interface LinkOptions {
  readonly address: DatabaseAddress;
  /** Who speaks: a word of its own for each node. */
  readonly name: string;
  /** Hears what anybody says on the channel, this node included. Never throws. */
  readonly onPayload: (payload: string) => void;
  /** Cuts the link, also one that is being opened. */
  readonly signal: AbortSignal;
}

/**
 * One connection that listens and speaks on the channel. That it hears is never assumed: a new one must hear what is said
 * over another connection, and one that is up says its name to itself. So a half-open connection, and a database that
 * hangs, end it soon after `SILENCE_LIMIT`.
 *
 * A notification is no data: `synchronous_commit` is off, so that nobody waits for the disk while holding the lock that
 * all notifying transactions of a database cluster take turns on.
 */
export class PostgresLink {
  private readonly client: CuttableClient;
  private timer: NodeJS.Timeout | undefined;
  private heardAt = 0;
  /** Statements on their way. */
  private unanswered = 0;
  private onHeard: (() => void) | undefined;

  private constructor(private readonly options: LinkOptions) {
    this.client = this.createClient();
    this.client.on('notification', ({ payload = '' }) => this.hear(payload));
    void this.ended.then(() => clearInterval(this.timer));
  }

  /** @throws ListenBrokenError when it hears nothing; whatever `pg` throws when the database cannot be reached */
  static async open(options: LinkOptions): Promise<PostgresLink> {
    options.signal.throwIfAborted();
    const link = new PostgresLink(options);
    try {
      await link.client.connect();
      await ask(link.client, { text: `LISTEN ${CHANNEL}` });
      await link.prove();
      link.watch();
      return link;
    } catch (error) {
      link.cut();
      throw error;
    }
  }

  /** Resolves when the link is down. Never rejects. */
  get ended(): Promise<void> {
    return this.client.ended;
  }

  /** Says all of it in one transaction, in this order. No payload has a record separator in it, as JSON has not. */
  async notify(payloads: readonly string[]): Promise<void> {
    this.unanswered++;
    try {
      await ask(this.client, { ...NOTIFY, values: [CHANNEL, payloads.join(SEPARATOR), SEPARATOR] });
    } finally {
      this.unanswered--;
    }
  }

  /** Ends it at once, without a word: for a peer that may not be there. */
  cut(): void {
    this.client.cut();
  }

  /** Says goodbye, if that goes quickly. */
  async close(): Promise<void> {
    await this.client.close();
  }

  private hear(payload: string): void {
    if (payload.startsWith(this.options.name)) {
      this.heardAt = performance.now();
      this.onHeard?.();
    }
    this.options.onPayload(payload);
  }

  /**
   * Said over a connection of its own: a pooler in transaction mode may pass on what comes along with the answer to the
   * statement that caused it, and nothing else.
   */
  private async prove(): Promise<void> {
    const speaker = this.createClient();
    let timer: NodeJS.Timeout | undefined;
    const heard = new Promise<void>((resolve, reject) => {
      this.onHeard = resolve;
      timer = setTimeout(() => reject(new ListenBrokenError(TRANSACTION_POOLER)), PROOF_TIMEOUT);
      void this.ended.then(() => reject(new Error('the connection was lost')));
    });
    try {
      await Promise.all([heard, speak(speaker, this.options.name)]);
    } finally {
      clearTimeout(timer);
      this.onHeard = undefined;
      await speaker.close();
    }
  }

  private watch(): void {
    this.heardAt = performance.now();
    this.timer = setInterval(() => {
      if (performance.now() - this.heardAt > SILENCE_LIMIT) this.cut();
      else if (this.unanswered === 0) this.notify([this.options.name]).catch(() => undefined); // silence tells
    }, PROBE_INTERVAL);
  }

  private createClient(): CuttableClient {
    const config = {
      ...clientOptions(this.options.address),
      application_name: 'parley-bus',
      options: '-c synchronous_commit=off',
      answerTimeout: ANSWER_TIMEOUT,
    };
    return new CuttableClient(config, this.options.signal);
  }
}

async function speak(client: CuttableClient, payload: string): Promise<void> {
  await client.connect();
  await ask(client, { text: 'SELECT pg_notify($1, $2)', values: [CHANNEL, payload] });
}

import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { RedisAddress } from '../config/redis-address.js';
import { discover, type RedisServer } from './redis-discovery.js';
import { type LinkWork, RedisLink } from './redis-link.js';
import { slotOf } from './redis-slots.js';
import { within } from './within.js';

/** How long a start waits for a server, in milliseconds; it goes on without. */
const START_TIMEOUT = 1000;
/** How often a cluster or the Sentinels are asked who serves what, in milliseconds. */
const TOPOLOGY_INTERVAL = 10_000;
/** Shortest time between two such questions, in milliseconds. */
const TOPOLOGY_PAUSE = 250;
/** Pause after a question that nobody answered, in milliseconds. */
const TOPOLOGY_RETRY = 1000;

/** What is done with the servers of an address. */
export interface ServersWork extends LinkWork {
  /** Slots have another owner than before. */
  onMoved?(): void;
}

/** A link to each server that takes writes, wherever they are just now. */
export class RedisServers {
  private readonly logger = new Logger('Redis');
  private readonly links = new Map<string, RedisLink>();
  private owners: readonly RedisLink[] = [];
  private readonly closing = new AbortController();
  private wake: (() => void) | undefined;
  private isStale = false;
  private problem = '';
  private onFirstOpen: () => void = () => undefined;

  /** @param purpose what the links are for, as the log says it */
  constructor(
    private readonly address: RedisAddress,
    private readonly purpose: string,
    private readonly work: ServersWork,
  ) {}

  /** Begins to connect, and waits a moment. @returns whether a server is there; if not, it is tried further */
  async open(): Promise<boolean> {
    const opened = new Promise<void>((resolve) => (this.onFirstOpen = resolve));
    void this.follow();
    return within(START_TIMEOUT, opened).then(
      () => true,
      () => false,
    );
  }

  close(): void {
    this.closing.abort();
    this.wake?.();
    for (const link of this.links.values()) link.close();
  }

  /** Who has this key or sharded channel; `undefined` when that is not known (yet). */
  linkOf(key: string): RedisLink | undefined {
    return this.owners[slotOf(key)];
  }

  /** An answer shows that the servers are not where they were thought to be: asks anew, soon. */
  hear(error: unknown): void {
    if (/^(Simple)?(Error: )?(MOVED|READONLY|CLUSTERDOWN)/.test(String(error))) this.refresh();
  }

  /** Asks anew who serves what, soon. */
  refresh(): void {
    this.isStale = true;
    this.wake?.();
  }

  private async follow(): Promise<void> {
    while (!this.closing.signal.aborted) {
      this.isStale = false;
      try {
        this.take(
          await discover(
            this.address,
            [...this.links.values()].map(({ place }) => place),
          ),
        );
      } catch (error) {
        this.complain(error);
        this.isStale = true;
        await delay(TOPOLOGY_RETRY);
      }
      if (this.address.kind === 'server') return;
      await delay(TOPOLOGY_PAUSE);
      await this.sleep();
    }
  }

  private async sleep(): Promise<void> {
    if (this.isStale || this.closing.signal.aborted) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      timer = setTimeout(resolve, TOPOLOGY_INTERVAL);
    });
    clearTimeout(timer);
    this.wake = undefined;
  }

  private take(servers: readonly RedisServer[]): void {
    if (this.closing.signal.aborted) return;
    const left = new Set(this.links.keys());
    const owners: RedisLink[] = [];
    for (const { place, slots } of servers) {
      const name = `${place.host}:${place.port}`;
      left.delete(name);
      const link = this.links.get(name) ?? this.connect(name, { place, slots });
      for (const [first, last] of slots) for (let slot = first; slot <= last; slot++) owners[slot] = link;
    }
    for (const name of left) {
      this.links.get(name)?.close();
      this.links.delete(name);
    }
    const hasMoved = owners.some((link, slot) => link !== this.owners[slot]);
    this.owners = owners;
    if (hasMoved) this.work.onMoved?.();
  }

  private connect(name: string, { place }: RedisServer): RedisLink {
    const link = new RedisLink(place, this.address, {
      prepare: (connection, self) => this.work.prepare(connection, self),
      check: (connection, self) => this.work.check(connection, self),
      onOpen: (self) => {
        this.problem = '';
        this.logger.log(`${this.purpose}: connected to ${name}`);
        this.onFirstOpen();
        this.work.onOpen?.(self);
      },
      onLost: (self, error) => {
        this.complain(`${name} is away: ${String(error)}`);
        this.work.onLost?.(self, error);
        this.refresh();
      },
    });
    this.links.set(name, link);
    void link.run();
    return link;
  }

  /** Says a problem once, not at every attempt. */
  private complain(error: unknown): void {
    const problem = String(error);
    if (problem !== this.problem) this.logger.warn(`${this.purpose}: ${problem}`);
    this.problem = problem;
  }
}

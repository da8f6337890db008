import { setTimeout as delay } from 'node:timers/promises';
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { RedisAddress } from '../config/redis-address.js';
import { type Channel, channelOf, type Hint } from '../kernel/events.js';
import type { NodeRegistry } from '../nodes/node-registry.js';
import type { RedisConnection } from '../redis/redis-connection.js';
import type { RedisLink } from '../redis/redis-link.js';
import { RedisServers } from '../redis/redis-servers.js';
import { within } from '../redis/within.js';
import { parseHint, readHint, writeHint } from './hint-text.js';
import { LocalBus } from './local-bus.js';
import type { HintListener } from './bus.js';
import { RedisChannels } from './redis-channels.js';
import { RedisOutbox } from './redis-outbox.js';

/** Largest hint that travels with its entries, in bytes. */
export const MAX_HINT_BYTES = 65_536;
/** How long a new subscription is waited for, in milliseconds; later it still comes, and anti-entropy covers the gap. */
export const SUBSCRIBE_TIMEOUT = 1000;
/** How long a node that stops goes on sending what waits, in milliseconds. */
const FLUSH_TIMEOUT = 500;
/** Most names that are tried for a probe: a server with one slot of 16,384 needs about so many. */
const MAX_PROBE_NAMES = 1_000_000;
/**
 * The bus of many nodes: one sharded channel for each platform user and account, subscribed to only by nodes where
 * somebody hears it, so that a node does not carry everybody's traffic. Redis may be away, hang or forget at any time: hints
 * wait up to a limit, and the followers' anti-entropy covers the rest.
 */
export class RedisBus extends LocalBus implements OnModuleInit, OnApplicationShutdown {
  /** Where a node says that it has come. */
  private readonly nodesChannel: string;
  private readonly wanted: Set<string>;
  private readonly channels = new Map<RedisLink, RedisChannels>();
  private readonly outboxes = new Map<RedisLink, RedisOutbox>();
  private readonly servers: RedisServers;
  private isStopped = false;

  /** @param installation names the database: others may use the same Redis, and number their users alike */
  constructor(
    address: RedisAddress,
    private readonly installation: string,
    private readonly nodes: NodeRegistry,
  ) {
    super();
    this.nodesChannel = this.nameOf('nodes');
    this.wanted = new Set([this.nodesChannel]);
    this.servers = new RedisServers(address, 'bus', {
      prepare: (connection, link) => this.prepare(connection, link),
      check: async (_, link) => this.channels.get(link)?.prove(),
      onOpen: (link) => this.greet(link),
      onLost: (link) => void this.channels.delete(link),
      onMoved: () => this.follow(),
    });
  }

  async onModuleInit(): Promise<void> {
    if (await this.servers.open()) return;
    this.logger.warn(
      'Redis is away: until it is there, pushes of other nodes take up to RECONCILE_INTERVAL_MS',
    );
  }

  /** After the last request: what it has written is still announced. */
  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    const sending = [...this.outboxes.values()].map((outbox) => outbox.send());
    await Promise.race([Promise.all(sending), delay(FLUSH_TIMEOUT, undefined, { ref: false })]);
    this.servers.close();
  }

  override publish(hint: Hint): void {
    this.deliver(hint);
    if (this.nodes.isAlone || this.isStopped) return;
    const channel = this.nameOf(channelOf(hint));
    const link = this.servers.linkOf(channel);
    if (!link) return; // nobody knows where it should go: anti-entropy
    const dropped = this.outboxOf(link).push(channel, writeHint(this.nodes.id, hint, MAX_HINT_BYTES));
    if (dropped > 0) this.logger.warn(`Redis is slow or away: ${dropped} hints were dropped`);
  }

  override async subscribe(channel: Channel, listener: HintListener): Promise<() => void> {
    const end = await super.subscribe(channel, listener);
    const name = this.nameOf(channel);
    this.wanted.add(name);
    await this.listen(name);
    return () => {
      end();
      if (!this.isHeard(channel) && this.wanted.delete(name)) this.channelsFor(name)?.leave(name);
    };
  }

  /** Waits for the server's word, but not for long. */
  private async listen(channel: string): Promise<void> {
    const channels = this.channelsFor(channel);
    if (!channels) return;
    const late = (error: unknown): void => this.servers.hear(error); // and asked for again, see `RedisChannels.prove`
    await within(SUBSCRIBE_TIMEOUT, channels.listen(channel)).catch(late);
  }

  private channelsFor(channel: string): RedisChannels | undefined {
    const link = this.servers.linkOf(channel);
    return link && this.channels.get(link);
  }

  private outboxOf(link: RedisLink): RedisOutbox {
    const known = this.outboxes.get(link);
    if (known) return known;
    const outbox = new RedisOutbox(link, (error) => this.servers.hear(error));
    this.outboxes.set(link, outbox);
    return outbox;
  }

  private hear(text: string, channel: string): void {
    if (channel === this.nodesChannel) {
      if (text !== this.nodes.id) this.nodes.meet();
      return;
    }
    const hint = readHint(text);
    if (!hint || hint.node === this.nodes.id) return;
    this.nodes.meet();
    try {
      if (this.isHeard(hint.channel)) this.deliver(parseHint(hint));
    } catch (error) {
      this.logger.debug(`Not a hint: ${String(error)}`);
    }
  }

  /** A new connection hears nothing yet: it is subscribed to whatever is heard here, each channel confirmed. */
  private async prepare(connection: RedisConnection, link: RedisLink): Promise<void> {
    const hear = (text: string, channel: string): void => this.hear(text, channel);
    const channels = new RedisChannels(connection, this.probeOf(link), hear, () => this.servers.refresh());
    this.channels.set(link, channels); // who subscribes from now on does it there
    await channels.open();
    await channels.keep(this.wantedOf(link));
  }

  /** What was said meanwhile may be lost: whoever follows compares with the log. */
  private greet(link: RedisLink): void {
    void this.outboxes.get(link)?.send();
    if (this.servers.linkOf(this.nodesChannel) === link)
      link.connection?.sendCommand(['SPUBLISH', this.nodesChannel, this.nodes.id]).catch(() => undefined);
    this.lapse();
  }

  /** Slots have moved between servers: each hears what is its own now. */
  private follow(): void {
    for (const link of this.outboxes.keys()) if (link.isClosed) this.outboxes.delete(link);
    for (const [link, channels] of this.channels) {
      if (link.isClosed) this.channels.delete(link);
      else
        channels
          .keep(this.wantedOf(link))
          .then(() => this.lapse())
          .catch((error: unknown) => this.servers.hear(error));
    }
  }

  private wantedOf(link: RedisLink): Set<string> {
    return new Set([...this.wanted].filter((channel) => this.servers.linkOf(channel) === link));
  }

  /** A channel that this server has and no other node hears. */
  private probeOf(link: RedisLink): string {
    for (let n = 0; n < MAX_PROBE_NAMES; n++) {
      const probe = this.nameOf(`${this.nodes.id}.${n}`);
      if (this.servers.linkOf(probe) === link) return probe;
    }
    throw new Error('it has no slots');
  }

  /** A channel as Redis knows it. */
  private nameOf(name: number | string): string {
    return `parley:${this.installation}:{${name}}`;
  }
}

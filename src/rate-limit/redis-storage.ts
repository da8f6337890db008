import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import type { RedisAddress } from '../config/redis-address.js';
import type { RedisConnection } from '../redis/redis-connection.js';
import { RedisServers } from '../redis/redis-servers.js';
import { within } from '../redis/within.js';
import { recordOf, type StorageRecord } from './storage-record.js';

/** How long a request waits for Redis before this node counts it by itself, in milliseconds. */
export const COUNT_TIMEOUT = 250;
/** How long this node counts by itself after Redis was too slow, in milliseconds. */
export const LOCAL_PERIOD = 1000;

/** A window begins with a key's first hit. KEYS[1] the key, ARGV[1] how long a window lasts, in milliseconds. */
const COUNT = `
local hits = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {hits, left}`;

/**
 * One count for all nodes that share a Redis: one round trip for each hit, atomic, in fixed windows. While Redis is away
 * or slow each node counts by itself, from zero: a budget is then spent once for each node at most, and nobody waits.
 */
export class RedisStorage implements ThrottlerStorage, OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(RedisStorage.name);
  private readonly servers: RedisServers;
  private localUntil = -Infinity;
  private saysLocal = false;

  /**
   * @param installation names the database: others may use the same Redis, and name their principals alike
   * @param local counts while Redis does not
   */
  constructor(
    address: RedisAddress,
    private readonly installation: string,
    private readonly local: ThrottlerStorage,
  ) {
    const ping = async (connection: RedisConnection): Promise<void> => void (await connection.ping());
    this.servers = new RedisServers(address, 'rate limit', { prepare: ping, check: ping });
  }

  async onModuleInit(): Promise<void> {
    await this.servers.open();
  }

  /** Whether this node counted by itself the last time it counted. */
  get isLocal(): boolean {
    return this.saysLocal;
  }

  onApplicationShutdown(): void {
    this.servers.close();
  }

  /** Counts a hit. Never fails, and takes no longer than {@link COUNT_TIMEOUT}. @param ttl of a window, in milliseconds */
  async increment(
    key: string,
    ttl: number,
    limit: number,
    ...rest: [number, string]
  ): Promise<StorageRecord> {
    const name = `parley:${this.installation}:rate:{${key}}`;
    const connection = this.servers.linkOf(name)?.connection;
    if (connection && performance.now() >= this.localUntil) {
      try {
        const record = await this.count(connection, name, ttl, limit);
        this.say(false);
        return record;
      } catch (error) {
        this.localUntil = performance.now() + LOCAL_PERIOD;
        this.servers.hear(error);
      }
    }
    this.say(true);
    return this.local.increment(key, ttl, limit, ...rest);
  }

  private async count(
    connection: RedisConnection,
    name: string,
    ttl: number,
    limit: number,
  ): Promise<StorageRecord> {
    const answer = connection.sendCommand(['EVAL', COUNT, '1', name, String(ttl)]);
    const [hits, left] = (await within(COUNT_TIMEOUT, answer)) as unknown as [number, number];
    return recordOf(hits, limit, left);
  }

  private say(isLocal: boolean): void {
    if (isLocal && !this.saysLocal)
      this.logger.warn('This node counts requests by itself for now: Redis is away or slow');
    if (!isLocal && this.saysLocal) this.logger.log('Requests are counted in Redis again');
    this.saysLocal = isLocal;
  }
}

import { randomBytes } from 'node:crypto';
import { OwnPostgres } from '../e2e/faults/postgres.js';
import { urlOf } from '../support/database.js';
import { ClusterNode } from './cluster-node.js';
import { History } from './history.js';
import { Random } from './random.js';
import { OwnRedis } from './redis.js';

/** What a cluster is made of. */
export interface ClusterOptions {
  seed: number;
  bus: 'postgres' | 'redis';
  /** Whether clients reach the nodes through proxies that can fail. */
  proxied?: boolean;
  nodes?: number;
}

/** Counted everywhere and reached nowhere: so the shared rate limit is under load too. */
const LIMIT = '1000000000';

/** Several built servers on one PostgreSQL, and on one Redis if asked: all of them real processes. */
export class Cluster {
  readonly key = `key-for-clusters-${randomBytes(9).toString('hex')}`;
  readonly random: Random;
  readonly history: History;
  readonly nodes: ClusterNode[] = [];

  private constructor(
    seed: number,
    readonly postgres: OwnPostgres,
    readonly redis: OwnRedis | undefined,
  ) {
    this.random = new Random(seed);
    this.history = new History(seed);
  }

  static async start({ seed, bus, proxied = false, nodes = 3 }: ClusterOptions): Promise<Cluster> {
    const postgres = await OwnPostgres.create();
    const redis = bus === 'redis' ? await OwnRedis.create() : undefined;
    const cluster = new Cluster(seed, postgres, redis);
    try {
      const databaseUrl = urlOf(postgres.connection);
      for (let i = 1; i <= nodes; i++) {
        const settings = { databaseUrl, env: cluster.environment(), proxied };
        cluster.nodes.push(await ClusterNode.create(`node ${i}`, settings, cluster.history));
      }
      for (const node of cluster.nodes) node.launch();
      await cluster.ready();
    } catch (error) {
      await cluster.remove();
      throw error;
    }
    return cluster;
  }

  /** Resolves when every node is. */
  async ready(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.ready()));
  }

  /** Nodes that ended by themselves. */
  falls(): string[] {
    return this.nodes.flatMap((node) => node.falls);
  }

  /** The last words of every node: for failures. */
  outputs(): string {
    return this.nodes.map(({ name, output }) => `${name} said:\n${output.slice(-1_500)}`).join('\n');
  }

  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.remove()));
    await this.redis?.remove();
    await this.postgres.remove();
  }

  private environment(): Record<string, string> {
    return {
      BOOTSTRAP_API_KEY: this.key,
      RATE_LIMIT_PER_HOUR: LIMIT,
      USER_RATE_LIMIT_PER_HOUR: LIMIT,
      DATABASE_POOL_SIZE: '8',
      LOG_LEVEL: 'warn',
      ...(this.redis && { REDIS_URL: this.redis.url }),
    };
  }
}

import pg from 'pg';
import { RedisBus } from '../../../src/bus/redis-bus.js';
import { parseRedisUrl } from '../../../src/config/redis-address.js';
import { createDataSource, type DatabaseAddress } from '../../../src/database/data-source.js';
import { Database } from '../../../src/database/database.js';
import { Settings } from '../../../src/database/settings.js';
import { NodeRegistry } from '../../../src/nodes/node-registry.js';
import { hasRedis } from '../../cluster/redis.js';
import { createTestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';

/** As `describe`; where there is no redis-server, one skipped test that says so. */
export function describeWithRedis(name: string, tests: () => void): void {
  if (hasRedis()) describe(name, tests);
  else it.skip(`${name}: this machine has no redis-server`, () => undefined);
}

/** What one node has of the Redis bus: wired as in the server, without the server. */
export interface RedisBusNode {
  readonly bus: RedisBus;
  readonly nodes: NodeRegistry;
  close(): Promise<void>;
}

/** The Redis buses of two nodes that know of each other. */
export interface RedisBusPair {
  readonly here: RedisBus;
  readonly there: RedisBus;
  close(): Promise<void>;
}

export async function openRedisBusNode(address: DatabaseAddress, redisUrl: string): Promise<RedisBusNode> {
  const dataSource = await createDataSource(address).initialize();
  const database = new Database(dataSource);
  const nodes = new NodeRegistry(database);
  const installation = (await new Settings(database).get('epoch')) ?? '';
  const bus = new RedisBus(parseRedisUrl(redisUrl), installation, nodes);
  await nodes.onModuleInit();
  await bus.onModuleInit();
  const close = async (): Promise<void> => {
    await nodes.onModuleDestroy();
    await bus.onApplicationShutdown();
    await dataSource.destroy();
  };
  return { bus, nodes, close };
}

/** @param hereUrl, thereUrl how each of the two reaches Redis */
export async function openRedisBuses(hereUrl: string, thereUrl = hereUrl): Promise<RedisBusPair> {
  const database = await createTestDatabase();
  await makeAnotherInstallation(database.connection);
  const here = await openRedisBusNode(database.connection, hereUrl);
  const there = await openRedisBusNode(database.connection, thereUrl);
  for (const { nodes } of [here, there]) await eventually(() => expect(nodes.isAlone).toBe(false));
  return {
    here: here.bus,
    there: there.bus,
    close: async () => {
      await here.close();
      await there.close();
      await database.drop();
    },
  };
}

/** The databases of tests are clones, and called alike. */
async function makeAnotherInstallation(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(`UPDATE settings SET value = gen_random_uuid()::text WHERE name = 'epoch'`);
  await client.end();
}

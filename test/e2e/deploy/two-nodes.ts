import { randomBytes } from 'node:crypto';
import { createTestDatabase } from '../../support/database.js';
import { call } from '../../support/http.js';
import { startServer, type TestServer } from '../../support/server.js';
import { quietPort } from '../faults/port.js';

/** Requests per hour of an address without a credential. */
export const ADDRESS_LIMIT = 6;

/** Two nodes that share a database and nothing else, as `deploy/` has them. */
export interface TwoNodes {
  readonly urls: readonly string[];
  /** A key that may do as much as it likes. */
  readonly key: string;
  kill(index: number): Promise<void>;
  /** At the address where it was. */
  restart(index: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startTwoNodes(): Promise<TwoNodes> {
  const database = await createTestDatabase();
  const bootstrapKey = `key-for-proxies-${randomBytes(8).toString('hex')}`;
  const ports = [await quietPort(), await quietPort()];
  const servers: TestServer[] = [];
  const start = async (index: number): Promise<void> => {
    servers[index] = await startServer({
      databaseUrl: database.url,
      env: {
        PORT: ports[index] as string,
        TRUST_PROXY: '1',
        BOOTSTRAP_API_KEY: bootstrapKey,
        RATE_LIMIT_PER_HOUR: String(ADDRESS_LIMIT),
        RECONCILE_INTERVAL_MS: '200',
        DRAIN_TIMEOUT_MS: '2000',
      },
    });
  };
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    await database.drop();
  };
  try {
    await start(0);
    await start(1);
    const urls = servers.map(({ url }) => url);
    const body = { name: 'test', scopes: ['user', 'agent', 'admin'], rate_limit_per_hour: 1_000_000 };
    const made = await call(urls[0] as string, 'POST', '/v1/api-keys', { credential: bootstrapKey, body });
    if (made.status !== 201) throw new Error(made.text);
    const kill = (index: number): Promise<void> => (servers[index] as TestServer).kill();
    return { urls, key: made.body.key as string, kill, restart: start, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

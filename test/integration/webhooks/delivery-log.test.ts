import { loadConfig } from '../../../src/config/config.js';
import { DeliveryRepository } from '../../../src/webhooks/persistence/delivery.repository.js';
import { PoolShare } from '../../../src/webhooks/persistence/pool-share.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

describe('The delivery log', () => {
  let database: TestDatabase;
  let node: LogNode;
  let deliveries: DeliveryRepository;
  let account: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url);
    deliveries = new DeliveryRepository(node.database, new PoolShare(loadConfig({})));
  });
  afterAll(async () => {
    await node.close();
    await database.drop();
  });
  beforeEach(async () => {
    account = await anAccount(node);
    await node.dataSource.query('DELETE FROM webhook_deliveries');
  });

  /** A delivery that ended so many days ago; null: it is pending. */
  async function ended(days: number | null, state = 'delivered'): Promise<string> {
    const { id } = await deliveries.create(account, 'whk_x', 'webhook.test');
    await node.dataSource.query(
      `UPDATE webhook_deliveries SET queued = true, created_at = now() - interval '90 days',
         state = CASE WHEN $2::float8 IS NULL THEN 'pending' ELSE $3 END, finished_at = now() - $2 * interval '1 day'
       WHERE id = $1`,
      [id, days, state],
    );
    await node.dataSource.query(
      'INSERT INTO webhook_attempts (delivery_id, attempt, started_at, duration_ms) VALUES ($1, 1, now(), 1)',
      [id],
    );
    return id;
  }

  const kept = async (): Promise<string[]> => {
    const rows: { id: string }[] = await node.dataSource.query('SELECT id FROM webhook_deliveries');
    return rows.map(({ id }) => id).sort();
  };

  it('forgets what ended long ago with its attempts, some at a time, and keeps what is pending', async () => {
    const present = [await ended(29.9), await ended(29.9, 'dead'), await ended(null)];
    for (const state of ['delivered', 'dead', 'delivered']) await ended(30.1, state);
    expect(await deliveries.forget(30, 2)).toBe(2);
    expect(await deliveries.forget(30, 2)).toBe(1);
    expect(await deliveries.forget(30, 2)).toBe(0);
    expect(await kept()).toEqual(present.sort());
    expect(await node.dataSource.query('SELECT FROM webhook_attempts')).toHaveLength(present.length);
  });

  it('counts an attempt once, whoever else has made it meanwhile', async () => {
    const { id } = await deliveries.create(account, 'whk_x', 'webhook.test');
    const log = { attempt: 1, startedAt: new Date(), durationMs: 5, status: 500, error: 'no', response: '' };
    const record = (attempt: number, state: 'pending' | 'delivered') =>
      node.database.transaction((tx) =>
        deliveries.recordAttempt(tx, id, { ...log, attempt }, { state, retryIn: 10, error: null }),
      );
    expect((await Promise.all([record(1, 'pending'), record(1, 'pending')])).sort()).toEqual([false, true]);
    expect(await record(3, 'pending')).toBe(false);
    expect(await record(2, 'delivered')).toBe(true);
    expect(await record(3, 'pending')).toBe(false); // it has ended
    expect((await deliveries.attempts(id)).map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('gives each recorded delivery to one relay only', async () => {
    const ids = await Promise.all(
      Array.from({ length: 40 }, async () => (await deliveries.create(account, 'whk_x', 'webhook.test')).id),
    );
    const take = () => node.database.transaction((tx) => deliveries.takeUnqueued(tx, 15));
    const taken = (await Promise.all([take(), take(), take(), take()])).flat();
    for (let more = await take(); more.length > 0; more = await take()) taken.push(...more);
    expect(taken.map(({ deliveryId }) => deliveryId).sort()).toEqual(ids.sort());
  });
});

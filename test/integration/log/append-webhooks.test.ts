import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';

/** What webhooks deliver is recorded by the statement that appends the message: both are there, or neither. */
describe('a message of an account that has webhooks', () => {
  let database: TestDatabase;
  let node: LogNode;
  let account: number;
  let recorded: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    node = await startLogNode(database.url);
  });
  afterAll(async () => {
    await node.close();
    await database.drop();
  });
  beforeEach(async () => {
    account = await anAccount(node);
    recorded = 0;
    node.subscriptions.replace([account]);
    node.subscriptions.onRecorded(() => recorded++);
    await endpoint('all');
  });

  function endpoint(id: string, enabled = true): Promise<unknown> {
    return node.dataSource.query(
      `INSERT INTO webhook_endpoints (id, account_id, url, description, events, secret, enabled)
       VALUES ($1, $2, 'https://example.com', '', '{message.received}', '', $3)`,
      [`${id}-${account}`, account, enabled],
    );
  }

  const deliveries = (): Promise<{ endpoint: string; seq: number }[]> =>
    node.dataSource.query(
      `SELECT split_part(endpoint_id, '-', 1) AS endpoint, seq FROM webhook_deliveries d
       WHERE account_id = $1 ORDER BY seq, endpoint_id`,
      [account],
    );

  const say = (user: string, fields: object = {}) =>
    node.appender.append(account, user, aMessage({ sender: 'user', ...fields }));

  it('is recorded for each endpoint that is enabled, once it is committed somebody is told', async () => {
    await endpoint('more');
    await endpoint('off', false);
    const { message } = await say('ann');
    expect(await deliveries()).toEqual([
      { endpoint: 'all', seq: message.seq },
      { endpoint: 'more', seq: message.seq },
    ]);
    expect(recorded).toBe(1);
    const [row] = await node.dataSource.query(
      'SELECT d.created_at = m.created_at AS same, d.state, d.queued FROM webhook_deliveries d JOIN messages m USING (user_id, seq) LIMIT 1',
    );
    expect(row).toEqual({ same: true, state: 'pending', queued: false });
  });

  it('is recorded whether its session is current, named, new or none; the assistant’s is not', async () => {
    const sessions = [undefined, undefined, 'one', 'one', 'two', undefined];
    for (const agentSessionId of sessions) {
      await say('ann', { agentSessionId });
      await node.appender.append(account, 'ann', aMessage({ agentSessionId }));
    }
    expect((await deliveries()).map(({ seq }) => seq)).toEqual([1, 3, 5, 7, 9, 11]);
  });

  it('in a batch with those of accounts that have none: each in its order, each once, only ours recorded', async () => {
    const other = await anAccount(node);
    const appends = Array.from({ length: 120 }, (_, index) => {
      const of = index % 2 ? account : other;
      return node.appender.append(of, `user-${index % 6}`, aMessage({ content: `${index}`, sender: 'user' }));
    });
    const written = (await Promise.all(appends)).map(({ message }) => message);
    for (const user of new Set(written.map(({ platform_user_id }) => platform_user_id))) {
      const own = written.filter(({ platform_user_id }) => platform_user_id === user);
      expect(own.map(({ seq }) => seq)).toEqual(own.map((_, index) => index + 1));
    }
    expect(await deliveries()).toHaveLength(60);
    expect(
      await node.dataSource.query('SELECT FROM webhook_deliveries WHERE account_id = $1', [other]),
    ).toEqual([]);
  });

  it('that is refused or repeated is not recorded', async () => {
    await say('ann', { clientMessageId: 'a', agentSessionId: 'hers' });
    await say('ann', { clientMessageId: 'a', agentSessionId: 'hers' });
    await expect(say('ann', { clientMessageId: 'a', content: 'other' })).rejects.toThrow();
    await expect(say('bob', { agentSessionId: 'hers' })).rejects.toThrow();
    expect(await deliveries()).toHaveLength(1);
  });

  it('is not recorded when its transaction is rolled back', async () => {
    await node.dataSource.query(
      'ALTER TABLE messages ADD CONSTRAINT no_poison CHECK (payload::text NOT LIKE $$%poison%$$)',
    );
    await say('ann');
    await expect(say('ann', { content: 'poison' })).rejects.toThrow();
    expect(await deliveries()).toHaveLength(1);
    await node.dataSource.query('ALTER TABLE messages DROP CONSTRAINT no_poison');
  });
});

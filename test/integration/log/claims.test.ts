import { join } from 'node:path';
import type { ClaimState } from '../../../src/log/claims.js';
import type { LogOwner } from '../../../src/log/log-types.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aKey, aMessage, anAccount, type LogNode, startLogNode } from '../../support/log-node.js';
import { startNode } from '../../support/process.js';

const DIST = join(import.meta.dirname, '../../../dist');
const ALICE = { connectionId: 'socket-alice', agentId: 'alice' };
const BOB = { connectionId: 'socket-bob', agentId: null };

describe('a claim on a session', () => {
  let database: TestDatabase;
  let nodes: [LogNode, LogNode];
  let account: number;
  let ann: LogOwner;

  beforeAll(async () => {
    database = await createTestDatabase();
    nodes = [await startLogNode(database.url), await startLogNode(database.url)];
  });
  beforeEach(async () => {
    account = await anAccount(nodes[0]);
    await nodes[0].appender.append(account, 'ann', aMessage({ sender: 'user', agentSessionId: 'one' }));
    ann = await nodes[0].users.ensure(account, 'ann');
    for (const { bus } of nodes) bus.rings.length = 0;
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await database.drop();
  });

  const [here, there] = [() => nodes[0], () => nodes[1]];
  const shown = async (): Promise<ClaimState | null | undefined> =>
    (await there().inbox.pendingOf(ann, 'one'))?.claim;
  /** A millisecond ago: times are kept in milliseconds, rounded. */
  const expire = (session = 'one') =>
    here().dataSource.query(
      `UPDATE claims SET expires_at = clock_timestamp() - interval '1 ms' WHERE user_id = $1 AND agent_session_id = $2`,
      [ann.userId, session],
    );
  const held = { code: 'resource_conflict', status: 409 };

  it('is seen by every node, until its end a lease from now, by the database’s clock', async () => {
    const nowOf = async () =>
      (
        await here().dataSource.query<{ now: number }[]>(
          'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
        )
      )[0]!.now;
    const before = await nowOf();
    const claim = await here().claims.claim(ann, 'one', ALICE);
    const after = await nowOf();
    expect(claim).toMatchObject({ holder: 'socket-alice', agentId: 'alice' });
    expect(claim.expiresAt).toBeGreaterThanOrEqual(before + 30_000);
    expect(claim.expiresAt).toBeLessThanOrEqual(after + 30_000);
    expect(await shown()).toEqual(claim);
  });

  it('is refused to everybody else, who is told whose it is', async () => {
    const { expiresAt } = await here().claims.claim(ann, 'one', ALICE);
    await expect(there().claims.claim(ann, 'one', BOB)).rejects.toMatchObject({
      ...held,
      details: {
        field: 'agent_session_id',
        agent_id: 'alice',
        expires_at: new Date(expiresAt).toISOString(),
      },
    });
    await expect(here().claims.claim(ann, 'one', BOB)).rejects.toMatchObject(held);
    expect(await shown()).toMatchObject({ holder: 'socket-alice' });
  });

  it('goes to one of many who want it at once', async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) => {
        const holder = { connectionId: `socket-${index}`, agentId: null };
        return nodes[index % 2]!.claims.claim(ann, 'one', holder);
      }),
    );
    const won = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    expect(won).toEqual([await shown()]);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject(held);
  });

  it('is renewed by its holder, also when it has run out and nobody took it', async () => {
    const first = await here().claims.claim(ann, 'one', ALICE);
    await here().dataSource.query(`UPDATE claims SET expires_at = expires_at - interval '10 s'`);
    const second = await there().claims.claim(ann, 'one', ALICE);
    expect(second.expiresAt).toBeGreaterThanOrEqual(first.expiresAt);
    await expire();
    expect(await shown()).toBeNull();
    await here().claims.claim(ann, 'one', ALICE);
    expect(await shown()).toMatchObject({ holder: 'socket-alice' });
  });

  it('that has run out is anybody’s, and no longer its holder’s', async () => {
    await here().claims.claim(ann, 'one', ALICE);
    await expire();
    await there().claims.claim(ann, 'one', BOB);
    await expect(here().claims.claim(ann, 'one', ALICE)).rejects.toMatchObject(held);
    expect(await here().claims.release(ann, 'one', ALICE.connectionId)).toBe(false);
    expect(await shown()).toMatchObject({ holder: 'socket-bob', agentId: null });
  });

  it('is released by its holder alone', async () => {
    await here().claims.claim(ann, 'one', ALICE);
    expect(await there().claims.release(ann, 'one', BOB.connectionId)).toBe(false);
    expect(await here().claims.release(ann, 'one', ALICE.connectionId)).toBe(true);
    expect(await here().claims.release(ann, 'one', ALICE.connectionId)).toBe(false);
    expect(await shown()).toBeNull();
    await there().claims.claim(ann, 'one', BOB);
  });

  it('ends with its connection, as do all others of it, and nobody else’s', async () => {
    const carol = { connectionId: 'socket-carol', agentId: 'carol' };
    const ben = await here().users.ensure(account, 'ben');
    await here().claims.claim(ann, 'one', carol);
    await here().claims.claim(ann, 'two', BOB);
    await here().claims.claim(ben, 'three', carol);
    const released = await here().claims.releaseAll(carol.connectionId);
    expect(released).toHaveLength(2);
    expect(released).toEqual(
      expect.arrayContaining([
        { owner: ann, agentSessionId: 'one' },
        { owner: ben, agentSessionId: 'three' },
      ]),
    );
    expect(await here().claims.releaseAll(carol.connectionId)).toEqual([]);
    await expect(there().claims.claim(ann, 'two', carol)).rejects.toMatchObject(held);
    await there().claims.claim(ann, 'one', BOB);
  });

  it('is announced when it begins or is released, and not when it is renewed', async () => {
    const ring = {
      ...{ kind: 'inbox', accountId: account, userId: ann.userId, platformUserId: 'ann' },
      ...{ agentSessionId: 'one', seq: null },
    };
    const { bus, claims } = here();
    const dave = { connectionId: 'socket-dave', agentId: null };
    await claims.claim(ann, 'one', dave);
    expect(bus.rings.splice(0)).toEqual([ring]);
    await claims.claim(ann, 'one', dave);
    await claims.claim(ann, 'one', BOB).catch(() => undefined);
    await claims.release(ann, 'one', BOB.connectionId);
    expect(bus.rings).toEqual([]);
    await claims.release(ann, 'one', dave.connectionId);
    expect(bus.rings.splice(0)).toEqual([ring]);
    await claims.claim(ann, 'one', dave);
    await claims.releaseAll(dave.connectionId);
    expect(bus.rings).toEqual([ring, ring]);
  });

  it('ends when the session is routed to another agent, and not when it is routed to its holder', async () => {
    const route = (agent_id: string | null) =>
      here().sessions.patch(aKey(account), 'one', { agent_id, context_mode: 'replace' });
    await here().claims.claim(ann, 'one', ALICE);
    await route('alice');
    await route(null);
    expect(await shown()).toMatchObject({ holder: 'socket-alice' });
    here().bus.rings.length = 0;
    await route('bob');
    expect(await shown()).toBeNull();
    expect(here().bus.rings).toMatchObject([{ kind: 'inbox', agentSessionId: 'one', seq: null }]);
    await here().claims.claim(ann, 'one', BOB); // an agent without a name
    await route('alice');
    expect(await shown()).toBeNull();
  });

  it('is refused to a node that is believed dead', async () => {
    const node = await startLogNode(database.url);
    await node.claims.claim(ann, 'one', ALICE);
    await node.registry.onModuleDestroy(); // its lease is gone, and with it the claim
    expect(await shown()).toBeNull();
    await expect(node.claims.claim(ann, 'one', ALICE)).rejects.toMatchObject({
      code: 'service_unavailable',
      retryAfter: 1,
    });
    await there().claims.claim(ann, 'one', BOB);
    await node.close();
  });

  it('ends with a node that is killed', async () => {
    const child = startNode(['--input-type=module', '-e', CLAIMING(DIST, database.url, ann)], {});
    await eventually(() => expect(child.output()).toContain('claimed'), { timeoutMs: 10_000 });
    expect(await shown()).toMatchObject({ holder: 'socket-of-the-dead' });
    await child.kill();
    await expect(there().claims.claim(ann, 'one', BOB)).rejects.toMatchObject(held);
    await eventually(async () => expect(await shown()).toBeNull(), { timeoutMs: 15_000, everyMs: 200 });
    await there().claims.claim(ann, 'one', BOB);
  }, 30_000);
});

/** A node that claims a session for five minutes, and lives until it is killed. */
const CLAIMING = (dist: string, url: string, owner: LogOwner): string => `
  const load = (path) => import('file://${dist}/' + path + '.js');
  const [{ createDataSource }, { Database }, { NodeRegistry }, { LocalBus }, { Fence }, { Claims }] = await Promise.all(
    ['database/data-source', 'database/database', 'nodes/node-registry', 'bus/local-bus', 'log/fence', 'log/claims'].map(load));
  const database = new Database(await createDataSource({ url: ${JSON.stringify(url)} }).initialize());
  const nodes = new NodeRegistry(database);
  await nodes.onModuleInit();
  const fence = new Fence(database, nodes, new LocalBus(), { CLAIM_LEASE_MS: 300000 });
  await new Claims(database, fence).claim(${JSON.stringify(owner)}, 'one', { connectionId: 'socket-of-the-dead', agentId: null });
  console.log('claimed');`;

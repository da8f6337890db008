import { setTimeout as delay } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aUserId, type PresenceNode, startPresenceNode } from './presence-node.js';

let database: TestDatabase;
let one: PresenceNode;
let two: PresenceNode;
beforeEach(async () => {
  database = await createTestDatabase();
  [one, two] = [await startPresenceNode(database.url), await startPresenceNode(database.url)];
});
afterEach(async () => {
  await Promise.all([one.close(), two.close()]);
  await database.drop();
});

const seenFrom = (node: PresenceNode, userId: number): Promise<number> =>
  node.repository.elsewhere(userId, node.nodes.id);
const expectSeen = (node: PresenceNode, userId: number, connections: number, timeoutMs = 5_000) =>
  eventually(async () => expect(await seenFrom(node, userId)).toBe(connections), { timeoutMs });
const rows = (): Promise<object[]> =>
  two.dataSource.query('SELECT user_id, node_id, connections FROM presence ORDER BY user_id, node_id');

it('Nodes hear of each other’s connections, and each knows its own at once', async () => {
  const user = aUserId();
  one.presence.set(user, 2);
  expect(one.presence.of(user)).toBe(2);
  await expectSeen(two, user, 2);
  expect(await seenFrom(one, user)).toBe(0);
  two.presence.set(user, 1);
  await expectSeen(one, user, 1);
  const third = await startPresenceNode(database.url);
  expect(await seenFrom(third, user)).toBe(3);
  await third.close();
  one.presence.set(user, 1);
  await expectSeen(two, user, 1);
  one.presence.set(user, 0);
  await expectSeen(two, user, 0);
  expect(one.presence.of(user)).toBe(0);
  expect(await rows()).toEqual([{ user_id: expect.anything(), node_id: two.nodes.id, connections: 1 }]);
});

it('Thousands who come or go at once are said in a few statements, and who came and went leaves no row', async () => {
  const users = Array.from({ length: 2500 }, aUserId);
  const fleeting = aUserId();
  users.forEach((user) => one.presence.set(user, 1));
  one.presence.set(fleeting, 1);
  one.presence.set(fleeting, 0);
  expect(one.repository.batches).toEqual([]); // nothing is written on the way of a connection
  await expectSeen(two, users.at(-1)!, 1);
  expect(one.repository.batches).toEqual([1000, 1000, 501]);
  expect(await rows()).toHaveLength(2500);
  users.forEach((user) => one.presence.set(user, 0));
  await eventually(async () => expect(await rows()).toEqual([]));
  expect(one.repository.batches).toHaveLength(6);
});

it('What a node has said counts no longer than its lease', async () => {
  const user = aUserId();
  one.presence.set(user, 1);
  await expectSeen(two, user, 1);
  // As if it had said nothing for five seconds; then it says again that it lives.
  await two.dataSource.query(
    "UPDATE nodes SET expires_at = clock_timestamp() - interval '1 ms' WHERE id = $1",
    [one.nodes.id],
  );
  expect(await seenFrom(two, user)).toBe(0);
  await expectSeen(two, user, 1);
});

it('A node that stops leaves nothing behind, also what it was just about to say', async () => {
  const [said, unsaid] = [aUserId(), aUserId()];
  one.presence.set(said, 1);
  await expectSeen(two, said, 1);
  one.presence.set(unsaid, 1);
  await one.leave();
  one.presence.set(unsaid, 2);
  expect(await rows()).toEqual([]);
  await delay(300); // three times as long as changes gather
  expect(await rows()).toEqual([]);
});

it('A node whose lease was gone says everything again, and what changed meanwhile', async () => {
  const [stays, leaves, comes] = [aUserId(), aUserId(), aUserId()];
  one.presence.set(stays, 3);
  one.presence.set(leaves, 1);
  await expectSeen(two, leaves, 1);
  await two.dataSource.query('DELETE FROM nodes WHERE id = $1', [one.nodes.id]);
  expect(await rows()).toEqual([]);
  one.presence.set(leaves, 0);
  one.presence.set(comes, 1);
  await expectSeen(two, stays, 3);
  await expectSeen(two, comes, 1);
  expect(await seenFrom(two, leaves)).toBe(0);
  expect(await rows()).toHaveLength(2);
});

it('What could not be said is said later', async () => {
  const user = aUserId();
  await two.dataSource.query('ALTER TABLE presence RENAME TO hidden');
  one.presence.set(user, 1);
  await eventually(() => expect(one.repository.batches).toEqual([1]));
  one.presence.set(user, 2);
  await delay(200);
  await two.dataSource.query('ALTER TABLE hidden RENAME TO presence');
  await expectSeen(two, user, 2);
});

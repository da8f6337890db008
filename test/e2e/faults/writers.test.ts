import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, type Recorder } from '../../support/socket.js';
import { wholeLog } from './load.js';

const WRITERS = 64;
/** Messages of each writer. */
const EACH = 32;
const USERS = 1_000;

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

const target = (user: string) => ({ url: node.url, key: node.key, user });

/** Heads and rows of all logs, counted by the database. */
const logs = () =>
  node.query(`
    SELECT u.platform_user_id AS user, u.head_seq::int AS head, u.message_count::int AS messages,
           u.unread_count::int AS unread, count(m.seq)::int AS rows, min(m.seq)::int AS first,
           max(m.seq)::int AS last, count(*) FILTER (WHERE m.sender <> 'user')::int AS to_read
    FROM platform_users u LEFT JOIN messages m ON m.user_id = u.id
    GROUP BY u.id`);

/** Writes one after the other; each answer must be a success, with a larger position than the one before. */
async function writeInTurn(count: number, write: (index: number) => Promise<any>): Promise<string[]> {
  const ids = [];
  for (let i = 0, last = 0; i < count; i++) {
    const { id, seq } = await write(i);
    expect(seq).toBeGreaterThan(last);
    last = seq;
    ids.push(id);
  }
  return ids;
}

const over = (device: Recorder) => async (text: string) => {
  const answer = await device.command('message:receive', { message: text });
  if (!answer.ok) throw new Error(JSON.stringify(answer.error));
  return answer.data;
};

it('64 writers on one user, over REST and sockets at once: one contiguous log, in commit order', async () => {
  const user = aUser();
  const auth = { api_key: node.key, platform_user_id: user };
  const observers = await Promise.all([1, 2, 3].map(() => node.device(user, auth)));
  const devices = await Promise.all(Array.from({ length: WRITERS / 2 }, () => node.device(user, auth)));
  let writing = true;
  const reader = (async () => {
    const seen: number[] = [];
    while (writing) {
      const path = `/v1/messages/all?platform_user_id=${user}&limit=200&after=${seen.length}`;
      seen.push(...(await node.ok('GET', path)).messages.map(({ seq }: any) => seq));
    }
    return seen;
  })();
  const written = await Promise.all([
    ...devices.map((device, w) => writeInTurn(EACH, (i) => over(device)(`socket ${w}, ${i}`))),
    ...devices.map((_, w) =>
      writeInTurn(EACH, (i) => (w % 2 ? node.send : node.receive)(user, `rest ${w}, ${i}`)),
    ),
  ]);
  writing = false;

  const log = await wholeLog(target(user));
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.map(({ id }) => id).sort()).toEqual(written.flat().sort());
  expect(log).toHaveLength(WRITERS * EACH);
  const early = await reader;
  expect(early).toEqual(early.map((_, index) => index + 1)); // nobody ever saw 6 before 5
  for (const device of [...observers, ...devices]) {
    await eventually(() => expect(device.events('message').length).toBeGreaterThanOrEqual(log.length));
    expect(device.events('message').map(({ id }) => id)).toEqual(log.map(({ id }) => id));
  }
  expect(await logs()).toEqual([
    expect.objectContaining({ user, head: log.length, messages: log.length, unread: log.length / 4 }),
  ]);
});

it('64 writers on 1,000 users, over REST and sockets at once: no error, no deadlock, all counts right', async () => {
  const users = Array.from({ length: USERS }, (_, i) => `${aUser()}-${i}`);
  const devices = await Promise.all(
    users
      .slice(0, WRITERS / 2)
      .map((user) => node.device(user, { api_key: node.key, platform_user_id: user })),
  );
  // Each REST writer goes through users in an order of its own, so that all meet all.
  const rest = Array.from({ length: WRITERS / 2 }, (_, w) => async () => {
    for (let i = w; i < 2 * USERS; i += WRITERS / 2) {
      const user = users[(i * 7 + w * 131) % USERS]!;
      await (i % 3 ? node.send : node.receive)(user, `writer ${w}, ${i}`);
    }
  });
  const sockets = devices.map(
    (device, w) => () => writeInTurn(EACH, (i) => over(device)(`socket ${w}, ${i}`)),
  );
  await Promise.all([...rest, ...sockets].map((write) => write()));

  const found = (await logs()).filter(({ user }) => users.includes(user));
  expect(found.reduce((sum, { rows }) => sum + rows, 0)).toBe(2 * USERS + (WRITERS / 2) * EACH);
  for (const { user, head, messages, unread, rows, first, last, to_read } of found) {
    expect([user, head, messages, rows, first]).toEqual([user, last, last, last, last === null ? null : 1]);
    expect([user, unread]).toEqual([user, to_read]);
  }
  for (const [index, device] of devices.entries()) {
    const log = await wholeLog(target(users[index]!));
    await eventually(() => expect(device.events('message').length).toBeGreaterThanOrEqual(log.length));
    expect(device.events('message')).toEqual(log);
  }
  const [{ deadlocks }] = await node.query(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(deadlocks).toBe(0);
  expect(node.server.output()).not.toMatch(/"level":[56]0/);
});

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { startNode, type TestProcess } from '../../support/process.js';
import { startServer, type TestServer } from '../../support/server.js';
import { wholeLog } from './load.js';
import { quietPort } from './port.js';

const ROOT = join(__dirname, '../../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
/** Whom the lines in the README follow. */
const USER = 'user123';
const MOST_LINES = 11;

const key = `key-for-the-readme-${randomBytes(8).toString('hex')}`;
let database: TestDatabase;
let port: string;
let server: TestServer;
let client: TestProcess | undefined;

const start = (PORT: string) =>
  startServer({
    databaseUrl: database.url,
    env: { BOOTSTRAP_API_KEY: key, RATE_LIMIT_PER_HOUR: '0', RECONCILE_INTERVAL_MS: '200', PORT },
  });

beforeAll(async () => {
  database = await createTestDatabase();
  port = await quietPort();
  server = await start(port);
});
afterAll(async () => {
  await client?.kill();
  await server?.kill();
  await database?.drop();
});

function linesOfCode(): string {
  const section = /### From Node\.js\n([\s\S]*?)\n### /.exec(README)?.[1] ?? '';
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(section) ?? [];
  expect(code).toContain("from 'socket.io-client'");
  expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(MOST_LINES);
  return code;
}

async function send(text: string, url = server.url): Promise<any> {
  const body = { platform_user_id: USER, message: { payload: { content: text } } };
  const answer = await call(url, 'POST', '/v1/message/send', { credential: key, body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body;
}

/** An answer in pieces. */
async function stream(deltas: string[]): Promise<any> {
  const lines = [{ platform_user_id: USER }, ...deltas.map((delta) => ({ delta }))];
  const response = await fetch(`${server.url}/v1/message/stream`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
    body: lines.map((line) => JSON.stringify(line)).join('\n'),
  });
  expect(response.status).toBe(201);
  return response.json();
}

/** What the lines print of messages: position, sender, content. */
const printed = () =>
  client
    ?.output()
    .split('\n')
    .filter((line) => /^\d/.test(line)) ?? [];

it('The ten lines of the README follow the log through servers that are killed, stopped and started', async () => {
  await send('before it came'); // without a position it starts at the present
  const env = { PARLEY_URL: server.url, PARLEY_API_KEY: key };
  client = startNode(['--input-type=module', '-e', linesOfCode()], env, { cwd: ROOT });
  await eventually(
    async () => {
      await send('are you there?');
      expect(printed()).not.toEqual([]);
    },
    { timeoutMs: 10_000, everyMs: 100 },
  );
  for (const end of [() => server.kill(), () => server.stop()]) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => send(`under way ${i}`)));
    await end();
    const elsewhere = await start('0'); // the client cannot know this one: it is away while this is written
    for (let i = 0; i < 5; i++) await send(`while it was away ${i}`, elsewhere.url);
    await elsewhere.stop();
    server = await start(port);
    const last = await send('back again');
    await eventually(() => expect(printed().at(-1)).toBe(`${last.seq} assistant back again`), {
      timeoutMs: 15_000,
    });
  }
  const streamed = await stream(['It will ', 'arrive.']);
  await eventually(() => expect(printed().at(-1)).toBe(`${streamed.seq} assistant It will arrive.`));
  const log = await wholeLog({ url: server.url, key, user: USER });
  const lines = log.map(({ seq, payload }) => `${seq} ${payload.sender} ${payload.content}`);
  const [first = ''] = printed();
  expect(Number(first.split(' ')[0])).toBeGreaterThan(1);
  expect(printed()).toEqual(lines.slice(lines.indexOf(first)));
}, 60_000);

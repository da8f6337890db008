import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { urlOf } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { AgentProcesses } from './agents.js';
import { Cluster } from './cluster.js';
import { expectNoFaults } from './expect-no-faults.js';
import { chooseSeed } from './random.js';
import { RestClient } from './rest-client.js';

const AGENTS = 10;
const SESSIONS = 1_000;
const WRITERS = 12;
const SECONDS = 30;
const KILL_AGENT_EVERY_MS = 1_000;
const KILL_NODE_EVERY_MS = 10_000;
/** How long agents may take to answer what is left when all faults are over: leases of nodes, and anti-entropy. */
const SETTLE_LIMIT_MS = 60_000;

let cluster: Cluster;
let agents: AgentProcesses;
let database: pg.Client;

beforeAll(async () => {
  cluster = await Cluster.start({ seed: chooseSeed(), bus: 'postgres' });
  database = new pg.Client({ connectionString: urlOf(cluster.postgres.connection) });
  await database.connect();
}, 60_000);
afterAll(async () => {
  await agents?.close();
  await database?.end();
  await cluster?.remove();
});

it('Ten agents of one account and 1,000 sessions, agents and nodes killed with -9: each message is answered once', async () => {
  agents = new AgentProcesses(cluster, AGENTS);
  const end = Date.now() + SECONDS * 1_000;
  const [written] = await Promise.all([
    write(end),
    every(KILL_AGENT_EVERY_MS, end, () => agents.killOne()),
    every(KILL_NODE_EVERY_MS, end, () => cluster.random.pick(cluster.nodes).killAndRestart()),
  ]);
  cluster.history.note(`${written.length} messages written`);
  await cluster.ready();
  await eventually(async () => expect(await count('SELECT count(*) FROM inbox')).toBe(0), {
    timeoutMs: SETTLE_LIMIT_MS,
    everyMs: 200,
  }).catch((error: unknown) => cluster.history.note(`it did not come to rest: ${String(error)}`));
  cluster.history.note('at rest');
  cluster.history.note(`agents said:\n${withoutCuts(agents.output()).slice(-3_000)}`);
  expectNoFaults(cluster, [...(await faults(new Set(written))), ...agents.falls(), ...cluster.falls()]);
  expect(written.length).toBeGreaterThanOrEqual(SESSIONS);
  expect(cluster.history.count('agent')).toBeGreaterThanOrEqual(SECONDS / 2);
  expect(cluster.history.count('node')).toBeGreaterThanOrEqual(2);
}, 150_000);

/** Messages of the users of all sessions, each session one at least, until the end. @returns their ids */
async function write(end: number): Promise<string[]> {
  const ids: string[] = [];
  let next = 0;
  const writer = async (): Promise<void> => {
    const random = cluster.random.fork();
    const client = new RestClient(cluster.key, () => random.pick(cluster.nodes).url, random);
    while (next < SESSIONS || Date.now() < end) {
      const index = next++;
      const user = index < SESSIONS ? index : random.integer(0, SESSIONS - 1);
      const { id } = await client.ask('POST', '/v1/message/receive', {
        platform_user_id: `user-${user}`,
        agent_session_id: `session-${user}`,
        message: 'a question',
        client_message_id: `question-${index}`,
      });
      ids.push(id);
    }
    expect(client.faults).toEqual([]);
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return ids;
}

async function every(ms: number, end: number, work: () => Promise<void>): Promise<void> {
  for (await delay(ms); Date.now() < end; await delay(ms)) await work();
}

/** What agents said but that their connections broke, which they do all the time here. */
function withoutCuts(output: string): string {
  return output.replace(/^.*socket has been disconnected\n/gm, '');
}

interface Answer {
  answered: string;
  /** How it came to be, for whoever reads of a fault. */
  story: string;
}

/** Each message of a user must have exactly one whole answer. Those that were broken off are none: their agent died. */
async function faults(written: ReadonlySet<string>): Promise<string[]> {
  const answers = new Map<string, string[]>();
  const { rows } = await database.query<Answer>(
    `SELECT json_array_elements_text(metadata->'answers') AS answered,
       concat_ws(' ', 'seq', seq, 'changed at', updated_seq, 'created', created_at, 'of', metadata) AS story
     FROM messages WHERE sender = 'assistant' AND status = 'complete' ORDER BY user_id, seq`,
  );
  for (const { answered, story } of rows) answers.set(answered, [...(answers.get(answered) ?? []), story]);
  const faults = [...answers].flatMap(([id, stories]) =>
    stories.length > 1 ? [`${id} was answered ${stories.length} times: ${stories.join('; ')}`] : [],
  );
  for (const id of answers.keys())
    if (!written.has(id)) faults.push(`${id} was answered, and nobody wrote it`);
  for (const id of written) if (!answers.has(id)) faults.push(`${id} was never answered`);
  return faults;
}

async function count(sql: string): Promise<number> {
  return Number((await database.query<{ count: string }>(sql)).rows[0]?.count);
}

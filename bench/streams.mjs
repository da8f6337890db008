/**
 * `node bench/streams.mjs`: many answers that arrive in pieces at once. Starts a server with an embedded PostgreSQL of its
 * own, as `npm run bench` does. Agents write over the socket, each piece as the one before was acknowledged or after
 * `--pause`, whichever is later; a device of each user listens. Prints how long the first piece takes from the agent's
 * `message:append` to the device, how long all pieces take, and how many pieces and events there are in a second.
 *
 * Options: --streams N (200), --seconds N (10), --pause MS (20), --characters N (12) of each piece.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const key = 'bench-key-0123456789abcdefghijklmnopqrstuv';
const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    pause: { type: 'string', default: '20' },
    characters: { type: 'string', default: '12' },
  },
});
const [streams, seconds, pause, characters] = ['streams', 'seconds', 'pause', 'characters'].map((name) =>
  Number(values[name]),
);
/** Streams that share the connection of one agent. */
const STREAMS_PER_AGENT = 20;
/** Pieces of one answer; then another begins. */
const PIECES = 50;

const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'));
const server = spawn(process.execPath, [join(root, 'dist/main.js')], {
  env: {
    ...process.env,
    ...{ PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir, DATABASE_URL: '', BOOTSTRAP_API_KEY: key },
    ...{ RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0', LOG_LEVEL: 'warn', NODE_ENV: 'production' },
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});

const firsts = [];
const lasts = [];
let pieces = 0;
let events = 0;
let wrong = 0;

try {
  const url = await address();
  const agents = await Promise.all(
    Array.from({ length: Math.ceil(streams / STREAMS_PER_AGENT) }, () =>
      connect(`${url}/agents`, { api_key: key }),
    ),
  );
  const users = Array.from({ length: streams }, (_, index) => `user-${index}`);
  const devices = await Promise.all(
    users.map((platform_user_id) => connect(url, { api_key: key, platform_user_id })),
  );
  const end = performance.now() + seconds * 1000;
  const began = performance.now();
  await Promise.all(
    users.map((user, index) => speak(agents[index % agents.length], user, devices[index], end)),
  );
  const took = (performance.now() - began) / 1000;
  for (const socket of [...agents, ...devices]) socket.disconnect();
  console.log(
    `Node ${process.versions.node}, ${cpus().length} cores, ${streams} streams, a piece of ${characters} characters every ${pause} ms each\n`,
  );
  const row = {
    answers: lasts.length,
    'pieces/s': Math.round(pieces / took),
    'deltas/s': Math.round(events / took),
    'first delta p50 ms': percentile(firsts, 0.5),
    'first delta p99 ms': percentile(firsts, 0.99),
    'finish p50 ms': percentile(lasts, 0.5),
    'finish p99 ms': percentile(lasts, 0.99),
    wrong,
  };
  for (const [name, value] of Object.entries(row)) console.log(`${name.padEnd(20)} ${value}`);
} finally {
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  await rm(dataDir, { recursive: true, force: true });
}

/** One answer after the other, until time is up. */
async function speak(agent, platform_user_id, device, end) {
  await delay(Math.random() * pause * PIECES); // not all of them in step
  while (performance.now() < end) await answer(agent, platform_user_id, device);
}

async function answer(agent, platform_user_id, device) {
  const { message_id } = await command(agent, 'message:start', { platform_user_id });
  let heard = '';
  let startedAt;
  const onDelta = ({ message_id: id, offset, delta }) => {
    if (id !== message_id) return;
    events++;
    if (offset === 0) firsts.push(performance.now() - startedAt);
    if (offset !== heard.length) wrong++;
    heard += delta;
  };
  device.on('message:delta', onDelta);
  let text = '';
  startedAt = performance.now();
  for (let i = 0; i < PIECES; i++) {
    const delta = `${String(i)} `.padEnd(characters, 'x');
    const [{ offset }] = await Promise.all([
      command(agent, 'message:append', { message_id, offset: text.length, delta }),
      delay(pause),
    ]);
    text += delta;
    pieces++;
    if (offset !== text.length) wrong++;
  }
  const finishedAt = performance.now();
  const finished = new Promise((resolve) => {
    const onUpdated = (message) => {
      if (message.id !== message_id) return;
      device.off('message:updated', onUpdated);
      resolve(message);
    };
    device.on('message:updated', onUpdated);
  });
  await command(agent, 'message:finish', { message_id });
  const message = await finished;
  lasts.push(performance.now() - finishedAt);
  device.off('message:delta', onDelta);
  if (message.payload.content !== text || !text.startsWith(heard)) wrong++;
}

async function command(socket, name, body) {
  const answer = await socket.timeout(10_000).emitWithAck(name, body);
  if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

function connect(url, auth) {
  return new Promise((resolve, reject) => {
    const socket = io(url, { auth, forceNew: true, transports: ['websocket'], reconnection: false });
    socket.once('ready', () => resolve(socket));
    socket.once('connect_error', reject);
  });
}

function address() {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (chunk) => {
      said += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
      if (found) resolve(found[0]);
    });
    server.once('exit', () => reject(new Error(`the server did not start: ${said}`)));
  });
}

function percentile(numbers, part) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return (sorted[Math.ceil(sorted.length * part) - 1] ?? NaN).toFixed(1);
}

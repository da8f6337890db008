/**
 * `npm run bench`: what this machine's Parley carries, as a table. Starts a server with an embedded PostgreSQL of its own
 * in a temporary directory, loads it with autocannon, and removes everything afterwards. Rate limits are off.
 *
 * Options: --seconds N (10), --connections N (32), --help.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { io } from 'socket.io-client';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const key = 'bench-key-0123456789abcdefghijklmnopqrstuv';
const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '32' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  console.log(`usage: npm run bench -- [options]
  --seconds N      how long each of five measurements lasts, after 2 s of warm-up (10)
  --connections N  connections that load the server at once (32)`);
  process.exit();
}
const duration = Number(values.seconds);
const connections = Number(values.connections);
const USERS = 1000;
const PUSH_RATE = 200;
const TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(4).slice(0, 150);

const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'));
const server = spawn(process.execPath, [join(root, 'dist/main.js')], {
  env: {
    ...process.env,
    ...{ PORT: '0', HOST: '127.0.0.1', DATA_DIR: dataDir, DATABASE_URL: '', BOOTSTRAP_API_KEY: key },
    ...{ RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0', LOG_LEVEL: 'warn', NODE_ENV: 'production' },
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});

try {
  const url = await address();
  const rows = [
    await measure('POST /v1/message/receive', posts(url, '/v1/message/receive', receiveBody)),
    await measure('POST /v1/message/send', posts(url, '/v1/message/send', sendBody)),
    await measure('GET /v1/messages/unread', reads(url, '/v1/messages/unread')),
    await measure('GET /v1/messages/all', reads(url, '/v1/messages/all')),
  ];
  console.log(
    `Node ${process.versions.node}, ${cpus().length} cores, ${connections} connections, ${duration} s each\n`,
  );
  print(['call', 'answers/s', 'p50 ms', 'p99 ms', 'errors'], rows);
  print(['push', 'rate/s', 'p50 ms', 'p99 ms', 'lost'], [await push(url)]);
} finally {
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  await rm(dataDir, { recursive: true, force: true });
}

function address() {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (chunk) => {
      said += chunk;
      const found = /listening on (http:\/\/\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

function receiveBody(user) {
  return { platform_user_id: user, message: TEXT };
}

function sendBody(user) {
  return { platform_user_id: user, message: { payload: { content: TEXT } } };
}

function posts(url, path, body) {
  let i = 0;
  const setupRequest = (request) => ({ ...request, body: JSON.stringify(body(`user-${i++ % USERS}`)) });
  return { url, requests: [{ method: 'POST', path, headers, setupRequest }] };
}

function reads(url, path) {
  let i = 0;
  const setupRequest = (request) => ({ ...request, path: `${path}?platform_user_id=user-${i++ % USERS}` });
  return { url, requests: [{ method: 'GET', path, headers, setupRequest }] };
}

async function measure(name, options) {
  await autocannon({ ...options, connections, duration: 2 }); // warm-up
  const result = await autocannon({ ...options, connections, duration });
  const { latency, requests, non2xx, errors } = result;
  return [name, Math.round(requests.average), latency.p50, latency.p99, non2xx + errors];
}

/** Sends at a fixed rate to users who are connected, and times each message from its request to its push. */
async function push(url) {
  const users = Array.from({ length: 100 }, (_, index) => `push-${index}`);
  const sent = new Map();
  const latencies = [];
  const sockets = await Promise.all(users.map((user) => subscribe(url, user, sent, latencies)));
  const end = Date.now() + duration * 1000;
  for (let i = 0; Date.now() < end; i++) {
    const marker = `${i}:${TEXT}`;
    sent.set(marker, performance.now());
    void fetch(`${url}/v1/message/send`, {
      ...{ method: 'POST', headers },
      body: JSON.stringify({
        platform_user_id: users[i % users.length],
        message: { payload: { content: marker } },
      }),
    });
    await new Promise((resolve) => setTimeout(resolve, 1000 / PUSH_RATE));
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  sockets.forEach((socket) => socket.close());
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(latencies.length * share)]?.toFixed(1);
  return ['send → device', Math.round(latencies.length / duration), at(0.5), at(0.99), sent.size];
}

function subscribe(url, user, sent, latencies) {
  const auth = { api_key: key, platform_user_id: user };
  const socket = io(url, { auth, transports: ['websocket'], forceNew: true });
  socket.on('message', ({ payload }) => {
    const start = sent.get(payload.content);
    if (start !== undefined && sent.delete(payload.content)) latencies.push(performance.now() - start);
  });
  return new Promise((resolve) => socket.once('ready', () => resolve(socket)));
}

function print(head, rows) {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => String(row[column]).length)),
  );
  const line = (row) => `| ${row.map((cell, column) => String(cell).padEnd(widths[column])).join(' | ')} |`;
  console.log(
    [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line), ''].join(
      '\n',
    ),
  );
}

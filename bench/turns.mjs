/**
 * Scenario G (two nodes, the message on one and the sockets on the other) for several builds that are up at once and asked
 * by turns, so that the machine's hour is the same for all. Uses the load harness (../shared/bench, set up by its setup.sh)
 * with its PostgreSQL and Redis; each build needs `npm run build`.
 *   node bench/turns.mjs peer=tuned before=/path/of/a/checkout after=. after-redis=.,redis
 * Each is NAME=DIR or NAME=DIR,redis, or NAME=tuned for the harness's *tuned, redis adapter, batch*. The first is what the
 * others are compared with. Options: --seconds N (120), --slice N (1000 ms), --harness DIR, --help.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '120' },
    slice: { type: 'string', default: '1000' },
    harness: {
      type: 'string',
      default: join(process.env.BENCH_STATE ?? join(tmpdir(), 'gateway-bench'), 'bench'),
    },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help || positionals.length === 0) {
  console.log(`usage: node bench/turns.mjs [options] NAME=WHAT …
Compares builds of two nodes each (messages go to one, devices listen on the other): all are up at once and are loaded by
turns, in random order. Prints messages pushed a second, with their ratio to those of the first one named, and CPU a message.
  NAME=DIR         a checkout after npm run build, nodes that meet in PostgreSQL
  NAME=DIR,redis   the same, nodes that meet in Redis
  NAME=tuned       the load harness's hand-written peer (tuned, redis adapter, batch)
  --seconds N      how long all of it lasts after a warm-up, in seconds (120)
  --slice N        how long each turn lasts, in milliseconds (1000)
  --harness DIR    where the load harness's setup.sh has put it and started its PostgreSQL and Redis
                   ($BENCH_STATE/bench; without that variable ${join(tmpdir(), 'gateway-bench/bench')})
example: node bench/turns.mjs peer=tuned before=../parley-before after=. after-redis=.,redis`);
  process.exit(values.help ? 0 : 2);
}
const slice = Number(values.slice);
const USERS = Array.from({ length: 100 }, (_, i) => `user-${i}`);
const CONCURRENCY = 32;
const WARM_UP = 4000;
const FIRST_PORT = 5000;
const KEY = `bench_${'k'.repeat(40)}`;

const load = (path) => import(pathToFileURL(join(values.harness, path)).href);
const { Pool } = await load('lib/rawhttp.mjs');
const { openSubs } = await load('lib/subs.mjs');
const { cpu } = await load('lib/proc.mjs');
const { text } = await load('lib/common.mjs');
const { gateway, peer, state } = await load('targets/_gateway.mjs');
const { sql } = await load('targets/_pg.mjs');

const nodes = [];
process.once('exit', () => nodes.forEach((node) => node.kill('SIGKILL')));
const pairs = [];
for (const [index, positional] of positionals.entries()) pairs.push(await start(positional, index));
for (const pair of pairs) await turn(pair, WARM_UP);
for (const end = performance.now() + Number(values.seconds) * 1000; performance.now() < end;)
  for (const pair of shuffled(pairs)) pair.turns.push(await turn(pair, slice));

const [first] = pairs;
console.table(
  Object.fromEntries(
    pairs.map((pair) => [
      pair.name,
      {
        'pushed/s': Math.round(perSecond(pair)),
        ratio: round(perSecond(pair) / perSecond(first)),
        'median ratio': round(median(pair.turns.map(rate)) / median(first.turns.map(rate))),
        'writing node, µs a message': round(perMessage(pair, 'writing'), 1),
        receiving: round(perMessage(pair, 'receiving'), 1),
        database: round(perMessage(pair, 'database'), 1),
        Redis: round(perMessage(pair, 'redis'), 1),
      },
    ]),
  ),
);
process.exit();

/** Two nodes with a database of their own, and a device of each user on the first. */
async function start(positional, index) {
  const [name, where] = positional.split('=');
  const [directory, bus] = where.split(',');
  const urls = [0, 1].map((i) => `http://127.0.0.1:${FIRST_PORT + 2 * index + i}`);
  const side = directory === 'tuned' ? await tuned() : await parley(directory, bus, `turns_${index}`);
  const [receiving, writing] = urls.map((url) => {
    const env = { ...process.env, ...side.env, PORT: new URL(url).port };
    const node = spawn(process.execPath, [side.main], {
      cwd: side.cwd,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    nodes.push(node);
    return node;
  });
  for (const url of urls) await ready(url + side.ready);
  const pair = { name, make: side.make, turns: [], sent: 0, pushed: 0, pushedAt: 0, receiving, writing };
  const onEvent = () => {
    pair.pushed++;
    pair.pushedAt = performance.now();
  };
  const target = { socket: side.socket, baseUrls: urls, baseUrl: urls[0] };
  const { failed } = await openSubs(target, USERS, { node: 0, onEvent });
  if (failed) throw new Error(`${name}: ${failed} devices could not connect`);
  return Object.assign(pair, { http: new Pool(urls[1], CONCURRENCY) });
}

async function tuned() {
  await sql('TRUNCATE messages');
  const { send, socket } = gateway({ name: 'tuned', port: 0, nodes: 2 });
  const env = { NODES: '2', ADAPTER: 'redis', MODE: 'batch' };
  const make = (i, user) => send({ user, text: text(i) });
  return { main: 'main.mjs', cwd: peer('tuned'), env, ready: '/', socket, make };
}

async function parley(directory, bus, database) {
  await sql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  await sql(`CREATE DATABASE ${database}`);
  const url = new URL(process.env.HARNESS_PG ?? 'postgres://postgres@127.0.0.1:54329/bench');
  url.pathname = `/${database}`;
  const env = {
    ...{ HOST: '127.0.0.1', DATABASE_URL: url.href, BOOTSTRAP_API_KEY: KEY, NODE_ENV: 'production' },
    ...{ RATE_LIMIT_PER_HOUR: '0', USER_RATE_LIMIT_PER_HOUR: '0', LOG_LEVEL: 'warn' },
    ...(bus === 'redis' && { REDIS_URL: 'redis://127.0.0.1:54339' }),
  };
  const headers = { authorization: `Bearer ${KEY}` };
  const make = (i, platform_user_id) => {
    const message = { payload: { content: text(i), sender: 'assistant' }, metadata: { k: 'v' } };
    return { method: 'POST', path: '/v1/message/send', headers, body: { platform_user_id, message } };
  };
  const forUser = (user) => ({ auth: { api_key: KEY, platform_user_id: user } });
  const socket = { kind: 'socket.io', event: 'message', forUser };
  return { main: 'dist/main.js', cwd: resolve(directory), env, ready: '/health/ready', socket, make };
}

async function ready(url) {
  for (let attempt = 0; ; attempt++) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 599,
    );
    if (status < 500) return;
    if (attempt === 600) throw new Error(`${url} is not ready`);
    await delay(100);
  }
}

/** So many requests at once for so many milliseconds, and what it took until all of them were pushed. */
async function turn(pair, milliseconds) {
  const before = costs(pair);
  const pushed = pair.pushed;
  const began = performance.now();
  let ok = 0;
  const ask = async () => {
    while (performance.now() < began + milliseconds) {
      const i = ++pair.sent;
      const { status, body } = await pair.http.request(pair.make(i, USERS[i % USERS.length]));
      if (status === 201) ok++;
      else throw new Error(`${pair.name}: ${status} ${body}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, ask));
  const answered = performance.now();
  for (let wait = 0; pair.pushed < pushed + ok; wait++) {
    if (wait === 2000) throw new Error(`${pair.name}: ${pair.pushed - pushed} of ${ok} were pushed`);
    await delay(5);
  }
  const after = costs(pair);
  const spent = Object.fromEntries(Object.keys(after).map((who) => [who, after[who] - before[who]]));
  return { messages: ok, seconds: (Math.max(answered, pair.pushedAt) - began) / 1000, spent };
}

/** CPU so far, in microseconds: all threads of a process. */
function costs({ writing, receiving }) {
  const threads = (pid) =>
    readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + nanoseconds(pid, thread) / 1000, 0);
  const redis = Number(readFileSync(state('redis.pid'), 'utf8'));
  const postmaster = Number(readFileSync(join(state('pgdata'), 'postmaster.pid'), 'utf8').split('\n')[0]);
  return {
    writing: threads(writing.pid),
    receiving: threads(receiving.pid),
    redis: threads(redis),
    database: cpu(postmaster) * 1e6,
  };
}

function nanoseconds(pid, thread) {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    return 0; // it has just ended
  }
}

function perSecond({ turns }) {
  return sum(turns, ({ messages }) => messages) / sum(turns, ({ seconds }) => seconds);
}

function perMessage({ turns }, who) {
  return sum(turns, ({ spent }) => spent[who]) / sum(turns, ({ messages }) => messages);
}

function rate({ messages, seconds }) {
  return messages / seconds;
}

function sum(list, of) {
  return list.reduce((total, one) => total + of(one), 0);
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function shuffled(list) {
  return list
    .map((one) => [Math.random(), one])
    .sort(([a], [b]) => a - b)
    .map(([, one]) => one);
}

function round(number, digits = 2) {
  return Number(number.toFixed(digits));
}

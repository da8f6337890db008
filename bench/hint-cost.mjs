/**
 * What it costs a node to hear a hint of a user whom nobody on it follows, over the PostgreSQL bus: the share that grows
 * with everybody's traffic (bench/model.mjs). Needs `npm run build`; starts an embedded PostgreSQL in a temporary directory.
 *   node bench/hint-cost.mjs
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { packHints, readHint, unpackHints, writeHint } from '../dist/bus/hint-text.js';
import { openEmbeddedDatabase } from '../dist/database/embedded/open.js';
import { JsonText } from '../dist/kernel/json-text.js';

const HINTS = 60_000;
const BATCH = 100;
const MOST_BYTES = 7999;
const content = 'The quick brown fox jumps over the lazy dog. '.repeat(4).slice(0, 150);
const message = {
  id: 'msg_5bvtt5rs15t000000002',
  platform_user_id: 'user123',
  agent_session_id: 'session123',
};
const payload = { content, sender: 'assistant', attachments: [] };
const times = { created_at: '2026-11-23T10:00:00.000Z', updated_at: '2026-11-23T10:00:00.000Z' };
const data = { ...message, seq: 2, updated_seq: 2, payload, metadata: {}, status: 'complete', ...times };
const state = { seq: 2, read_seq: 0, unread_count: 2 };
const hint = {
  kind: 'log',
  userId: 1,
  entries: [{ seq: 2, event: 'message', data: JsonText.write(data) }],
  state,
  read: false,
};

const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'));
await chmod(dataDir, 0o755); // as root, PostgreSQL's own account must get in
const database = await openEmbeddedDatabase({ dataDir, purpose: 'server' });
try {
  const sender = new pg.Client(database.connection);
  const listener = new pg.Client(database.connection);
  await Promise.all([sender.connect(), listener.connect()]);
  // each of its own: PostgreSQL sends the same text once for each transaction
  const hints = Array.from({ length: BATCH }, (_, i) => writeHint(`nod_${100 + i}`, hint, MOST_BYTES));
  const batch = packHints(hints, MOST_BYTES);
  await costOfSending(sender, batch); // warms up
  const sending = await costOfSending(sender, batch); // nobody listens yet
  let heard = 0;
  let unknown = 0;
  const all = new Promise((resolve) => {
    listener.on('notification', ({ payload }) => {
      for (const text of unpackHints(payload)) {
        if (readHint(text) === undefined) unknown++;
        if (++heard === HINTS) resolve();
      }
    });
  });
  await listener.query('LISTEN parley');
  const both = await costOfSending(sender, batch, all);
  if (unknown > 0) throw new Error(`${unknown} of ${HINTS} were no hints`);
  console.log(`a hint of ${Buffer.byteLength(hints[0])} bytes, in batches of ${BATCH}:`);
  console.log(`  sending it: ${sending.toFixed(1)} µs of the node's CPU`);
  console.log(`  hearing it, and letting it be: ${(both - sending).toFixed(1)} µs`);
  await Promise.all([sender.end(), listener.end()]);
} finally {
  await database.stop();
  await rm(dataDir, { recursive: true, force: true });
}

/** CPU of this process for each hint, in microseconds. */
async function costOfSending(client, batch, done = Promise.resolve()) {
  const before = process.cpuUsage();
  const query = 'SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload';
  for (let sent = 0; sent < HINTS; sent += BATCH)
    await client.query({ name: 'notify', text: query, values: ['parley', batch] });
  await done;
  const { user, system } = process.cpuUsage(before);
  return (user + system) / HINTS;
}

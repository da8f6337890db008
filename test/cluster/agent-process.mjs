/**
 * An agent of its own process, made to be killed: it answers whatever it is told, one session at a time, and says in the
 * answer's metadata which messages it answers. Arguments: the addresses of the nodes, the API key, a seed.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { io } from 'socket.io-client';

const [, , addresses, api_key, seed] = process.argv;
const urls = addresses.split(',');
/** Park and Miller's minimal standard generator. */
let state = (Number(seed) % 2147483646) + 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
const anyUrl = () => `${urls[Math.floor(random() * urls.length)]}/agents`;

/** The most that it thinks, twice. */
const WORK_MS = 100;
const ANSWER_LIMIT_MS = 3_000;

const socket = io(anyUrl(), {
  auth: { api_key },
  transports: ['websocket'],
  reconnectionDelay: 100,
  reconnectionDelayMax: 500,
});
socket.io.on('reconnect_attempt', () => Object.assign(socket.io, { uri: anyUrl() }));
socket.on('disconnect', (reason) => reason === 'io server disconnect' && socket.connect());
socket.on('connect_error', (error) => error.data && console.log('refused', JSON.stringify(error.data)));

/** What waits, by session, as it was told last. */
const waiting = new Map();
socket.on('inbox', ({ session, messages }) => {
  const { agent_session_id: id, platform_user_id: user } = session;
  const isBusy = waiting.has(id);
  waiting.set(id, { user, messages });
  if (!isBusy) void serve(id);
});

async function serve(id) {
  try {
    for (let done = 0; ;) {
      const { user, messages } = waiting.get(id);
      const open = messages.filter(({ seq }) => seq > done);
      if (open.length === 0) return;
      await delay(random() * WORK_MS);
      done = open.at(-1).seq;
      await ways[Math.floor(random() * ways.length)](id, user, open, done);
    }
  } catch (error) {
    if (error.code !== 'resource_conflict') console.log(`${id}: ${error.code ?? error.message}`);
  } finally {
    waiting.delete(id); // whatever still waits is told again
  }
}

const answerTo = (open) => ({ answers: open.map(({ id }) => id) });

const claim = (agent_session_id) => command('session:claim', { agent_session_id });

const send = (id, user, open, up_to_seq) =>
  command('message:send', {
    platform_user_id: user,
    message: { payload: { content: 'an answer' }, agent_session_id: id, metadata: answerTo(open) },
    client_message_id: randomUUID(),
    since_seq: open[0].seq,
    up_to_seq,
  });

async function stream(id, user, open, up_to_seq) {
  const told = { since_seq: open[0].seq, up_to_seq };
  const start = { platform_user_id: user, agent_session_id: id, metadata: answerTo(open), ...told };
  const { message_id } = await command('message:start', { ...start, client_message_id: randomUUID() });
  let offset = 0;
  for (const delta of ['an ', 'answer ', 'in pieces']) {
    ({ offset } = await command('message:append', { message_id, offset, delta }));
    await delay(random() * 20);
  }
  await command('message:finish', { message_id, offset });
}

/** Claims first: most of ten who are told do no work then. */
const claimed = (answer) => async (id, user, open, up_to_seq) => {
  await claim(id);
  await delay(random() * WORK_MS);
  await answer(id, user, open, up_to_seq);
  if (random() < 0.5) await command('session:release', { agent_session_id: id });
};

/** Or simply answers: the first who does has claimed the session by it. */
const ways = [claimed(send), claimed(stream), claimed(send), claimed(stream), send, stream];

/** @throws what it was refused with, or that no answer came */
async function command(event, body) {
  const answer = await socket.timeout(ANSWER_LIMIT_MS).emitWithAck(event, body);
  if (!answer.ok) throw Object.assign(new Error(answer.error.message), answer.error);
  return answer.data;
}

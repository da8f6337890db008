/**
 * An agent that answers with a language model: any endpoint that speaks OpenAI's chat completions. It streams what the
 * model says, word by word. Run as many as you like: a session is answered by one of them.
 *
 *   npm install socket.io-client eventsource-parser
 *   export PARLEY_API_KEY=… MODEL=…        a key with the scope `agent`; the model's name
 *   export OPENAI_BASE_URL=… OPENAI_API_KEY=…
 *   node examples/openai-agent.mjs
 *
 * PARLEY_URL is http://127.0.0.1:3000 and OPENAI_BASE_URL https://api.openai.com/v1 unless they are set. SYSTEM_PROMPT
 * tells the model what to do. AGENT_ID makes it take the sessions that are routed to that agent, too.
 */
import { randomUUID } from 'node:crypto';
import { TextDecoderStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { io } from 'socket.io-client';

const { PARLEY_URL = 'http://127.0.0.1:3000', PARLEY_API_KEY, AGENT_ID } = process.env;
const {
  OPENAI_BASE_URL = 'https://api.openai.com/v1',
  OPENAI_API_KEY = '',
  MODEL,
  SYSTEM_PROMPT,
} = process.env;
if (!PARLEY_API_KEY || !MODEL) {
  console.error('usage: PARLEY_API_KEY=… MODEL=… OPENAI_API_KEY=… node examples/openai-agent.mjs');
  process.exit(1);
}

/** How many messages of a session the model is given. */
const HISTORY = 50;
/** How often an answer is begun before the session is left to others. */
const ATTEMPTS = 3;
/** When a session that could not be answered is tried again: the server tells us of it again only after a reconnect. */
const TRY_AGAIN_AFTER_MS = Number(process.env.TRY_AGAIN_AFTER_MS ?? 60_000);
/** What a model refuses for good: a repeat changes nothing, other settings may. */
const REFUSED_BY_MODEL = [400, 401, 403, 404, 422];
/** Without a sign of life a claim lasts 30 s, and so does an answer, unless the server is set otherwise. */
const RENEW_EVERY_MS = 10_000;
/** An offset beyond every text. */
const ENDED = Infinity;
const REPEAT_LATER = ['service_unavailable', 'internal_error', 'rate_limit_exceeded'];

const auth = { api_key: PARLEY_API_KEY, ...(AGENT_ID && { agent_id: AGENT_ID }) };
const socket = io(`${PARLEY_URL}/agents`, { auth });

/** The position up to which we were told, of each session that we are answering. */
const told = new Map();
/** What ends the model's answer, by message_id. */
const answering = new Map();

socket.on('ready', ({ pending }) => console.log(`connected to ${PARLEY_URL}, ${pending} sessions wait`));
socket.on('inbox', ({ session, messages }) => {
  const { agent_session_id: id } = session;
  const isBusy = told.has(id); // then it is the next answer's, or a repeat after a reconnect
  told.set(id, Math.max(told.get(id) ?? 0, messages.at(-1).seq));
  if (!isBusy) void serve(session);
});
/** Tries a session again, unless something new in it was faster. */
function tryAgain(session, upTo) {
  if (told.has(session.agent_session_id)) return;
  told.set(session.agent_session_id, upTo);
  void serve(session);
}
socket.on('message:stop', ({ message_id }) => answering.get(message_id)?.abort());

/** Answers a session until nothing waits in it. */
async function serve(session) {
  const { agent_session_id } = session;
  try {
    for (let answered = 0; told.get(agent_session_id) > answered;) answered = await answer(session);
  } catch (error) {
    if (error.code === 'resource_conflict')
      console.log(`left ${agent_session_id} to others: ${error.message}`);
    else {
      console.error(`${agent_session_id}: ${error.message}; tried again in ${TRY_AGAIN_AFTER_MS / 1000} s`);
      socket.emit('session:release', { agent_session_id }); // meanwhile others may
      setTimeout(tryAgain, TRY_AGAIN_AFTER_MS, session, told.get(agent_session_id));
    }
  } finally {
    told.delete(agent_session_id);
  }
}

/** One answer to all that waits. @returns the position up to which it is one */
async function answer({ agent_session_id, platform_user_id }) {
  // From here on the session is ours alone. A refusal says that another agent has it.
  await command('session:claim', { agent_session_id });
  const renewal = setInterval(
    () => socket.volatile.emit('session:claim', { agent_session_id }),
    RENEW_EVERY_MS,
  );
  try {
    for (let attempt = 1; ; attempt++) {
      const upTo = told.get(agent_session_id);
      try {
        const history = await historyOf(agent_session_id);
        const last = history.at(-1);
        const up_to_seq = Math.max(upTo, last?.seq ?? 0);
        if (last?.payload.sender === 'user')
          await stream({ agent_session_id, platform_user_id, up_to_seq }, history);
        else await command('inbox:ack', { agent_session_id, up_to_seq }); // deleted, or answered by a person
        return up_to_seq;
      } catch (error) {
        if (error.code === 'resource_conflict' || error.isForGood || attempt === ATTEMPTS) throw error;
        console.error(`${agent_session_id}, attempt ${attempt}: ${error.message}`);
        await delay(1000 * attempt);
      }
    }
  } finally {
    clearInterval(renewal);
  }
}

/** What was said, oldest first, without answers that never came to their end. */
async function historyOf(agent_session_id) {
  const path = `/v1/sessions/${encodeURIComponent(agent_session_id)}/messages?order=desc&limit=${HISTORY}`;
  const response = await fetch(PARLEY_URL + path, { headers: { authorization: `Bearer ${PARLEY_API_KEY}` } });
  if (!response.ok) throw new Error(`the history answered ${response.status}: ${await response.text()}`);
  const { messages } = await response.json();
  const isSaid = ({ status, deleted_at }) => ['complete', 'cancelled'].includes(status) && !deleted_at;
  return messages.reverse().filter(isSaid);
}

/**
 * Passes on what the model says while it says it. Should we die, or the model's connection break, the answer ends as
 * `incomplete`, and the session waits again.
 */
async function stream(start, history) {
  const model = new AbortController();
  let text = '';
  let isRead = false;
  const reading = (async () => {
    for await (const delta of completion(history, model.signal)) text += delta;
  })();
  reading.catch(() => undefined).finally(() => (isRead = true)); // its failure is seen below

  const client_message_id = randomUUID(); // a start whose answer was lost is repeated, and begins nothing new
  let message_id;
  let offset = 0;
  let saidAt = 0;
  let ended;
  const isQuiet = () => message_id && !model.signal.aborted && Date.now() > saidAt + RENEW_EVERY_MS;
  try {
    while (!ended) {
      if (offset < text.length || isQuiet()) {
        message_id ??= (await command('message:start', { ...start, client_message_id })).message_id;
        answering.set(message_id, model);
        saidAt = Date.now(); // also with an empty piece: it says that we are still there
        offset = await append(message_id, offset, text.slice(offset));
        if (offset === ENDED) model.abort();
      } else if (!isRead) await delay(20);
      else {
        if (!model.signal.aborted) await reading;
        if (!message_id) throw new Error('the model said nothing');
        ({ ended, offset } = await finish(message_id, model.signal.aborted ? undefined : text.length));
      }
    }
    if (ended.status === 'incomplete') throw new Error('the server has not heard of us for too long');
    console.log(`${ended.status}: ${start.agent_session_id}, ${text.length} characters`);
  } finally {
    model.abort();
    answering.delete(message_id);
  }
}

/** @returns where the next piece begins: after a reconnect that may be further back, for a server may have lost some */
async function append(message_id, offset, delta) {
  try {
    return (await command('message:append', { message_id, offset, delta })).offset;
  } catch (error) {
    const { details } = error;
    if (details?.status) return ENDED; // by its user, or because we were silent for too long
    if (details?.offset === undefined) throw error;
    return details.offset;
  }
}

/** @param length of the whole text; nothing: it is not whole @returns the message as it ended, or where to go on */
async function finish(message_id, length) {
  const end = length === undefined ? { status: 'cancelled' } : { status: 'complete', offset: length };
  for (;;) {
    try {
      return { ended: await command('message:finish', { message_id, ...end }) };
    } catch (error) {
      if (error.details?.offset !== undefined) return { offset: error.details.offset };
      // After a reconnect the claim may still be our former connection's. Should another agent have it, we yield.
      if (error.details?.expires_at === undefined) throw error;
      await delay(500);
    }
  }
}

/** Pieces of what the model says. @throws when it does not come to its end */
async function* completion(history, signal) {
  const roles = history.map(({ payload: { sender, content } }) => ({ role: sender, content }));
  const messages = [...(SYSTEM_PROMPT ? [{ role: 'system', content: SYSTEM_PROMPT }] : []), ...roles];
  const response = await fetch(`${OPENAI_BASE_URL}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPENAI_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, messages, stream: true }),
    signal,
  });
  if (!response.ok) throw await refusalOf(response);
  const events = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  let isWhole = false;
  for await (const { data } of events) {
    if (data === '[DONE]') return;
    const [choice] = JSON.parse(data).choices;
    if (choice?.delta?.content) yield choice.delta.content;
    isWhole ||= Boolean(choice?.finish_reason);
  }
  if (!isWhole) throw new Error('the model broke off');
}

/** What the model said instead of an answer, and whether it will say so again. */
async function refusalOf(response) {
  const isForGood = REFUSED_BY_MODEL.includes(response.status);
  const hint = isForGood ? ', and will again: see OPENAI_BASE_URL, OPENAI_API_KEY and MODEL' : '';
  const message = `the model answered ${response.status}${hint}: ${(await response.text()).trim()}`;
  return Object.assign(new Error(message), { isForGood });
}

/** Sends a command until it is answered: each of them is safe to repeat. @throws what it was refused with */
async function command(event, data) {
  for (;;) {
    const answer = await socket
      .timeout(10_000)
      .emitWithAck(event, data)
      .catch(() => undefined);
    if (answer?.ok) return answer.data;
    if (answer && !REPEAT_LATER.includes(answer.error.code))
      throw Object.assign(new Error(answer.error.message), answer.error);
    await delay(1000);
  }
}

// The client connects again by itself when a connection breaks, but not when the server ended or refused it.
socket.on('disconnect', (reason) => {
  console.log('disconnected:', reason);
  if (!socket.active) connectAgain();
});
socket.on('connect_error', ({ message, data }) => {
  console.error('not connected:', data?.code ?? `${PARLEY_URL}: ${message}`);
  if (socket.active) return;
  if (REPEAT_LATER.includes(data?.code)) connectAgain();
  else process.exit(1); // a repeat would be refused as well
});

function connectAgain() {
  setTimeout(() => socket.connect(), 1000 + Math.random() * 2000);
}

/**
 * An agent that says what it hears. It is told of each session in which something waits, until it has answered.
 *
 *   export PARLEY_API_KEY=…                a key with the scope `agent`
 *   node examples/echo-agent.mjs
 *
 * PARLEY_URL is http://127.0.0.1:3000 unless it is set.
 */
import { io } from 'socket.io-client';

const { PARLEY_URL = 'http://127.0.0.1:3000', PARLEY_API_KEY } = process.env;
const socket = io(`${PARLEY_URL}/agents`, { auth: { api_key: PARLEY_API_KEY } });

socket.on('inbox', async ({ session: { platform_user_id, agent_session_id }, messages }) => {
  const content = messages.map(({ payload }) => payload.content).join('\n');
  const message = { agent_session_id, payload: { content: `You said: ${content}` } };
  const told = { since_seq: messages[0].seq, up_to_seq: messages.at(-1).seq }; // what comes later waits on
  const { ok, error } = await socket.emitWithAck('message:send', { platform_user_id, message, ...told });
  console.log(ok ? `answered ${agent_session_id}` : `left ${agent_session_id}: ${error.message}`);
});
socket.on('ready', ({ pending }) => console.log(`connected to ${PARLEY_URL}, ${pending} sessions wait`));

// A broken connection comes back by itself, one that the server ended or refused (`data` says why) does not.
const connectLater = () => setTimeout(() => socket.connect(), 2000);
socket.on('disconnect', () => socket.active || connectLater());
socket.on('connect_error', ({ message, data }) => {
  console.error('not connected:', data?.code ?? `${PARLEY_URL}: ${message}`);
  if (data?.code === 'service_unavailable') connectLater();
  else if (!socket.active) process.exitCode = 1; // a repeat would be refused as well
});

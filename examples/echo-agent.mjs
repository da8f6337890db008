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
  const { seq: up_to_seq } = messages.at(-1); // what it answers to; what comes later waits on
  const { ok, error } = await socket.emitWithAck('message:send', { platform_user_id, message, up_to_seq });
  console.log(ok ? `answered ${agent_session_id}` : error);
});
socket.on('connect_error', ({ message, data }) => console.error('not connected:', data?.code ?? message));

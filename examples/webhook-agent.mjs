/**
 * An agent that is not connected: Parley calls it with each message of a user (a webhook), and it answers over REST.
 *
 *   npm install standardwebhooks
 *   export PARLEY_API_KEY=…                a key with the scope `agent`
 *   export PARLEY_WEBHOOK_SECRET=whsec_…   as `POST /v1/webhooks` answered with this program's address as `url`
 *   node examples/webhook-agent.mjs
 *
 * A server on your own machine posts to http://127.0.0.1:8080 only if it was started with WEBHOOK_ALLOW_PRIVATE_TARGETS=on.
 *
 * It listens on PORT, 8080 unless it is set. PARLEY_URL is http://127.0.0.1:3000 unless it is set.
 */
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const {
  PARLEY_URL = 'http://127.0.0.1:3000',
  PARLEY_API_KEY,
  PARLEY_WEBHOOK_SECRET,
  PORT = '8080',
} = process.env;
if (!PARLEY_API_KEY || !PARLEY_WEBHOOK_SECRET) {
  console.error('usage: PARLEY_API_KEY=… PARLEY_WEBHOOK_SECRET=whsec_… node examples/webhook-agent.mjs');
  process.exit(1);
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const ATTEMPTS = 5;
const webhook = receiverOf(PARLEY_WEBHOOK_SECRET);

const server = createServer(async (request, response) => {
  try {
    const event = webhook.verify(await bodyOf(request), request.headers); // throws unless Parley has signed it
    response.writeHead(204).end(); // at once: what takes long is done afterwards
    if (event.type === 'message.received') await answer(event.data, request.headers['webhook-id']);
    else console.log(`${event.type} arrived`); // webhook.test
  } catch (error) {
    const isUnsigned = error instanceof WebhookVerificationError;
    console.error(
      isUnsigned ? `refused: ${error.message}. Is PARLEY_WEBHOOK_SECRET this webhook's?` : error.message,
    );
    if (!response.headersSent) response.writeHead(400).end();
  }
});
server.listen(Number(PORT), () => console.log(`listening on port ${server.address().port}`));

/** Checks signatures with a secret. Ends the program when that is none. */
function receiverOf(secret) {
  try {
    return new Webhook(secret);
  } catch {
    console.error(
      'PARLEY_WEBHOOK_SECRET is not a secret of a webhook: whsec_ and base64, as it was answered',
    );
    process.exit(1);
  }
}

/** The body as it came: the signature is of its bytes. */
async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    if ((bytes += chunk.length) > MAX_BODY_BYTES) throw new Error('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The same event may come twice. Its id makes the answer safe to repeat: it is written once. */
async function answer({ message, session }, webhookId) {
  const { platform_user_id, agent_session_id } = session;
  const payload = { content: `You said: ${message.payload.content}` };
  const body = {
    platform_user_id,
    message: { agent_session_id, payload },
    client_message_id: `answer-${webhookId}`,
  };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const response = await send(body);
    if (response?.ok) return console.log(`answered ${agent_session_id}`);
    if (response && response.status < 500 && response.status !== 429)
      throw new Error(`${response.status} ${await response.text()}`);
    await delay(1000 * 2 ** attempt);
  }
  throw new Error(`no answer to ${agent_session_id}: Parley cannot be reached`);
}

/** @returns nothing when the connection failed */
function send(body) {
  return fetch(`${PARLEY_URL}/v1/message/send`, {
    method: 'POST',
    headers: { authorization: `Bearer ${PARLEY_API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => undefined);
}

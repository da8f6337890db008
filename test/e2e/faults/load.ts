import { setTimeout as delay } from 'node:timers/promises';
import { call } from '../../support/http.js';
import { dial, type Recorder } from '../../support/socket.js';

/** A message that the server has answered for. */
export interface Acknowledged {
  id: string;
  seq: number;
  content: string;
}

/** Writes until told to stop, whatever happens to the server. */
export interface Writer {
  /** One for each message that it began to write. */
  readonly acknowledged: Acknowledged[];
  /** Statuses of all answers over REST, and error codes of all acknowledgements. */
  readonly answers: (number | string)[];
  /** Finishes the message under way, however long that takes. */
  stop(): Promise<void>;
}

export interface Target {
  url: string;
  key: string;
  user: string;
}

const RETRY_MS = 20;
const ACK_LIMIT_MS = 2_000;
const RECONNECT = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100 };

/** Repeats each message with the same `client_message_id` until it is answered, as the README advises. */
function startWriter(
  name: string,
  write: (text: string, answers: Writer['answers']) => Promise<any>,
): Writer {
  const acknowledged: Acknowledged[] = [];
  const answers: Writer['answers'] = [];
  let stopping = false;
  const writing = (async () => {
    for (let i = 0; !stopping; i++) {
      const content = `${name} ${i}`;
      for (;;) {
        const message = await write(content, answers).catch(() => undefined);
        if (message) {
          acknowledged.push({ id: message.id, seq: message.seq, content });
          break;
        }
        await delay(RETRY_MS);
      }
    }
  })();
  return {
    acknowledged,
    answers,
    stop: () => {
      stopping = true;
      return writing;
    },
  };
}

/** Over REST, in turn as the user and as the assistant. */
export function restWriter({ url, key, user }: Target, name: string): Writer {
  return startWriter(name, async (text, answers) => {
    const asUser = { platform_user_id: user, message: text };
    const asAgent = { platform_user_id: user, message: { payload: { content: text } } };
    const [path, body] = /[02468]$/.test(text) ? ['receive', asUser] : ['send', asAgent];
    const answer = await call(url, 'POST', `/v1/message/${path}`, {
      credential: key,
      body: { ...body, client_message_id: text },
    });
    answers.push(answer.status);
    if (answer.status === 503 && !answer.headers.has('retry-after')) answers.push('503 without Retry-After');
    return answer.status < 300 ? answer.body : undefined;
  });
}

/** Over a stock socket that reconnects by itself. */
export function socketWriter({ url, key, user }: Target, name: string): Writer {
  const { socket } = dial(url, { api_key: key, platform_user_id: user }, RECONNECT);
  return startWriter(name, async (text, answers) => {
    const body = { message: text, client_message_id: text };
    const answer = await socket.timeout(ACK_LIMIT_MS).emitWithAck('message:receive', body);
    answers.push(answer.ok ? 'ok' : answer.error.code);
    return answer.ok ? answer.data : undefined;
  });
}

/** A client as the README teaches it, from the beginning of the log. Its `message` events are what it has seen. */
export function rememberingClient({ url, key, user }: Target): Recorder {
  let position: { after: number; epoch?: string } = { after: 0 };
  const recorder = dial(url, {}, RECONNECT);
  recorder.socket.auth = (send: (auth: object) => void) =>
    send({ api_key: key, platform_user_id: user, ...position });
  recorder.socket.onAny((_, { seq = 0, updated_seq = 0 }) => {
    position = { ...position, after: Math.max(position.after, seq, updated_seq) };
  });
  recorder.socket.on('ready', ({ seq, epoch }) => (position = { after: seq, epoch }));
  return recorder;
}

/** The same over Server-Sent Events: what it has seen, through all breaks. */
export function rememberingStream(target: Target): { seen: any[]; stop(): Promise<void> } {
  const seen: any[] = [];
  const abort = new AbortController();
  const position = { lastEventId: '0' };
  const following = (async () => {
    while (!abort.signal.aborted)
      await followOnce(target, position, abort.signal, (message) => seen.push(message)).catch(() =>
        delay(RETRY_MS),
      );
  })();
  return {
    seen,
    stop: () => {
      abort.abort();
      return following;
    },
  };
}

async function followOnce(
  { url, key, user }: Target,
  position: { lastEventId: string },
  signal: AbortSignal,
  onMessage: (message: unknown) => void,
): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, 'last-event-id': position.lastEventId };
  const response = await fetch(`${url}/v1/stream?platform_user_id=${user}`, { signal, headers });
  if (!response.ok) throw new Error(await response.text());
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    const blocks = (text + decoder.decode(chunk, { stream: true })).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      position.lastEventId = /^id: (.*)$/m.exec(block)?.[1] ?? position.lastEventId;
      if (/^event: message$/m.test(block)) onMessage(JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? ''));
    }
  }
}

/** A platform user's whole history, page by page. */
export async function wholeLog({ url, key, user }: Target): Promise<any[]> {
  const messages: any[] = [];
  for (let after: number | null = 0; after !== null;) {
    const path = `/v1/messages/all?platform_user_id=${user}&limit=200&after=${after}`;
    const { status, body, text } = await call(url, 'GET', path, { credential: key });
    if (status !== 200) throw new Error(text);
    messages.push(...body.messages);
    after = body.next_after;
  }
  return messages;
}

/** Every message that was answered for is in the log once, under its number, and nothing else is. */
export function expectExactlyThese(log: any[], writers: Writer[]): void {
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
  const inLog = log.map(({ id, seq, payload }) => ({ id, seq, content: payload.content as string }));
  const acknowledged = writers.flatMap((writer) => writer.acknowledged);
  expect(inLog).toEqual(acknowledged.toSorted((a, b) => a.seq - b.seq));
}

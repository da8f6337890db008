import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request for an answer. */
export interface Asked {
  readonly headers: IncomingMessage['headers'];
  /** As OpenAI's chat completions have it. */
  readonly body: { model: string; stream: boolean; messages: { role: string; content: string }[] };
  /** Whether the client went away before the end. */
  isAborted: boolean;
}

/** An endpoint that speaks OpenAI's chat completions over real HTTP, and says what a test wants. */
export interface FakeModel {
  /** What goes into OPENAI_BASE_URL. */
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Answers stop in their middle, or where only their end is missing, until {@link release}. */
  hold(where?: 'middle' | 'end'): void;
  release(): void;
  /** Connections break in the middle of the next answers, so many of them. */
  breakNext(answers: number): void;
  /** The next request is refused with this status. */
  refuseNext(status: number): void;
  stop(): Promise<void>;
}

/** What it says to a text: long enough for some pieces, and not only ASCII. */
export function saidTo(text: string): string {
  return `You asked “${text}”. Naïve me 🤖 says: ${'one more word, '.repeat(20)}and that is all.`;
}

/** Bytes of one write: odd, so that characters and lines of the stream are torn. */
const CHUNK = 37;

export async function startModel(): Promise<FakeModel> {
  const asked: Asked[] = [];
  let broken = 0;
  let refusal: number | undefined;
  let open = (): void => undefined;
  const gates = new Map<string, Promise<void>>();

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked['body'];
    const one: Asked = { headers: request.headers, body, isAborted: false };
    asked.push(one);
    response.once('close', () => (one.isAborted = !response.writableFinished));
    if (refusal !== undefined) {
      response.writeHead(refusal).end('no such key');
      refusal = undefined;
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const [part, place] of partsOf(saidTo(body.messages.at(-1)?.content ?? ''))) {
      for (let at = 0; at < part.length && !response.destroyed; at += CHUNK) {
        response.write(part.subarray(at, at + CHUNK));
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (place === 'middle' && broken > 0) {
        broken--;
        response.destroy();
        return;
      }
      if (gates.has(place)) await gates.get(place);
    }
    response.end();
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    hold: (where = 'middle') => {
      gates.set(where, new Promise((resolve) => (open = resolve)));
    },
    release: () => {
      gates.clear();
      open();
    },
    breakNext: (answers) => (broken = answers),
    refuseNext: (status) => (refusal = status),
    stop: async () => {
      open();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What it sends, in parts that lead up to its middle, to its end, and over. */
function partsOf(text: string): [Buffer, string][] {
  const words = text.split(/(?<= )/).map((content) => ({ delta: { content }, finish_reason: null }));
  const middle = words.length / 2;
  const choices = [{ delta: { role: 'assistant' } }, ...words.slice(0, middle)];
  return [
    [Buffer.from(choices.map(eventOf).join('')), 'middle'],
    [Buffer.from(words.slice(middle).map(eventOf).join('')), 'end'],
    [Buffer.from(`${eventOf({ delta: {}, finish_reason: 'stop' })}data: [DONE]\n\n`), 'over'],
  ];
}

function eventOf(choice: object): string {
  return `: a comment\n\ndata: ${JSON.stringify({ choices: [{ index: 0, ...choice }] })}\n\n`;
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface Received {
  headers: Record<string, string>;
  /** The raw body, which is what was signed. */
  text: string;
  body: any;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

/** Says how the next request is answered; a promise keeps it waiting. */
export type Behaviour = (request: Received) => Reply | Promise<Reply>;

/** An HTTP server that webhooks are delivered to, and what it has received. */
export interface Receiver {
  readonly url: string;
  readonly requests: Received[];
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** Answers 200 until it is told otherwise. */
export async function startReceiver(): Promise<Receiver> {
  const requests: Received[] = [];
  let behaviour: Behaviour = () => ({});
  const server = createServer((request, response) => void serve(request, response));
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = await read(request);
    requests.push(received);
    const { status = 200, headers, body = '' } = await behaviour(received);
    response.writeHead(status, headers).end(body);
  };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    requests,
    behave: (next) => void (behaviour = next),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { headers: request.headers as Record<string, string>, text, body: JSON.parse(text) };
}

import { type ClientRequest, request } from 'node:http';

/** What a streaming request was answered with. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: any;
}

/** A request whose body is written piece by piece. */
export interface StreamingRequest {
  /** Writes text as it is. */
  write(text: string): void;
  /** Writes values as lines of JSON. */
  lines(...values: unknown[]): void;
  end(): void;
  /** Breaks the connection. */
  destroy(): void;
  /** Rejects when the connection breaks before there is an answer. */
  readonly answer: Promise<StreamAnswer>;
  readonly raw: ClientRequest;
}

/** `POST /v1/message/stream`, with the body still to be written. */
export function openStreamingRequest(
  url: string,
  key: string,
  {
    type = 'application/x-ndjson',
    query = {},
    headers = {},
  }: { type?: string; query?: object; headers?: object } = {},
): StreamingRequest {
  const path = `/v1/message/stream?${new URLSearchParams(query as Record<string, string>).toString()}`;
  const raw = request(new URL(path, url), {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${key}`, 'content-type': type, ...headers },
  });
  const answer = new Promise<StreamAnswer>((resolve, reject) => {
    raw.on('error', reject);
    raw.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) }),
      );
    });
  });
  answer.catch(() => undefined);
  raw.flushHeaders();
  return {
    write: (text) => void raw.write(text),
    lines: (...values) => void raw.write(values.map((value) => `${JSON.stringify(value)}\n`).join('')),
    end: () => void raw.end(),
    destroy: () => void raw.destroy(),
    answer,
    raw,
  };
}

/** The text that a device has put together from the pieces of one message; throws at a gap or an overlap. */
export function joined(deltas: readonly any[], messageId: string): string {
  let text = '';
  for (const { message_id, offset, delta } of deltas) {
    if (message_id !== messageId) continue;
    if (offset !== text.length) throw new Error(`a piece at ${offset}, where ${text.length} was next`);
    text += delta;
  }
  return text;
}

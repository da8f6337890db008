import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { eventually } from '../../support/eventually.js';

/** One event of a stream, as it came. */
export interface StreamEvent {
  event: string;
  /** Undefined when it has none. */
  id: string | undefined;
  data: any;
}

/** A client of `GET /v1/stream` that keeps what it receives. */
export interface EventStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Everything as it came. */
  text(): string;
  /** Every whole event so far. */
  received(): StreamEvent[];
  /** Data of each event of this name so far. */
  events(name: string): any[];
  /** Waits until so many events of this name have come, and gives the data of the last of them. */
  nth(name: string, count: number, timeoutMs?: number): Promise<any>;
  /** Resolves when the stream is over: whether it was ended properly. */
  readonly ended: Promise<'ended' | 'broken'>;
  /** Goes away without a word. */
  abort(): void;
}

export interface StreamOptions {
  credential?: string;
  headers?: Record<string, string>;
}

const open = new Set<EventStream>();

/** Ends what {@link openStream} opened: for `afterEach`. */
export function abortStreams(): void {
  for (const stream of open) stream.abort();
  open.clear();
}

/** Opens a stream on a connection of its own, and waits for the head of the answer. */
export async function openStream(
  url: string,
  query: Record<string, string | number>,
  { credential, headers }: StreamOptions = {},
): Promise<EventStream> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  const authorization = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { agent: false, headers: { ...authorization, ...headers } };
    get(`${url}/v1/stream?${search.toString()}`, options, resolve).once('error', reject);
  });
  const stream = streamOf(response);
  open.add(stream);
  return stream;
}

function streamOf(response: IncomingMessage): EventStream {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => (text += chunk));
  response.on('error', () => undefined); // told by `ended`
  const ended = new Promise<'ended' | 'broken'>((resolve) => {
    response.once('close', () => resolve(response.complete ? 'ended' : 'broken'));
  });
  const received = () => parseEvents(text);
  const events = (name: string): any[] =>
    received()
      .filter(({ event }) => event === name)
      .map(({ data }) => data);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: () => text,
    received,
    events,
    nth: (name, count, timeoutMs = 5_000) =>
      eventually(
        () => {
          const found = events(name);
          if (found.length < count) throw new Error(`${found.length} of ${count} ${name} came:\n${text}`);
          return found[count - 1];
        },
        { timeoutMs },
      ),
    ended,
    abort: () => void response.destroy(),
  };
}

/** HTML Living Standard, section 9.2.6, as far as the server uses it. */
export function parseEvents(text: string): StreamEvent[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const fields = new Map(
      block
        .split('\n')
        .filter((line) => !line.startsWith(':'))
        .map((line) => /^(\w+):? ?(.*)$/s.exec(line) ?? [])
        .map(([, name, value]) => [name, value] as const),
    );
    const data = fields.get('data');
    if (data === undefined) return [];
    return [{ event: fields.get('event') ?? 'message', id: fields.get('id'), data: JSON.parse(data) }];
  });
}

/** What a call answered. */
export interface Answer {
  status: number;
  body: any;
  headers: Headers;
  /** The body as it came. */
  text: string;
}

export interface CallOptions {
  /** API key or user token. */
  credential?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** One HTTP call; a body is sent as JSON, a `Blob` as it is. */
export async function call(
  url: string,
  method: string,
  path: string,
  { credential, body, headers }: CallOptions = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
      ...(body !== undefined && !(body instanceof Blob) && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: body instanceof Blob ? body : JSON.stringify(body) }),
  });
  const text = await textOf(response);
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

/** An event stream has no end: what came until it says `ready`. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response.text();
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (/^event: ?ready$/m.test(text) && text.endsWith('\n\n')) break;
    }
  } catch {
    // the server ended it in the middle
  }
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import type { OpenAPIObject } from '@nestjs/swagger';
import { type Operation, operationsOf } from './operations.js';

interface Header {
  readonly description: string;
  readonly schema: { readonly type: 'integer' | 'string' };
  readonly example: string | number;
}

const number = (description: string, example: number): Header => ({
  description,
  schema: { type: 'integer' },
  example,
});
const text = (description: string, example: string): Header => ({
  description,
  schema: { type: 'string' },
  example,
});

/** On every answer. */
const ALWAYS = {
  'X-Request-Id': text(
    "On every answer: the caller's own, or a new one.",
    '0b5e2f3c-7d0a-4d5c-9d55-6f6f0c1f2a10',
  ),
};

/** On every answer to a call that counts. */
const LIMITED = {
  'X-RateLimit-Limit': number('On every answer to a call that counts: requests per hour.', 300),
  'X-RateLimit-Remaining': number('What is left of them.', 299),
  'X-RateLimit-Reset': number('When it is whole again, in Unix seconds.', 1795428000),
  'RateLimit-Policy': text('The same (draft-ietf-httpapi-ratelimit-headers).', '"default";q=300;w=3600'),
  RateLimit: text('The same (draft-ietf-httpapi-ratelimit-headers).', '"default";r=299;t=3600'),
};

const RETRY = { 'Retry-After': number('Seconds after which a repeat may succeed.', 12) };
const REPLAY = { 'Idempotent-Replayed': text('`true`: this repeats an earlier answer.', 'true') };

/**
 * Documents the headers of every call, each once and by reference. They are said of its success; an error has those,
 * too, and so they would be in the document ten times for each call.
 */
export function documentHeaders(document: OpenAPIObject): void {
  const { components = {} } = document;
  components.headers = { ...ALWAYS, ...LIMITED, ...RETRY, ...REPLAY };
  for (const operation of operationsOf(document))
    for (const [status, response] of Object.entries(operation.responses)) {
      const names = namesFor(status, operation);
      if (names.length > 0) Object.assign(response as object, { headers: references(names) });
    }
}

function references(names: string[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function namesFor(status: string, { security, responses }: Operation): string[] {
  const isLimited = security !== undefined;
  const isReplay = status === '200' && '201' in responses;
  if (status.startsWith('2'))
    return Object.keys({ ...ALWAYS, ...(isLimited && LIMITED), ...(isReplay && REPLAY) });
  return isLimited && (status === '429' || status === '503') ? Object.keys(RETRY) : [];
}

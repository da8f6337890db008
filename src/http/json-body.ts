import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ParleyError, tooLarge } from '../kernel/errors.js';
import { UnreadableBody } from '../wire/unreadable-body.js';

/** The configuration (`@RouteConfig`) of a route that takes its body in pieces. */
export const BODY_IN_PIECES = { bodyInPieces: true } as const;
/** What may be the body of a route that takes it in pieces. */
const IN_PIECES = /^(application\/x-ndjson|text\/plain)(;|$)/i;

/**
 * Reads JSON bodies, and nothing else (contract, "Errors": 400 for what is not JSON or has another content type). A route
 * with the configuration {@link BODY_IN_PIECES} gets lines and plain text unread, and takes them as fast as it can.
 */
export function readJsonBodies(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    /^application\/(json|[\w.+-]+\+json)(;|$)/i,
    { parseAs: 'string' },
    (_request, body, done) => {
      done(null, parse(body as string));
    },
  );
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, notJson(body as string));
  });
  fastify.addContentTypeParser(IN_PIECES, async (request: FastifyRequest, payload: Readable) => {
    if (isInPieces(request)) return payload;
    return notJson(await text(payload, request.routeOptions.bodyLimit));
  });
}

function isInPieces({ routeOptions: { config } }: FastifyRequest): boolean {
  return (config as Partial<typeof BODY_IN_PIECES>).bodyInPieces === true;
}

function notJson(body: string): UnreadableBody | undefined {
  const problem = 'The content type must be application/json.';
  return body === '' ? undefined : new UnreadableBody(new ParleyError('invalid_request', problem));
}

/** @param limit most bytes. @throws ParleyError 413 */
async function text(payload: Readable, limit = Infinity): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of payload.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer);
    if ((size += (chunk as Buffer).length) > limit) throw tooLarge();
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    if (text.trim() === '')
      return new UnreadableBody(new ParleyError('invalid_request', 'The body is empty.'), true);
    return new UnreadableBody(new ParleyError('invalid_request', 'The body is not valid JSON.'));
  }
}

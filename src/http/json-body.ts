import type { FastifyInstance } from 'fastify';
import { ParleyError } from '../kernel/errors.js';
import { UnreadableBody } from '../wire/unreadable-body.js';

/** Reads JSON bodies, and nothing else (contract, "Errors": 400 for what is not JSON or has another content type). */
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
    const problem = 'The content type must be application/json.';
    done(null, body === '' ? undefined : new UnreadableBody(new ParleyError('invalid_request', problem)));
  });
}

function parse(text: string): unknown {
  if (text.trim() === '')
    return new UnreadableBody(new ParleyError('invalid_request', 'The body is empty.'), true);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return new UnreadableBody(new ParleyError('invalid_request', 'The body is not valid JSON.'));
  }
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Config } from '../config/config.js';
import { toJson } from '../kernel/json-text.js';
import { parseTrustProxy } from './client-address.js';
import { readJsonBodies } from './json-body.js';

/** A caller's own request id is kept when it is one that can go to a log. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Published pages use both `/v1` and `/api/v1` (contract section 2). */
const ALIAS = /^\/api(?=\/v1(\/|\?|$))/;

/** More than Node.js accepts: an id that is too long is one that does not exist, not Fastify's own 414. */
const MAX_URL_LENGTH = 65_536;
/** No route: where a path with a broken percent-encoding goes, which Fastify would answer in a shape of its own. */
const UNDECODABLE = '/undecodable';

/** Fastify as the contract wants it: one prefix under two names, JSON only, a request id on every answer. */
export function createFastifyAdapter(config: Config): FastifyAdapter {
  const adapter = new FastifyAdapter({
    logger: false,
    bodyLimit: config.MAX_BODY_BYTES,
    trustProxy: parseTrustProxy(config.TRUST_PROXY),
    skipMiddie: true, // there is no middleware
    return503OnClosing: false, // while draining, what still comes is answered, with Connection: close
    routerOptions: { maxParamLength: MAX_URL_LENGTH },
    rewriteUrl: ({ url = '/' }: IncomingMessage) => {
      if (!isDecodable(url)) return UNDECODABLE;
      return url.startsWith('/api/') ? url.replace(ALIAS, '') : url;
    },
    genReqId: ({ headers }: IncomingMessage) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
  });
  const fastify = adapter.getInstance();
  readJsonBodies(fastify);
  fastify.setReplySerializer((answer) => toJson(answer as object));
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  return adapter;
}

function isDecodable(url: string): boolean {
  if (!url.includes('%')) return true;
  try {
    decodeURIComponent(url.split(/[?#]/, 1)[0] ?? '');
    return true;
  } catch {
    return false;
  }
}

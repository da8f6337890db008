import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { requestOf } from '../../auth/http/principal.guard.js';
import { invalidParameter } from '../../kernel/errors.js';
import { MAX_ID_LENGTH, PRINTABLE } from '../../wire/fields.js';

/** IETF draft-ietf-httpapi-idempotency-key-header. */
export const IDEMPOTENCY_HEADER = 'idempotency-key';

/** The `Idempotency-Key` header, if there is one. */
export const IdempotencyKey = createParamDecorator(
  (_: unknown, context: ExecutionContext): string | undefined => {
    const key = requestOf<FastifyRequest>(context).headers[IDEMPOTENCY_HEADER];
    if (key === undefined) return undefined;
    if (typeof key !== 'string' || key === '' || key.length > MAX_ID_LENGTH || !PRINTABLE.test(key))
      throw invalidParameter('Idempotency-Key', `must have 1 to ${MAX_ID_LENGTH} printable characters`);
    return key;
  },
);

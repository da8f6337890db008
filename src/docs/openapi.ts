import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ERROR_ROWS } from '../kernel/errors.js';
import { documentHeaders } from './headers.js';
import { type Operation, operationsOf } from './operations.js';
import { SOCKET_MODELS } from './agent-events.js';

/** The error table, for the page's introduction. */
function errorTable(): string {
  const rows = ERROR_ROWS.map(({ code, status, message, retryable }) => {
    return `| ${status} | \`${code}\` | ${message.replaceAll('<', '&lt;')} | ${retryable ? 'yes' : 'no'} |`;
  });
  return ['| status | code | message | repeat later? |', '|---|---|---|---|', ...rows].join('\n');
}

const INTRODUCTION = `Conversations between people and AI assistants: a plain REST contract with push.

Every call needs \`Authorization: Bearer <API key or user token>\`. \`/api/v1\` is the same API as \`/v1\`.
Push over Socket.IO is described in [asyncapi.json](/asyncapi.json).

Every answer carries \`X-Request-Id\`, \`X-RateLimit-Limit\`, \`X-RateLimit-Remaining\`, \`X-RateLimit-Reset\` (Unix time),
\`RateLimit-Policy\` and \`RateLimit\`. Every error has this shape:

\`{"error": {"code", "message", "details"}, "detail": "<message>"}\`
`;

/** `openapi.json`, made from the controllers and DTO classes. */
export function createOpenApi(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Parley')
    .setDescription(`${INTRODUCTION}\n${errorTable()}`)
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'An API key, or a user token made by `POST /v1/tokens`.',
    })
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    extraModels: SOCKET_MODELS,
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}.${method}`,
  });
  dropOverruledTypes(document);
  for (const operation of operationsOf(document)) splitSummary(operation);
  documentHeaders(document);
  return document;
}

/** A comment on a method becomes its summary: the first sentence stays that, without Markdown, which no summary has. */
function splitSummary(operation: Operation): void {
  const [, first, rest] = /^(.+?[.!?])(?:\s+(.*))?$/s.exec(operation.summary ?? '') ?? [];
  if (first === undefined) return;
  operation.summary = first.replaceAll('`', '');
  if (rest !== undefined) operation.description ??= rest;
}

/** Where a field says `oneOf`, its TypeScript type, which the compiler plugin adds as `allOf`, is only one of them. */
function dropOverruledTypes({ components }: OpenAPIObject): void {
  for (const schema of Object.values(components?.schemas ?? {}))
    for (const field of Object.values('properties' in schema ? (schema.properties ?? {}) : {}))
      if ('oneOf' in field) delete field.allOf;
}

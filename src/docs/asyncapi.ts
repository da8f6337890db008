import type { Type } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { CLIENT_COMMANDS, type EventDocumentation, SERVER_EVENTS, SOCKET_MODELS } from './socket-events.js';

type AsyncApi = Record<string, unknown>;

/** `asyncapi.json` (AsyncAPI 3.0): the Socket.IO events, with the schemas that `openapi.json` has. */
export function createAsyncApi(openApi: OpenAPIObject): AsyncApi {
  const sent = messagesOf(SERVER_EVENTS);
  const received = messagesOf(CLIENT_COMMANDS);
  return {
    asyncapi: '3.0.0',
    info: { title: 'Parley push', version: openApi.info.version, description: DESCRIPTION },
    defaultContentType: 'application/json',
    channels: {
      users: {
        address: '/',
        title: 'Platform users',
        description:
          'Socket.IO namespace `/`; one message of this channel is one event, named as the message.',
        messages: Object.fromEntries([...sent, ...received].map(({ id }) => [id, ref('messages', id)])),
      },
    },
    operations: {
      push: operation('send', 'What the server pushes.', sent),
      commands: operation('receive', 'What a client may send, each with an acknowledgement.', received),
    },
    components: {
      messages: Object.fromEntries([...sent, ...received].map(({ id, message }) => [id, message])),
      schemas: schemasOf(
        openApi,
        SOCKET_MODELS.map(({ name }) => name),
      ),
    },
  };
}

const DESCRIPTION = `Connect with \`io(url, { auth: { token, after?, epoch? } })\`, or \`auth: { api_key, platform_user_id, after?, epoch? }\` from a
trusted server (schema \`HandshakeDto\`). A refused handshake gives \`connect_error\` with \`err.data = {code, message, details}\`.
A command is acknowledged with \`{ok: true, data}\` or \`{ok: false, error: {code, message, details}}\`.`;

interface NamedMessage {
  id: string;
  message: AsyncApi;
}

function messagesOf(events: Record<string, EventDocumentation>): NamedMessage[] {
  return Object.entries(events).map(([name, { data, summary, answer }]) => ({
    id: events === SERVER_EVENTS ? name : `command:${name}`,
    message: {
      name,
      summary,
      payload: ref('schemas', data.name),
      ...(events !== SERVER_EVENTS && { 'x-ack': acknowledgement(answer) }),
    },
  }));
}

function acknowledgement(answer: Type<unknown> | undefined): AsyncApi {
  const data = answer ? ref('schemas', answer.name) : { type: 'object' };
  return { type: 'object', required: ['ok', 'data'], properties: { ok: { const: true }, data } };
}

function operation(action: 'send' | 'receive', summary: string, messages: NamedMessage[]): AsyncApi {
  const named = messages.map(({ id }) => ({ $ref: `#/channels/users/messages/${escape(id)}` }));
  return { action, summary, channel: { $ref: '#/channels/users' }, messages: named };
}

function ref(kind: 'messages' | 'schemas', name: string): AsyncApi {
  return { $ref: `#/components/${kind}/${escape(name)}` };
}

/** RFC 6901 section 3. */
function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The named schemas and those that they refer to. */
function schemasOf(openApi: OpenAPIObject, names: string[]): AsyncApi {
  const all = openApi.components?.schemas ?? {};
  const found: AsyncApi = {};
  const visit = (name: string): void => {
    if (name in found || !(name in all)) return;
    found[name] = all[name];
    for (const [, inner] of JSON.stringify(all[name]).matchAll(/#\/components\/schemas\/(\w+)/g))
      visit(inner as string);
  };
  names.forEach(visit);
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a.localeCompare(b)));
}

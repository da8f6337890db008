import type { Type } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AGENT_COMMANDS, AGENT_EVENTS, SOCKET_MODELS } from './agent-events.js';
import { CLIENT_COMMANDS, type EventDocumentation, SERVER_EVENTS } from './socket-events.js';

type AsyncApi = Record<string, unknown>;

/** A namespace of Socket.IO, as it is documented: one message of its channel is one event, named as the message. */
interface Namespace {
  readonly channel: string;
  readonly address: string;
  readonly title: string;
  readonly pushed: NamedMessage[];
  readonly commands: NamedMessage[];
}

interface NamedMessage {
  id: string;
  message: AsyncApi;
}

/** `asyncapi.json` (AsyncAPI 3.0): the Socket.IO events, with the schemas that `openapi.json` has. */
export function createAsyncApi(openApi: OpenAPIObject): AsyncApi {
  const namespaces: Namespace[] = [
    {
      ...{ channel: 'users', address: '/', title: 'Platform users' },
      pushed: messagesOf(SERVER_EVENTS, ''),
      commands: messagesOf(CLIENT_COMMANDS, 'command:'),
    },
    {
      ...{ channel: 'agents', address: '/agents', title: 'Agents' },
      pushed: messagesOf(AGENT_EVENTS, 'agents:'),
      commands: messagesOf(AGENT_COMMANDS, 'agents:command:'),
    },
  ];
  const messages = namespaces.flatMap(({ pushed, commands }) => [...pushed, ...commands]);
  return {
    asyncapi: '3.0.0',
    info: { title: 'Parley push', version: openApi.info.version, description: DESCRIPTION },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(namespaces.map((namespace) => [namespace.channel, channelOf(namespace)])),
    operations: Object.assign({}, ...namespaces.map(operationsOf)) as AsyncApi,
    components: {
      messages: Object.fromEntries(messages.map(({ id, message }) => [id, message])),
      schemas: schemasOf(
        openApi,
        SOCKET_MODELS.map(({ name }) => name),
      ),
    },
  };
}

const DESCRIPTION = `Connect with \`io(url, { auth: { token, after?, epoch? } })\`, or \`auth: { api_key, platform_user_id, after?, epoch? }\` from a
trusted server (schema \`HandshakeDto\`). A refused handshake gives \`connect_error\` with \`err.data = {code, message, details}\`.
An agent connects with \`io(url + '/agents', { auth: { api_key, agent_id? } })\` (schema \`AgentHandshakeDto\`).
A command is acknowledged with \`{ok: true, data}\` or \`{ok: false, error: {code, message, details}}\`.`;

function channelOf({ address, title, pushed, commands }: Namespace): AsyncApi {
  return {
    address,
    title,
    description: `Socket.IO namespace \`${address}\`; one message of this channel is one event, named as the message.`,
    messages: Object.fromEntries([...pushed, ...commands].map(({ id }) => [id, ref('messages', id)])),
  };
}

/** Those of platform users have the names that they have always had. */
function operationsOf({ channel, pushed, commands }: Namespace): AsyncApi {
  const [push, receive] =
    channel === 'users' ? ['push', 'commands'] : [`${channel}Push`, `${channel}Commands`];
  return {
    [push]: operation(channel, 'send', 'What the server pushes.', pushed),
    [receive]: operation(
      channel,
      'receive',
      'What a client may send, each with an acknowledgement.',
      commands,
    ),
  };
}

/** @param prefix of the ids of the messages, which are unique in the document */
function messagesOf(events: Record<string, EventDocumentation>, prefix: string): NamedMessage[] {
  const isCommand = prefix.endsWith('command:');
  return Object.entries(events).map(([name, { data, summary, answer }]) => ({
    id: prefix + name,
    message: {
      name,
      summary,
      payload: ref('schemas', data.name),
      ...(isCommand && { 'x-ack': acknowledgement(answer) }),
    },
  }));
}

function acknowledgement(answer: Type<unknown> | undefined): AsyncApi {
  const data = answer ? ref('schemas', answer.name) : { type: 'object' };
  return { type: 'object', required: ['ok', 'data'], properties: { ok: { const: true }, data } };
}

function operation(
  channel: string,
  action: 'send' | 'receive',
  summary: string,
  messages: NamedMessage[],
): AsyncApi {
  const named = messages.map(({ id }) => ({ $ref: `#/channels/${channel}/messages/${escape(id)}` }));
  return { action, summary, channel: { $ref: `#/channels/${channel}` }, messages: named };
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

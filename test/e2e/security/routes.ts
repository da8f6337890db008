import type { TestNode } from '../../support/node.js';
import { aWebhookWithDelivery, WEBHOOK_ROUTES } from './webhook-routes.js';

export type Scope = 'user' | 'agent' | 'admin';

/** What a request may be about. */
export interface Things {
  user: string;
  session: string;
  /** Ids of a message that the user wrote, and of one that the assistant wrote. */
  said: string;
  answered: string;
  apiKey: string;
  webhook: string;
  delivery: string;
}

export interface Route {
  /** The scopes of which a key needs one. */
  scopes: readonly Scope[];
  /** Whether a user token may, for its own platform user. */
  token: boolean;
  /** How it says whom or what it is about: a platform user's name, an id, or not at all. */
  by: 'user' | 'id' | 'nothing';
  /** A valid request about these things. */
  request(things: Things, as: Scope | 'token'): { path: string; body?: unknown };
}

const USER = ['user'] as const;
const AGENT = ['agent'] as const;
const BOTH = ['user', 'agent'] as const;
const ADMIN = ['admin'] as const;
const message = { payload: { content: 'from the table of routes' } };
/** Of two messages, the one that this caller's scope has written. */
const own = ({ said, answered }: Things, as: Scope | 'token'): string => (as === 'agent' ? answered : said);

/**
 * A rule for every route that needs a credential. A route without a rule fails the suite: whoever adds one says here
 * who may call it, and gets it tested.
 */
export const ROUTES: Record<string, Route> = {
  ...WEBHOOK_ROUTES,
  'GET /v1/api-keys': {
    scopes: ADMIN,
    token: false,
    by: 'nothing',
    request: () => ({ path: '/v1/api-keys' }),
  },
  'POST /v1/api-keys': {
    scopes: ADMIN,
    token: false,
    by: 'nothing',
    request: () => ({ path: '/v1/api-keys', body: { name: 'made by a test', scopes: ['user'] } }),
  },
  'POST /v1/api-keys/{id}/revoke': {
    scopes: ADMIN,
    token: false,
    by: 'id',
    request: ({ apiKey }) => ({ path: `/v1/api-keys/${apiKey}/revoke` }),
  },
  'POST /v1/api-keys/{id}/rotate': {
    scopes: ADMIN,
    token: false,
    by: 'id',
    request: ({ apiKey }) => ({ path: `/v1/api-keys/${apiKey}/rotate`, body: {} }),
  },
  'POST /v1/tokens': {
    scopes: USER,
    token: false,
    by: 'user',
    request: ({ user }) => ({ path: '/v1/tokens', body: { platform_user_id: user } }),
  },
  'POST /v1/tokens/revoke': {
    scopes: USER,
    token: false,
    by: 'user',
    request: ({ user }) => ({ path: '/v1/tokens/revoke', body: { platform_user_id: user } }),
  },
  'POST /v1/sessions': {
    scopes: BOTH,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: '/v1/sessions', body: { platform_user_id: user } }),
  },
  'GET /v1/sessions': {
    scopes: BOTH,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: `/v1/sessions?platform_user_id=${user}` }),
  },
  'GET /v1/sessions/{agent_session_id}': {
    scopes: BOTH,
    token: true,
    by: 'id',
    request: ({ session }) => ({ path: `/v1/sessions/${session}` }),
  },
  'PATCH /v1/sessions/{agent_session_id}': {
    scopes: BOTH,
    token: true,
    by: 'id',
    request: ({ session }) => ({ path: `/v1/sessions/${session}`, body: { title: 'from a test' } }),
  },
  'GET /v1/sessions/{agent_session_id}/messages': {
    scopes: BOTH,
    token: true,
    by: 'id',
    request: ({ session }) => ({ path: `/v1/sessions/${session}/messages` }),
  },
  'POST /v1/message/receive': {
    scopes: USER,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: '/v1/message/receive', body: { platform_user_id: user, message } }),
  },
  'POST /v1/message/send': {
    scopes: AGENT,
    token: false,
    by: 'user',
    request: ({ user }) => ({ path: '/v1/message/send', body: { platform_user_id: user, message } }),
  },
  'POST /v1/message/stream': {
    scopes: AGENT,
    token: false,
    by: 'user',
    request: ({ user }) => ({
      path: `/v1/message/stream?platform_user_id=${user}`,
      body: new Blob(['piece by piece'], { type: 'text/plain' }),
    }),
  },
  'GET /v1/messages/unread': {
    scopes: BOTH,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: `/v1/messages/unread?platform_user_id=${user}` }),
  },
  'GET /v1/messages/all': {
    scopes: BOTH,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: `/v1/messages/all?platform_user_id=${user}` }),
  },
  'POST /v1/messages/read': {
    scopes: USER,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: '/v1/messages/read', body: { platform_user_id: user, up_to_seq: 1 } }),
  },
  'PATCH /v1/messages/{id}': {
    scopes: BOTH,
    token: true,
    by: 'id',
    request: (things, as) => ({ path: `/v1/messages/${own(things, as)}`, body: { content: 'edited' } }),
  },
  'DELETE /v1/messages/{id}': {
    scopes: BOTH,
    token: true,
    by: 'id',
    request: (things, as) => ({ path: `/v1/messages/${own(things, as)}` }),
  },
  'GET /v1/messages': {
    scopes: BOTH,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: `/v1/messages?user_id=${user}` }),
  },
  'POST /v1/messages/send': {
    scopes: AGENT,
    token: false,
    by: 'user',
    request: ({ user }) => ({ path: '/v1/messages/send', body: { user_id: user, content: 'x' } }),
  },
  'PUT /v1/messages/{id}/read': {
    scopes: USER,
    token: true,
    by: 'id',
    request: ({ answered }) => ({ path: `/v1/messages/${answered}/read` }),
  },
  'GET /v1/sync': {
    scopes: USER,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: `/v1/sync?platform_user_id=${user}&after=0` }),
  },
  'GET /v1/stream': {
    scopes: USER,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: `/v1/stream?platform_user_id=${user}&after=0` }),
  },
  'GET /v1/users/{platform_user_id}/presence': {
    scopes: BOTH,
    token: true,
    by: 'user',
    request: ({ user }) => ({ path: `/v1/users/${user}/presence` }),
  },
};

export const SCOPES: readonly Scope[] = ['user', 'agent', 'admin'];

/** The method of a rule. */
export const methodOf = (name: string): string => name.split(' ')[0] as string;

/** Routes that need a credential, as the running server documents them. */
export async function documentedRoutes(node: TestNode): Promise<string[]> {
  const { paths } = await node.ok('GET', '/openapi.json');
  return Object.entries<Record<string, { security?: unknown }>>(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { security }]) => security !== undefined)
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
}

/** A user with a session, a message each way, a key and a webhook with a delivery, made with this credential. */
export async function someThings(node: TestNode, user: string, credential?: string): Promise<Things> {
  const session = `session of ${user}`.replaceAll(' ', '-');
  const body = { platform_user_id: user, agent_session_id: session, message: 'what the user said' };
  const answer = { payload: { content: 'what was answered' }, agent_session_id: session };
  const said = await node.ok('POST', '/v1/message/receive', body, credential);
  const answered = await node.ok(
    'POST',
    '/v1/message/send',
    { platform_user_id: user, message: answer },
    credential,
  );
  const key = await node.ok('POST', '/v1/api-keys', { name: 'a key', scopes: ['user'] }, credential);
  const webhook = await aWebhookWithDelivery(node, key.id);
  return { user, session, said: said.id, answered: answered.id, apiKey: key.id, ...webhook };
}

/** Things that do not exist, though their ids could. */
export function missingThings(user: string): Things {
  return {
    user,
    session: 'session-that-nobody-has',
    said: 'msg_00000000001000000001',
    answered: 'msg_00000000001000000002',
    apiKey: 'key_00000000000000000000',
    webhook: 'whk_00000000000000000000',
    delivery: 'whd_00000000000000000000000000000000',
  };
}

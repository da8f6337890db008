import {
  aKey,
  anError,
  type Api,
  aToken,
  aUser,
  made,
  received,
  sent,
  startApi,
  TIME,
} from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const read = (user: string, body: object, options = {}) =>
  api.post('/v1/messages/read', { platform_user_id: user, ...body }, options);
const messagesOf = async (user: string) =>
  made(await api.get(`/v1/messages/all?platform_user_id=${user}`)).messages;

async function aUserWith(count: number): Promise<{ user: string; messages: any[] }> {
  const user = aUser();
  const messages = [];
  for (let i = 0; i < count; i++) messages.push(await sent(api, user));
  return { user, messages };
}

describe('POST /v1/messages/read with up_to_seq', () => {
  it('reads everything up to a position', async () => {
    const { user } = await aUserWith(3);
    expect(await read(user, { up_to_seq: 2 })).toMatchObject({
      status: 200,
      body: { read_seq: 2, unread_count: 1, seq: 3 },
    });
    const messages = await messagesOf(user);
    expect(messages.map((message: any) => message.read)).toEqual([true, true, false]);
    expect(messages[0].read_at).toMatch(TIME);
    expect(messages[2].read_at).toBeNull();
  });

  it('moves the horizon forwards only', async () => {
    const { user } = await aUserWith(3);
    await read(user, { up_to_seq: 2 });
    for (const up_to_seq of [2, 1, 0])
      expect((await read(user, { up_to_seq })).body).toEqual({ read_seq: 2, unread_count: 1, seq: 3 });
  });

  it('stops at the head: what comes later is not read', async () => {
    const { user } = await aUserWith(2);
    const state = { read_seq: 2, unread_count: 0, seq: 2 };
    expect((await read(user, { up_to_seq: Number.MAX_SAFE_INTEGER })).body).toEqual(state);
    expect((await sent(api, user)).read).toBe(false);
    expect((await read(user, { up_to_seq: 2 })).body).toEqual({ read_seq: 2, unread_count: 1, seq: 3 });
  });

  it('keeps the time at which each message was read first', async () => {
    const { user } = await aUserWith(2);
    await read(user, { up_to_seq: 1 });
    const [{ read_at: first }] = await messagesOf(user);
    await read(user, { up_to_seq: 2 });
    const [again, second] = await messagesOf(user);
    expect(again.read_at).toBe(first);
    expect(Date.parse(second.read_at)).toBeGreaterThanOrEqual(Date.parse(first));
  });

  it('takes no position in the log, and changes no updated_seq', async () => {
    const { user } = await aUserWith(2);
    await read(user, { up_to_seq: 2 });
    expect((await messagesOf(user)).map((message: any) => message.updated_seq)).toEqual([1, 2]);
    expect((await sent(api, user)).seq).toBe(3);
  });

  it('is nothing for a platform user that nobody has heard of', async () => {
    expect((await read(aUser(), { up_to_seq: 5 })).body).toEqual({ read_seq: 0, unread_count: 0, seq: 0 });
  });
});

describe('POST /v1/messages/read with message_ids', () => {
  it('reads single messages, each at a position of its own', async () => {
    const { user, messages } = await aUserWith(3);
    const answer = await read(user, { message_ids: [messages[2].id, messages[1].id, messages[2].id] });
    expect(answer.body).toEqual({ read_seq: 0, unread_count: 1, seq: 5 });
    const after = await messagesOf(user);
    expect(after.map((message: any) => message.read)).toEqual([false, true, true]);
    expect(after.map((message: any) => message.updated_seq).sort()).toEqual([1, 4, 5]);
    expect((await sent(api, user)).seq).toBe(6);
  });

  it('reads all of them or none', async () => {
    const { user, messages } = await aUserWith(2);
    const missing = messages[0].id.replace(/.$/, '9');
    expect(await read(user, { message_ids: [messages[0].id, missing] })).toMatchObject(
      anError(404, 'resource_not_found'),
    );
    expect((await read(user, { up_to_seq: 0 })).body).toEqual({ read_seq: 0, unread_count: 2, seq: 2 });
    expect((await messagesOf(user))[0]).toEqual(messages[0]);
  });

  it('changes nothing the second time', async () => {
    const { user, messages } = await aUserWith(1);
    await read(user, { message_ids: [messages[0].id] });
    const before = await messagesOf(user);
    expect((await read(user, { message_ids: [messages[0].id] })).body).toEqual({
      read_seq: 0,
      unread_count: 0,
      seq: 2,
    });
    expect(await messagesOf(user)).toEqual(before);
  });

  it('does not know another platform user’s message', async () => {
    const [mine, theirs] = [await aUserWith(1), await aUserWith(1)];
    expect(await read(mine.user, { message_ids: [theirs.messages[0].id] })).toMatchObject(
      anError(404, 'resource_not_found'),
    );
    expect((await messagesOf(theirs.user))[0].read).toBe(false);
  });

  it('counts a user message as no unread one', async () => {
    const { user } = await aUserWith(1);
    const own = await received(api, user);
    expect((await read(user, { message_ids: [own.id] })).body.unread_count).toBe(1);
  });
});

describe('POST /v1/messages/read', () => {
  it('wants up_to_seq or message_ids, not both', async () => {
    const { user, messages } = await aUserWith(1);
    expect(await read(user, {})).toMatchObject(anError(422, 'missing_parameter'));
    expect(await read(user, { up_to_seq: 1, message_ids: [messages[0].id] })).toMatchObject(
      anError(422, 'invalid_parameter'),
    );
    for (const up_to_seq of [-1, 1.5, '1', true, 1e300, [1]])
      expect(await read(user, { up_to_seq })).toMatchObject(anError(422, 'invalid_parameter', ['up_to_seq']));
    for (const message_ids of [[], 'msg', [1], Array.from({ length: 201 }, () => messages[0].id)])
      expect(await read(user, { message_ids })).toMatchObject(
        anError(422, 'invalid_parameter', ['message_ids']),
      );
    expect((await messagesOf(user))[0].read).toBe(false);
  });

  it('is for the scope user, and for the user itself', async () => {
    const { user } = await aUserWith(1);
    const agent = await aKey(api, { scopes: ['agent', 'admin'] });
    expect((await read(user, { up_to_seq: 1 }, agent)).status).toBe(403);
    const stranger = await aToken(api, aUser());
    expect((await read(user, { up_to_seq: 1 }, { key: stranger })).status).toBe(403);
    const key = await aToken(api, user);
    expect((await api.post('/v1/messages/read', { up_to_seq: 1 }, { key })).body.read_seq).toBe(1);
  });
});

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

const messagesOf = async (user: string) =>
  made(await api.get(`/v1/messages/all?platform_user_id=${user}`)).messages;

describe('PATCH /v1/messages/{id}', () => {
  it('changes the content, keeps everything else, and takes a position of its own', async () => {
    const user = aUser();
    const payload = {
      content: 'first',
      mood: { level: 3 },
      attachments: [{ name: 'a', url: 'https://a.example/' }],
    };
    const before = await sent(api, user, { payload, metadata: { model: 'm1' } });
    await sent(api, user);
    const { status, body } = await api.patch(`/v1/messages/${before.id}`, { content: 'second' });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...before,
      payload: { ...before.payload, content: 'second' },
      updated_seq: 3,
      updated_at: expect.stringMatching(TIME),
    });
    expect(Date.parse(body.updated_at)).toBeGreaterThanOrEqual(Date.parse(before.updated_at));
    expect((await messagesOf(user))[0]).toEqual(body);
    expect((await sent(api, user)).seq).toBe(4);
  });

  it('changes fields of the payload that are given', async () => {
    const message = await sent(api, aUser(), { payload: { content: 'x', mood: 'good', topic: 'a' } });
    const patch = { payload: { mood: 'bad', constructor: 1, sender: 'assistant', attachments: [] } };
    expect((await api.patch(`/v1/messages/${message.id}`, patch)).body.payload).toEqual({
      content: 'x',
      sender: 'assistant',
      attachments: [],
      mood: 'bad',
      topic: 'a',
      constructor: 1,
    });
  });

  it('replaces metadata', async () => {
    const message = await sent(api, aUser(), { metadata: { a: 1, b: 2 } });
    const { body } = await api.patch(`/v1/messages/${message.id}`, { metadata: { c: 3 } });
    expect(body).toMatchObject({ metadata: { c: 3 }, payload: message.payload, updated_seq: 2 });
    expect(body.metadata).toEqual({ c: 3 });
  });

  it('leaves read and unread as they are', async () => {
    const user = aUser();
    const message = await sent(api, user);
    await api.patch(`/v1/messages/${message.id}`, { content: 'y' });
    expect((await api.get(`/v1/messages/unread?platform_user_id=${user}`)).body).toMatchObject({
      unread_count: 1,
      messages: [{ id: message.id, read: false, payload: { content: 'y' } }],
    });
  });

  it('does not change the sender', async () => {
    const message = await sent(api, aUser());
    for (const sender of ['user', 'system'])
      expect(await api.patch(`/v1/messages/${message.id}`, { payload: { sender } })).toMatchObject(
        anError(422, 'invalid_parameter', ['payload.sender']),
      );
  });

  it('refuses nothing, empty and unknown', async () => {
    const user = aUser();
    const message = await sent(api, user);
    const path = `/v1/messages/${message.id}`;
    expect(await api.patch(path, {})).toMatchObject(anError(422, 'missing_parameter'));
    expect(await api.patch(path, { content: null })).toMatchObject(anError(422, 'missing_parameter'));
    expect(await api.patch(path)).toMatchObject(anError(422, 'missing_parameter'));
    expect(await api.patch(path, { content: '' })).toMatchObject(
      anError(422, 'invalid_parameter', ['content']),
    );
    expect(await api.patch(path, { content: 5 })).toMatchObject(
      anError(422, 'invalid_parameter', ['content']),
    );
    expect(await api.patch(path, { metadata: [] })).toMatchObject(
      anError(422, 'invalid_parameter', ['metadata']),
    );
    expect(await api.patch(path, { seq: 1 })).toMatchObject(anError(422, 'invalid_parameter', ['seq']));
    expect(await messagesOf(user)).toEqual([message]);
  });
});

describe('DELETE /v1/messages/{id}', () => {
  it('leaves a tombstone: place and sender stay, content and metadata go', async () => {
    const user = aUser();
    const before = await sent(api, user, {
      payload: { content: 'secret', card: '4111' },
      metadata: { a: 1 },
    });
    const { status, body } = await api.delete(`/v1/messages/${before.id}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      ...before,
      payload: { content: '', sender: 'assistant', attachments: [] },
      metadata: {},
      updated_seq: 2,
      updated_at: expect.stringMatching(TIME),
      deleted_at: expect.stringMatching(TIME),
    });
    expect(await messagesOf(user)).toEqual([body]);
    expect((await api.get(`/v1/messages/unread?platform_user_id=${user}`)).body.unread_count).toBe(0);
  });

  it('does nothing the second time', async () => {
    const user = aUser();
    const { id } = await sent(api, user);
    const first = await api.delete(`/v1/messages/${id}`);
    expect(await api.delete(`/v1/messages/${id}`)).toMatchObject({ status: 200, body: first.body });
    expect((await sent(api, user)).seq).toBe(3);
  });

  it('makes the message one that cannot be edited', async () => {
    const { id } = await sent(api, aUser());
    await api.delete(`/v1/messages/${id}`);
    expect(await api.patch(`/v1/messages/${id}`, { content: 'x' })).toMatchObject(
      anError(409, 'resource_conflict'),
    );
  });
});

describe('who may change a message', () => {
  it('is its author’s scope', async () => {
    const user = aUser();
    const keys = {
      user: await aKey(api, { scopes: ['user'] }),
      agent: await aKey(api, { scopes: ['agent'] }),
    };
    const messages = {
      user: await received(api, user),
      agent: await sent(api, user),
      system: await sent(api, user, { payload: { content: 'x', sender: 'system' } }),
    };
    for (const [message, key, status] of [
      [messages.user, keys.user, 200],
      [messages.user, keys.agent, 403],
      [messages.agent, keys.agent, 200],
      [messages.agent, keys.user, 403],
      [messages.system, keys.agent, 200],
      [messages.system, keys.user, 403],
    ] as const) {
      expect((await api.patch(`/v1/messages/${message.id}`, { content: 'y' }, key)).status).toBe(status);
      expect((await api.delete(`/v1/messages/${message.id}`, key)).status).toBe(status);
    }
  });

  it('is with a user token the user itself, for what it said', async () => {
    const user = aUser();
    const [own, answer] = [await received(api, user), await sent(api, user)];
    const key = await aToken(api, user);
    const stranger = await aToken(api, aUser());
    expect(await api.patch(`/v1/messages/${own.id}`, { content: 'y' }, { key: stranger })).toMatchObject(
      anError(404, 'resource_not_found'),
    );
    expect(await api.delete(`/v1/messages/${own.id}`, { key: stranger })).toMatchObject(
      anError(404, 'resource_not_found'),
    );
    expect((await api.patch(`/v1/messages/${own.id}`, { content: 'y' }, { key })).body.payload.content).toBe(
      'y',
    );
    expect(await api.delete(`/v1/messages/${answer.id}`, { key })).toMatchObject(
      anError(403, 'insufficient_permissions'),
    );
  });

  it('is nobody for a message that does not exist', async () => {
    const { id } = await sent(api, aUser());
    const ids = [
      id.replace(/.$/, '9'),
      'msg_',
      'x',
      id.toUpperCase(),
      `${id}0`,
      'msg_zzzzzzzzzzzzzzzzzzzz',
      '%00',
    ];
    for (const missing of ids) {
      expect(await api.patch(`/v1/messages/${missing}`, { content: 'x' })).toMatchObject(
        anError(404, 'resource_not_found'),
      );
      expect(await api.delete(`/v1/messages/${missing}`)).toMatchObject(anError(404, 'resource_not_found'));
    }
  });
});

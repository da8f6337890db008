import { anError, type Api, aToken, aUser, made, received, startApi, total } from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const receive = (user: string, more: object = {}, options = {}) =>
  api.post('/v1/message/receive', { platform_user_id: user, message: 'x', ...more }, options);
const send = (user: string, more: object = {}, options = {}) =>
  api.post(
    '/v1/message/send',
    { platform_user_id: user, message: { payload: { content: 'x' } }, ...more },
    options,
  );

describe.each([
  ['receive', receive],
  ['send', send],
])('a repeat of %s', (_, write) => {
  it('with the same client_message_id answers the stored message with 200', async () => {
    const user = aUser();
    const first = await write(user, { client_message_id: 'c1' });
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([201, null]);
    for (let i = 0; i < 2; i++) {
      const again = await write(user, { client_message_id: 'c1' });
      expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
      expect(again.body).toEqual(first.body);
    }
    expect(await total(api, user)).toBe(1);
  });

  it('may say it in the header Idempotency-Key, or in both', async () => {
    const user = aUser();
    const headers = { 'Idempotency-Key': 'c1' };
    const first = await write(user, {}, { headers });
    expect(first.status).toBe(201);
    for (const repeat of [
      await write(user, {}, { headers }),
      await write(user, { client_message_id: 'c1' }),
      await write(user, { client_message_id: 'c1' }, { headers }),
      await write(user, { client_message_id: null }, { headers }),
    ])
      expect(repeat).toMatchObject({ status: 200, body: { id: first.body.id } });
    expect(await total(api, user)).toBe(1);
  });

  it('many times at once makes exactly one message', async () => {
    const user = aUser();
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => write(user, { client_message_id: 'c1' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array.from({ length: 29 }, () => 200),
      201,
    ]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await total(api, user)).toBe(1);
  });
});

describe('a client_message_id', () => {
  it('is one for each platform user', async () => {
    const [user, other] = [aUser(), aUser()];
    expect((await receive(user, { client_message_id: 'c1' })).status).toBe(201);
    expect((await receive(other, { client_message_id: 'c1' })).status).toBe(201);
  });

  it('with a different body answers 409, and writes nothing', async () => {
    const user = aUser();
    const first = await receive(user, { client_message_id: 'c1', agent_session_id: user });
    for (const answer of [
      await receive(user, { client_message_id: 'c1', agent_session_id: user, message: 'y' }),
      await receive(user, { client_message_id: 'c1', agent_session_id: user, metadata: { a: 1 } }),
      await receive(user, { client_message_id: 'c1', agent_session_id: `${user}-other` }),
      await receive(user, { client_message_id: 'c1' }),
      await send(user, { client_message_id: 'c1' }),
    ])
      expect(answer).toMatchObject(anError(409, 'resource_conflict'));
    expect(await total(api, user)).toBe(1);
    expect((await api.get(`/v1/sessions/${user}-other`)).status).toBe(404);
    const again = await receive(user, { client_message_id: 'c1', agent_session_id: user });
    expect([again.status, again.body]).toEqual([200, first.body]);
  });

  it('with different bodies at once lets one of them win', async () => {
    const user = aUser();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (__, i) => receive(user, { client_message_id: 'c1', message: `m${i}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      201,
      ...Array.from({ length: 9 }, () => 409),
    ]);
    expect(await total(api, user)).toBe(1);
  });

  it('must be the same in header and body', async () => {
    const user = aUser();
    const headers = { 'Idempotency-Key': 'c2' };
    expect(await receive(user, { client_message_id: 'c1' }, { headers })).toMatchObject(
      anError(422, 'invalid_parameter', ['client_message_id']),
    );
    expect(await total(api, user)).toBe(0);
  });

  it('is answered for as long as the message exists: after other messages, an edit, a closed session', async () => {
    const user = aUser();
    const first = made(await receive(user, { client_message_id: 'c1', agent_session_id: user }));
    await received(api, user);
    const edited = made(await api.patch(`/v1/messages/${first.id}`, { content: 'y' }));
    await api.patch(`/v1/sessions/${user}`, { status: 'closed' });
    const again = await receive(user, { client_message_id: 'c1', agent_session_id: user });
    expect([again.status, again.body]).toEqual([200, edited]);
  });

  it('is the same whether a key or the user’s token repeats', async () => {
    const user = aUser();
    const first = made(await receive(user, { client_message_id: 'c1' }));
    const key = await aToken(api, user);
    const again = await api.post('/v1/message/receive', { message: 'x', client_message_id: 'c1' }, { key });
    expect([again.status, again.body]).toEqual([200, first]);
  });

  it('has 1 to 255 characters, none of them a control character', async () => {
    const user = aUser();
    for (const client_message_id of ['', 'x'.repeat(256), 5, 'a\nb', 'a\u0000', ['c1']])
      expect(await receive(user, { client_message_id })).toMatchObject(
        anError(422, 'invalid_parameter', ['client_message_id']),
      );
    for (const key of ['', 'x'.repeat(256), 'a\tb'])
      expect(await receive(user, {}, { headers: { 'Idempotency-Key': key } })).toMatchObject(
        anError(422, 'invalid_parameter', ['Idempotency-Key']),
      );
    expect(await total(api, user)).toBe(0);
    expect((await receive(user, { client_message_id: '😀'.repeat(255) })).status).toBe(201);
  });
});

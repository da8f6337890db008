import { type Api, anError, aUser, startApi } from '../../support/api.js';

const ALMOST_A_BODY = 'x'.repeat(900_000);
const MANY = 300_000;

let api: Api;
let user: string;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());
beforeEach(() => (user = aUser()));

const receive = (payload: unknown) =>
  api.post('/v1/message/receive', { platform_user_id: user, message: { payload } });

describe('a body with far too much in it', () => {
  it.each([
    ['numbers for attachments', { content: 'x', attachments: Array<number>(MANY).fill(1) }],
    ['empty attachments', { content: 'x', attachments: Array<object>(MANY).fill({}) }],
  ])('%s: gets one short answer', async (_, payload) => {
    const answer = await receive(payload);
    expect(answer).toMatchObject(anError(422, 'invalid_parameter'));
    expect(answer.body.error.details.fields).toEqual({
      'message.payload.attachments': ['message.payload.attachments must have at most 50 elements'],
    });
  });

  it('unknown fields: are not all named', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`f${index}`, 1]));
    const answer = await api.post('/v1/message/receive', {
      platform_user_id: user,
      message: 'x',
      ...unknown,
    });
    expect(answer).toMatchObject(anError(422, 'invalid_parameter'));
    expect(JSON.stringify(answer.body).length).toBeLessThan(10_000);
  });
});

describe('what grows piece by piece', () => {
  it('a message stays within the size of a body', async () => {
    const { body } = await receive({ content: 'x' });
    expect((await api.patch(`/v1/messages/${body.id}`, { payload: { one: ALMOST_A_BODY } })).status).toBe(
      200,
    );
    const more = await api.patch(`/v1/messages/${body.id}`, { payload: { two: ALMOST_A_BODY } });
    expect(more).toMatchObject(anError(413, 'invalid_request'));
    expect(more.body.error).toMatchObject({
      message: 'With this change it would have more than 1048576 bytes.',
      details: { limit: 1_048_576 },
    });
    const [message] = (await api.get(`/v1/messages/all?platform_user_id=${user}`)).body.messages;
    expect(Object.keys(message.payload)).toEqual(['content', 'sender', 'attachments', 'one']);
  });

  it('the memory of a session, too', async () => {
    const { body } = await api.post('/v1/sessions', { platform_user_id: user });
    const merge = (context: object) =>
      api.patch(`/v1/sessions/${body.agent_session_id}`, { context, context_mode: 'merge' });
    expect((await merge({ one: ALMOST_A_BODY })).status).toBe(200);
    expect(await merge({ two: ALMOST_A_BODY })).toMatchObject(anError(413, 'invalid_request'));
  });
});

describe('a page of large messages', () => {
  beforeEach(async () => {
    for (let index = 0; index < 6; index++)
      await api.post('/v1/message/send', {
        platform_user_id: user,
        message: { payload: { content: `${index}${ALMOST_A_BODY}` } },
      });
  });

  it.each([
    ['all, oldest first', 'all', 'asc', 'after'],
    ['all, newest first', 'all', 'desc', 'before'],
    ['unread', 'unread', 'asc', 'after'],
  ])('%s: is short, and the next one goes on', async (_, list, order, cursor) => {
    const seen: number[] = [];
    let pages = 0;
    for (let next: number | null = order === 'asc' ? 0 : 1_000; next !== null; pages++) {
      const query = `platform_user_id=${user}&limit=200&${cursor}=${next}${list === 'all' ? `&order=${order}` : ''}`;
      const { body }: { body: any } = await api.get(`/v1/messages/${list}?${query}`);
      seen.push(...body.messages.map(({ seq }: { seq: number }) => seq));
      next = body[`next_${cursor}`];
    }
    expect(seen).toEqual(order === 'asc' ? [1, 2, 3, 4, 5, 6] : [6, 5, 4, 3, 2, 1]);
    expect(pages).toBeGreaterThan(1);
  });

  it('sync: is not complete, and goes on from where it ended', async () => {
    const seen: number[] = [];
    let pages = 0;
    for (let after = 0, complete = false; !complete; pages++) {
      const { body } = await api.get(`/v1/sync?platform_user_id=${user}&after=${after}`);
      seen.push(...body.messages.map(({ seq }: { seq: number }) => seq));
      ({ to: after, complete } = body);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(pages).toBeGreaterThan(1);
  });
});

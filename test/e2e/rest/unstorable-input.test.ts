import { type Answer, anError, type Api, aUser, received, startApi, total } from '../../support/api.js';

const MAX_BODY_BYTES = 1_048_576;

let api: Api;
let user: string;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());
beforeEach(() => (user = aUser()));
// Nothing of what was refused may be half-written.
afterEach(async () => {
  const sessions = (await api.get(`/v1/sessions?platform_user_id=${user}`)).body.sessions;
  expect([await total(api, user), sessions]).toEqual([0, []]);
});

const receive = (body: unknown) => api.post('/v1/message/receive', body);
/** A body for `receive` with JSON text in place of the metadata. */
const withMetadata = (json: string) => `{"platform_user_id":"${user}","message":"x","metadata":${json}}`;

async function expectStored(body: string | object): Promise<Answer['body']> {
  const answer = await receive(body);
  expect(answer.status).toBe(201);
  user = aUser(); // that one has a message now
  return answer.body;
}

describe('what PostgreSQL has no place for', () => {
  it.each([
    ['NUL', '\\u0000'],
    ['a lone high surrogate', '\\ud800'],
    ['a lone low surrogate', 'x\\udc00x'],
    ['surrogates in the wrong order', '\\ude00\\ud83d'],
  ])('%s is refused wherever it stands', async (_, text) => {
    const places = [
      `{"platform_user_id":"${user}","message":"${text}"}`,
      `{"platform_user_id":"${user}","message":{"payload":{"content":"a${text}b"}}}`,
      `{"platform_user_id":"${user}","message":{"payload":{"content":"x","extra":{"deep":["${text}"]}}}}`,
      `{"platform_user_id":"${user}","message":{"payload":{"content":"x","${text}":1}}}`,
      `{"platform_user_id":"${user}","message":{"payload":{"content":"x","attachments":[{"name":"${text}","url":"https://a.example/"}]}}}`,
      withMetadata(`{"a":"${text}"}`),
      withMetadata(`{"${text}":1}`),
      withMetadata(`{"a":[{"b${text}":1}]}`),
    ];
    for (const body of places) {
      const answer = await receive(body);
      expect(answer.status).toBe(422);
      expect(answer.body.error.code).toBe('invalid_parameter');
    }
    for (const body of [`{"title":"${text}"}`, `{"context":{"a":"${text}"}}`, `{"metadata":{"${text}":1}}`])
      expect(
        await api.post('/v1/sessions', body.replace('{', `{"platform_user_id":"${user}",`)),
      ).toMatchObject(anError(422, 'invalid_parameter'));
    expect(await api.post('/v1/api-keys', `{"name":"${text}","scopes":["user"]}`)).toMatchObject(
      anError(422, 'invalid_parameter'),
    );
  });

  it('is refused in an edit, which then changes nothing', async () => {
    const message = await received(api, user);
    for (const body of ['{"content":"\\u0000"}', '{"metadata":{"a":"\\ud800"}}', '{"payload":{"\\u0000":1}}'])
      expect(await api.patch(`/v1/messages/${message.id}`, body)).toMatchObject(
        anError(422, 'invalid_parameter'),
      );
    expect((await api.get(`/v1/messages/all?platform_user_id=${user}`)).body.messages).toEqual([message]);
    user = aUser();
  });

  it('is not an emoji, which is two surrogates in order', async () => {
    const stored = await expectStored(`{"platform_user_id":"${user}","message":"\\ud83d\\ude00"}`);
    expect(stored.payload.content).toBe('😀');
  });
});

describe('numbers', () => {
  it.each(['1e400', '-1e400', '[1e999]', '{"a":{"b":1e400}}'])(
    '%s is no number that JSON can give back',
    async (json) => {
      expect(await receive(withMetadata(`{"n":${json}}`))).toMatchObject(anError(422, 'invalid_parameter'));
    },
  );

  it('of every finite size are kept', async () => {
    const numbers = {
      max: Number.MAX_VALUE,
      min: Number.MIN_VALUE,
      safe: Number.MAX_SAFE_INTEGER,
      negative: -0.1,
    };
    expect((await expectStored(withMetadata(JSON.stringify(numbers)))).metadata).toEqual(numbers);
  });

  it.each(['9007199254740992', '1e300', '-1', '0.5', '1e400', '"1"'])('%s is no position', async (json) => {
    expect(
      await api.post('/v1/messages/read', `{"platform_user_id":"${user}","up_to_seq":${json}}`),
    ).toMatchObject(anError(422, 'invalid_parameter', ['up_to_seq']));
  });
});

describe('__proto__', () => {
  it('is refused wherever it stands', async () => {
    for (const body of [
      `{"__proto__":{"a":1},"platform_user_id":"${user}","message":"x"}`,
      `{"platform_user_id":"${user}","message":{"payload":{"content":"x","__proto__":{"sender":"assistant"}}}}`,
      withMetadata('{"__proto__":1}'),
      withMetadata('[{"a":{"__proto__":[]}}]'),
    ])
      expect(await receive(body)).toMatchObject(anError(422, 'invalid_parameter'));
    expect(({} as any).sender).toBeUndefined();
  });
});

describe('size', () => {
  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

  it('of nesting ends somewhere, long before the stack does', async () => {
    for (const json of [nested(40), nested(100_000), `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`])
      expect(await receive(withMetadata(json))).toMatchObject(anError(422, 'invalid_parameter'));
    const kept = JSON.parse(nested(25));
    expect((await expectStored(withMetadata(nested(25)))).metadata).toEqual(kept);
  });

  it('of a body may be MAX_BODY_BYTES, and not one more', async () => {
    const around = JSON.stringify({ platform_user_id: user, message: '' }).length;
    const body = (size: number) =>
      JSON.stringify({ platform_user_id: user, message: 'x'.repeat(size - around) });
    expect(await receive(body(MAX_BODY_BYTES + 1))).toMatchObject(anError(413, 'invalid_request'));
    const stored = await expectStored(body(MAX_BODY_BYTES));
    expect(stored.payload.content).toHaveLength(MAX_BODY_BYTES - around);
  });

  it('counts bytes, not characters', async () => {
    const message = '€'.repeat(400_000);
    expect(await receive({ platform_user_id: user, message })).toMatchObject(anError(413, 'invalid_request'));
  });
});

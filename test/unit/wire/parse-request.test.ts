import { EditDto, ReceiveDto } from '../../../src/messages/message.dto.js';
import { SendDto } from '../../../src/wire/message.dto.js';
import { HistoryQuery, ReadDto } from '../../../src/messages/read.dto.js';
import { ParleyError } from '../../../src/kernel/errors.js';
import { CreateSessionDto, PatchSessionDto } from '../../../src/sessions/session.dto.js';
import { parseRequest, RequestPipe } from '../../../src/wire/request.pipe.js';
import { UnreadableBody } from '../../../src/wire/unreadable-body.js';

const parsed = (text: string): object => JSON.parse(text) as object;
const ATTACHMENT = { name: 'a.pdf', url: 'https://files.example/a.pdf' };
const aPayload = (fields: object = {}) => ({ content: 'Hello', ...fields });
const aReceive = (fields: object = {}) => ({ platform_user_id: 'ann', message: 'Hello', ...fields });
const withPayload = (fields: object) => aReceive({ message: { payload: aPayload(fields) } });

describe('a request', () => {
  it('may say a message as a text or as an object', () => {
    const asText = parseRequest(ReceiveDto, aReceive());
    const asObject = parseRequest(ReceiveDto, withPayload({}));
    expect(asText).toEqual(asObject);
    expect(asText.message.payload.content).toBe('Hello');
  });

  it('keeps what is the caller’s own as it came, whatever its keys are called', () => {
    const own = parsed(
      '{"constructor": "Ferrari", "toString": 1, "then": null, "deep": [{"constructor": {"x": null}}]}',
    );
    const result = parseRequest(ReceiveDto, { ...withPayload(own), metadata: own });
    expect(JSON.parse(JSON.stringify(result.message.payload))).toEqual({ content: 'Hello', ...own });
    expect(JSON.stringify(result.metadata)).toBe(JSON.stringify(own));
    const attachments = [{ ...ATTACHMENT, constructor: 'mine' }];
    const withAttachment = parseRequest(ReceiveDto, withPayload({ attachments }));
    expect(JSON.parse(JSON.stringify(withAttachment.message.payload.attachments))).toEqual(attachments);
  });

  it('takes null for absence, except where null means something', () => {
    const result = parseRequest(ReceiveDto, aReceive({ agent_session_id: null, metadata: null }));
    expect([result.agent_session_id, result.metadata]).toEqual([undefined, undefined]);
    const patch = parseRequest(PatchSessionDto, { title: null, agent_id: null, status: null });
    expect(patch).toMatchObject({ title: null, agent_id: null, context_mode: 'replace' });
    expect(patch.status).toBeUndefined();
  });

  it('may leave the content empty only beside attachments', () => {
    expect(problems(ReceiveDto, withPayload({ content: '' }))).toHaveProperty(['message.payload.content']);
    expect(problems(ReceiveDto, withPayload({ content: '', attachments: [] }))).toHaveProperty([
      'message.payload.content',
    ]);
    expect(problems(ReceiveDto, aReceive({ message: '' }))).toHaveProperty(['message.payload.content']);
    expect(problems(ReceiveDto, withPayload({ content: '', attachments: [ATTACHMENT] }))).toEqual({});
  });

  it.each<[string, new () => object, object, string[]]>([
    ['an unknown field', ReceiveDto, aReceive({ platform_userid: 'x' }), ['platform_userid']],
    ['several of them', ReceiveDto, aReceive({ a: 1, b: 2 }), ['a', 'b']],
    [
      'a field that objects have',
      ReceiveDto,
      parsed('{"platform_user_id": "u", "message": "m", "constructor": 1}'),
      ['constructor'],
    ],
    [
      'an unknown field inside',
      SendDto,
      { platform_user_id: 'u', message: { payload: aPayload(), extra: 1 } },
      ['message.extra'],
    ],
    ['a message that is a number', ReceiveDto, aReceive({ message: 7 }), ['message']],
    ['a message that is a list', ReceiveDto, aReceive({ message: [] }), ['message']],
    ['a payload that is a text', ReceiveDto, aReceive({ message: { payload: 'x' } }), ['message.payload']],
    [
      'a payload that is a list',
      ReceiveDto,
      aReceive({ message: { payload: [aPayload()] } }),
      ['message.payload'],
    ],
    ['a content that is a number', ReceiveDto, withPayload({ content: 7 }), ['message.payload.content']],
    ['a sender that is none', ReceiveDto, withPayload({ sender: 'robot' }), ['message.payload.sender']],
    [
      'attachments that are none',
      ReceiveDto,
      withPayload({ attachments: 'x' }),
      ['message.payload.attachments'],
    ],
    [
      'an attachment that is null',
      ReceiveDto,
      withPayload({ attachments: [null] }),
      ['message.payload.attachments.0', 'message.payload.attachments'],
    ],
    [
      'an attachment that runs code',
      ReceiveDto,
      withPayload({ attachments: [ATTACHMENT, { name: 'x', url: 'javascript:alert(1)' }] }),
      ['message.payload.attachments.1.url'],
    ],
    [
      'too many attachments',
      ReceiveDto,
      withPayload({ attachments: Array(51).fill(ATTACHMENT) }),
      ['message.payload.attachments'],
    ],
    ['metadata that is a list', ReceiveDto, aReceive({ metadata: [] }), ['metadata']],
    ['an empty id', ReceiveDto, aReceive({ platform_user_id: '' }), ['platform_user_id']],
    ['an id that is a number', ReceiveDto, aReceive({ platform_user_id: 7 }), ['platform_user_id']],
    [
      'an id of 256 characters',
      ReceiveDto,
      aReceive({ agent_session_id: 'x'.repeat(256) }),
      ['agent_session_id'],
    ],
    ['an id with a line end', ReceiveDto, aReceive({ client_message_id: 'a\nb' }), ['client_message_id']],
    ['a NUL character', ReceiveDto, aReceive({ message: 'a\0b' }), ['message']],
    [
      'a lone surrogate in the metadata',
      ReceiveDto,
      aReceive({ metadata: { a: ['\ud800'] } }),
      ['metadata.a.0'],
    ],
    [
      'a __proto__',
      ReceiveDto,
      parsed('{"platform_user_id": "u", "message": "m", "metadata": {"__proto__": {}}}'),
      ['metadata'],
    ],
    ['a position that is a text', ReadDto, { up_to_seq: '7' }, ['up_to_seq']],
    ['a position beyond 2^53', ReadDto, { up_to_seq: 2 ** 53 }, ['up_to_seq']],
    ['no ids', ReadDto, { message_ids: [] }, ['message_ids']],
    ['ids that are none', ReadDto, { message_ids: [7] }, ['message_ids']],
    ['an edit that empties', EditDto, { content: '' }, ['content']],
    ['a title too long', CreateSessionDto, { title: 'x'.repeat(501) }, ['title']],
    ['a status that is none', PatchSessionDto, { status: 'ajar' }, ['status']],
  ])('may not have %s', (_, dto, value, fields) => {
    const error = failure(() => parseRequest(dto, value));
    expect(error).toMatchObject({ status: 422, code: 'invalid_parameter' });
    expect(Object.keys(error.details.fields ?? {})).toEqual(fields);
    for (const field of fields) expect(error.details.fields?.[field]?.[0]).toMatch(new RegExp(`^${field} `));
  });

  it('is told what is missing, and that nothing else is wrong', () => {
    expect(failure(() => parseRequest(SendDto, {}))).toMatchObject({
      status: 422,
      code: 'missing_parameter',
      details: {
        fields: { platform_user_id: ['platform_user_id is required'], message: ['message is required'] },
      },
    });
    const noUrl = withPayload({ attachments: [{ name: 'x' }] });
    expect(failure(() => parseRequest(ReceiveDto, noUrl))).toMatchObject({ code: 'missing_parameter' });
    expect(Object.keys(problems(ReceiveDto, noUrl))).toEqual(['message.payload.attachments.0.url']);
    expect(failure(() => parseRequest(SendDto, { platform_user_id: 7 })).code).toBe('invalid_parameter');
    expect(
      failure(() => parseRequest(SendDto, { platform_user_id: 'u', message: { payload: {} } })),
    ).toMatchObject({
      code: 'missing_parameter',
      details: { fields: { 'message.payload.content': ['message.payload.content is required'] } },
    });
  });

  it.each([
    ['null', null],
    ['a text', 'x'],
    ['a list', []],
    ['nothing', undefined],
  ])('is no request when it is %s', (_, value) => {
    expect(failure(() => parseRequest(SendDto, value))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });

  it('leaves what it is given as it was', () => {
    const value = withPayload({ extra: { a: 1 }, attachments: [{ ...ATTACHMENT }] });
    const before = JSON.stringify(value);
    parseRequest(ReceiveDto, value);
    expect(JSON.stringify(value)).toBe(before);
  });
});

describe('the pipe', () => {
  const pipe = new RequestPipe();
  const query = (value: object) =>
    pipe.transform(value, { type: 'query', metatype: HistoryQuery }) as HistoryQuery;

  it('reads numbers of a query string, ignores what it does not know, and fills in defaults', () => {
    expect(query({ limit: '7', after: '0', utm_source: 'x' })).toMatchObject({
      limit: 7,
      after: 0,
      order: 'asc',
    });
    expect(query({})).toMatchObject({ limit: 50, order: 'asc' });
  });

  it.each(['0', '201', '-1', '1.5', '1e1', ' 7', '0x7', '', 'many', ['7', '8']])(
    'refuses limit=%s',
    (limit) => {
      expect(failure(() => query({ limit }))).toMatchObject({ status: 422, code: 'invalid_parameter' });
    },
  );

  it('passes on what has no class of its own', () => {
    for (const metatype of [String, Object, undefined])
      expect(pipe.transform('x', { type: 'param', metatype })).toBe('x');
    expect(pipe.transform({ a: 1 }, { type: 'custom', metatype: SendDto })).toEqual({ a: 1 });
  });

  it('finds nothing under a path that no id can be', () => {
    expect(failure(() => pipe.transform('a\0b', { type: 'param', metatype: String }))).toMatchObject({
      status: 404,
    });
  });

  it('complains of an unreadable body only where one is needed', () => {
    const complaint = new ParleyError('invalid_request', 'not JSON');
    const body = (value: unknown, metatype: new () => object) =>
      pipe.transform(value, { type: 'body', metatype });
    expect(failure(() => body(new UnreadableBody(complaint), PatchSessionDto))).toBe(complaint);
    expect(body(new UnreadableBody(complaint, true), PatchSessionDto)).toBeInstanceOf(PatchSessionDto);
    expect(failure(() => body(new UnreadableBody(complaint, true), SendDto))).toBe(complaint);
    expect(body(undefined, PatchSessionDto)).toBeInstanceOf(PatchSessionDto);
  });
});

function failure(act: () => unknown): ParleyError {
  try {
    act();
  } catch (error) {
    if (error instanceof ParleyError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

function problems(dto: new () => object, value: unknown): object {
  try {
    parseRequest(dto, value);
    return {};
  } catch (error) {
    return (error as ParleyError).details.fields ?? {};
  }
}

import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';

const MAX_BODY_BYTES = 65_536;
let node: TestNode;
let user: string;
let device: Recorder;

beforeAll(async () => void (node = await startTestNode({ MAX_BODY_BYTES: String(MAX_BODY_BYTES) })));
beforeEach(async () => {
  user = aUser();
  device = await node.device(user);
});
afterEach(closeSockets);
afterAll(() => node.stop());

/** The connection still works, and so does the node. */
async function expectAlive(): Promise<void> {
  expect(node.server.hasEnded()).toBe(false);
  const answer = await device.command('message:receive', { message: 'still here' });
  expect(answer).toMatchObject({ ok: true });
}

describe('A command that does not exist', () => {
  it.each([['no:such'], ['ready'], ['message'], ['join'], ['constructor'], ['__proto__'], [''], ['error']])(
    '%j is answered',
    async (event) => {
      expect(await device.command(event, { room: 'x' })).toEqual({
        ok: false,
        error: { code: 'invalid_request', message: expect.any(String), details: {} },
      });
      await expectAlive();
    },
  );

  it('is answered without data, and with a long name cut short', async () => {
    const answer = await device.command('x'.repeat(5_000));
    expect(answer.error.code).toBe('invalid_request');
    expect(answer.error.message.length).toBeLessThan(300);
  });

  it('may be a number, which the protocol allows', async () => {
    const answer = await device.command(7 as unknown as string, 'x');
    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_request' } });
    await expectAlive();
  });

  it('without a callback is ignored', async () => {
    device.socket.emit('no:such', 1);
    device.socket.emit('error', new Error('x'));
    device.socket.emit(0 as unknown as string);
    await expectAlive();
  });
});

describe('Odd arguments', () => {
  it('a command without a callback is done all the same', async () => {
    device.socket.emit('message:receive', { message: 'no callback' });
    expect((await device.next('message')).payload.content).toBe('no callback');
  });

  it('a refused command without a callback changes nothing', async () => {
    for (const event of ['message:receive', 'messages:read', 'typing', 'token:refresh'])
      for (const args of [[], [null], [5], ['x'], [[]], [{ nope: 1 }], [Buffer.from('x')]])
        device.socket.emit(event, ...args);
    await expectAlive();
    const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
    expect(messages.map(({ payload }: any) => payload.content)).toEqual(['still here']);
  });

  it.each([['message:receive'], ['messages:read'], ['typing'], ['token:refresh']])(
    'extra arguments of %s are refused',
    async (event) => {
      const answer = await device.command(event, { message: 'x' }, { message: 'y' }, 3);
      expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_request' } });
      await expectAlive();
    },
  );

  it.each([['message:receive'], ['messages:read'], ['typing'], ['token:refresh']])(
    'binary data for %s is refused',
    async (event) => {
      const answer = await device.command(event, Buffer.from('{"message":"x"}'));
      expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_parameter' } });
      await expectAlive();
    },
  );
});

describe('Size', () => {
  it('a message just below MAX_BODY_BYTES is taken', async () => {
    const answer = await device.command('message:receive', { message: 'x'.repeat(MAX_BODY_BYTES - 200) });
    expect(answer).toMatchObject({ ok: true, data: { seq: 1 } });
  });

  it.each([['websocket'], ['polling']])(
    'a larger one over %s ends the connection, and is not stored',
    async (transport) => {
      const other = await connect(node.url, { token: await node.token(user) }, { transports: [transport] });
      other.socket.emit('message:receive', { message: 'x'.repeat(MAX_BODY_BYTES + 1) });
      await other.cut();
      await expectAlive();
      const stored = await node.query(
        'SELECT count(*)::int AS n FROM messages WHERE length(payload::text) > $1',
        [MAX_BODY_BYTES],
      );
      expect(stored).toEqual([{ n: 0 }]);
    },
  );

  it('more binary attachments than the protocol library allows end the connection', async () => {
    const other = await node.device(user);
    const many = Array.from({ length: 200 }, () => Buffer.from('x'));
    other.socket.emit('message:receive', many);
    await other.cut();
    await expectAlive();
  });
});

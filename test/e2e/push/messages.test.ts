import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { startServer, type TestServer } from '../../support/server.js';
import { closeSockets, connect, type Recorder } from '../../support/socket.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

/** A last message, seen by every device: what had to come before it has come. */
async function fence(user: string, ...devices: Recorder[]): Promise<any> {
  const last = await node.send(user, 'fence');
  await eventually(() => devices.forEach((device) => expect(device.events('message').at(-1)).toEqual(last)));
  return last;
}

describe('message', () => {
  it('comes from every source, once, in order, to every device of the user and to nobody else', async () => {
    const [user, stranger] = [aUser(), aUser()];
    const token = await node.token(user);
    const byToken = await node.device(user);
    const byKey = await node.device(
      user,
      { api_key: node.key, platform_user_id: user },
      { transports: ['polling'] },
    );
    const silent = await node.device(user);
    const other = await node.device(stranger);

    const written = [
      await node.receive(user, 'REST, with the key'),
      await node.ok('POST', '/v1/message/receive', { message: 'REST, with the token' }, token),
      await node.ok('POST', '/api/v1/message/receive', { message: 'the other prefix' }, token),
      await node.send(user, 'the assistant'),
      await node.send(user, 'the system', { message: { payload: { content: '…', sender: 'system' } } }),
      await node.ok('POST', '/v1/messages/send', { user_id: user, content: 'the alias' }),
      (await byToken.command('message:receive', { message: 'this socket' })).data,
      (await byKey.command('message:receive', { message: 'another device' })).data,
      await node.send(user, 'another session', {
        message: { payload: { content: '…' }, agent_session_id: `s-${user}`, metadata: { a: [1] } },
      }),
    ];
    written.push(await fence(user, byToken, byKey, silent));

    const history = (await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).messages;
    expect(history.map(({ id }: any) => id)).toEqual(written.map(({ id }) => id));
    expect(history.map(({ seq }: any) => seq)).toEqual(written.map((_, index) => index + 1));
    for (const device of [byToken, byKey, silent]) expect(device.events('message')).toEqual(history);
    expect(other.received.map(({ event }) => event)).toEqual(['ready']);
  });

  it('comes once when a write is repeated with its client_message_id', async () => {
    const user = aUser();
    const device = await node.device(user);
    const body = { message: 'once', client_message_id: 'c1' };
    const first = await device.command('message:receive', body);
    await node.ok('POST', '/v1/message/receive', { platform_user_id: user, ...body });
    await device.command('message:receive', body);
    const last = await fence(user, device);
    expect(device.events('message')).toEqual([first.data, last]);
  });

  it('does not come for a write that was refused', async () => {
    const user = aUser();
    const device = await node.device(user);
    const refused = [
      await device.command('message:receive', { message: '' }),
      await device.command('message:receive', {
        message: { payload: { content: 'x', sender: 'assistant' } },
      }),
    ];
    expect(refused.map(({ ok }) => ok)).toEqual([false, false]);
    await fence(user, device);
    expect(device.events('message')).toHaveLength(1);
  });

  it('comes to a socket that a token of another key opened for the same user', async () => {
    const user = aUser();
    const { key } = await node.newKey({ scopes: ['user'] });
    const device = await node.device(user, { token: await node.token(user, 60, key) });
    const sent = await node.send(user, 'hello');
    expect(await device.next('message')).toEqual(sent);
  });

  it('keeps extra fields, attachments and every character', async () => {
    const user = aUser();
    const device = await node.device(user);
    const payload = {
      content: '𝄞 "\\ \u2028 ñ  <b>',
      mood: { deep: [null, 1.5] },
      attachments: [{ name: 'a.pdf', url: 'https://files.example.com/a.pdf', size: 3, pages: 2 }],
    };
    await device.command('message:receive', { message: { payload }, metadata: { trace: 'x' } });
    const message = await device.next('message');
    expect(message.payload).toEqual({ ...payload, sender: 'user' });
    expect(message.metadata).toEqual({ trace: 'x' });
  });

  describe('written by another node on the same database', () => {
    let second: TestServer;
    beforeAll(
      async () =>
        void (second = await startServer({
          databaseUrl: node.database.url,
          env: { RATE_LIMIT_PER_HOUR: '0', RECONCILE_INTERVAL_MS: '50' },
        })),
    );
    afterAll(() => second.stop());

    it('comes in order and once to the devices of both', async () => {
      const user = aUser();
      const here = await node.device(user);
      const there = await connect(second.url, { token: await node.token(user) });
      for (let i = 0; i < 5; i++) {
        await here.command('message:receive', { message: `here ${i}` });
        await there.command('message:receive', { message: `there ${i}` });
      }
      const last = await fence(user, here, there);
      expect(last.seq).toBe(11);
      const { messages } = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`);
      expect(here.events('message')).toEqual(messages);
      expect(there.events('message')).toEqual(messages);
    });

    it('is no reason to reset a client that has seen it there and connects here', async () => {
      const user = aUser();
      const slow = await startServer({
        databaseUrl: node.database.url,
        env: { RATE_LIMIT_PER_HOUR: '0', RECONCILE_INTERVAL_MS: '60000' },
      });
      try {
        const token = await node.token(user);
        const old = await connect(slow.url, { token }); // its follower stands at 0 and hears nothing
        const { epoch } = await old.next('ready');
        const { seq } = await node.send(user, 'written elsewhere');
        const device = await connect(slow.url, { token, after: seq, epoch });
        expect(await device.next('ready')).toMatchObject({ seq, reset: false });
        const next = (await device.command('message:receive', { message: 'next' })).data;
        expect(await device.next('message')).toEqual(next);
        expect(device.events('message')).toEqual([next]);
        await eventually(() => expect(old.events('message').map((message) => message.seq)).toEqual([1, 2]));
      } finally {
        closeSockets();
        await slow.stop();
      }
    });
  });
});

describe('message:updated', () => {
  it('comes for an edit, with the message as it is now', async () => {
    const user = aUser();
    const [one, two] = [await node.device(user), await node.device(user)];
    const { id, seq } = await node.send(user, 'draft');
    const edited = await node.ok('PATCH', `/v1/messages/${id}`, { content: 'final', metadata: { v: 2 } });
    expect(edited).toMatchObject({
      id,
      seq,
      updated_seq: 2,
      payload: { content: 'final' },
      metadata: { v: 2 },
    });
    for (const device of [one, two]) expect(await device.next('message:updated')).toEqual(edited);
  });

  it('comes once for a deletion, as a tombstone', async () => {
    const user = aUser();
    const device = await node.device(user);
    const { id } = await node.send(user, 'regretted', {
      message: { payload: { content: 'regretted', x: 1 } },
    });
    const tombstone = await node.ok('DELETE', `/v1/messages/${id}`);
    await node.ok('DELETE', `/v1/messages/${id}`);
    await fence(user, device);
    expect(device.events('message:updated')).toEqual([tombstone]);
    expect(tombstone).toMatchObject({ id, updated_seq: 2, deleted_at: expect.any(String), metadata: {} });
    expect(tombstone.payload).toEqual({ content: '', sender: 'assistant', attachments: [] });
  });

  it('comes with read when what was deleted was unread, and without it when not', async () => {
    const user = aUser();
    const device = await node.device(user);
    const unread = await node.send(user, 'never read');
    const own = await node.receive(user, 'my own');
    await node.ok('DELETE', `/v1/messages/${own.id}`);
    await node.ok('DELETE', `/v1/messages/${unread.id}`);
    await fence(user, device);
    expect(device.events('read')).toEqual([{ seq: 4, read_seq: 0, unread_count: 0 }]);
  });

  it.each<[string, (device: Recorder, id: string) => Promise<unknown>]>([
    ['the socket', (device, id) => device.command('messages:read', { message_ids: [id] })],
    ['the alias', (_, id) => node.ok('PUT', `/v1/messages/${id}/read`)],
  ])('comes for a single message read by %s, and read with it', async (_, read) => {
    const user = aUser();
    const [reader, other] = [await node.device(user), await node.device(user)];
    await node.send(user, 'one');
    const { id } = await node.send(user, 'two');
    await read(reader, id);
    for (const device of [reader, other]) {
      const updated = await device.next('message:updated');
      expect(updated).toMatchObject({ id, seq: 2, updated_seq: 3, read: true, read_at: expect.any(String) });
      expect(await device.next('read')).toEqual({ seq: 3, read_seq: 0, unread_count: 1 });
    }
  });

  it('comes in the order of the log, between the messages', async () => {
    const user = aUser();
    const device = await node.device(user);
    const first = await node.send(user, 'one');
    await node.ok('PATCH', `/v1/messages/${first.id}`, { content: 'one, better' });
    const second = await node.send(user, 'two');
    await node.ok('DELETE', `/v1/messages/${first.id}`);
    await fence(user, device);
    const inOrder = device.received
      .filter(({ event }) => event.startsWith('message'))
      .map(({ event, data }) => `${event} ${data.seq} ${data.updated_seq}`);
    expect(inOrder).toEqual([
      'message 1 1',
      'message:updated 1 2',
      `message ${second.seq} ${second.seq}`,
      'message:updated 1 4',
      'message 5 5',
    ]);
  });
});

describe('read', () => {
  it('comes to every device when something was read on one', async () => {
    const user = aUser();
    const [phone, laptop] = [await node.device(user), await node.device(user)];
    for (const text of ['one', 'two', 'three']) await node.send(user, text);
    const { data } = await phone.command('messages:read', { up_to_seq: 2 });
    expect(data).toEqual({ seq: 3, read_seq: 2, unread_count: 1 });
    for (const device of [phone, laptop]) expect(await device.next('read')).toEqual(data);
  });

  it('comes for a REST call too, and not when nothing changed', async () => {
    const user = aUser();
    const device = await node.device(user);
    await node.send(user, 'one');
    const state = await node.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 99 });
    await node.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 99 });
    await node.ok('POST', '/v1/messages/read', { platform_user_id: user, up_to_seq: 0 });
    await fence(user, device);
    expect(state).toEqual({ seq: 1, read_seq: 1, unread_count: 0 });
    expect(device.events('read')).toEqual([state]);
    expect(device.events('message:updated')).toEqual([]);
  });

  it('does not come to another user', async () => {
    const user = aUser();
    const other = await node.device(aUser());
    const device = await node.device(user);
    await node.send(user, 'one');
    await device.command('messages:read', { up_to_seq: 1 });
    await device.next('read');
    expect(other.received.map(({ event }) => event)).toEqual(['ready']);
  });
});

import { eventually } from '../../support/eventually.js';
import { aUser, cli, startTestNode, type TestNode } from '../../support/node.js';
import { openRawSocket, type RawSocket } from '../../support/raw-socket.js';
import { closeSockets, connect, type Recorder, refusal } from '../../support/socket.js';

let node: TestNode;
let other: string; // a key of another account
beforeAll(async () => {
  node = await startTestNode();
  await cli(node.database.url, 'account', 'create', 'other');
  other = await cli(node.database.url, 'key', 'create', '--account', 'other');
});
afterEach(closeSockets);
afterAll(() => node.stop());

/** Connects as the platform user of that name in the other account. */
async function namesake(user: string): Promise<Recorder> {
  return connect(node.url, { api_key: other, platform_user_id: user });
}

async function stored(user: string): Promise<number> {
  const sql = `SELECT count(*)::int AS n FROM messages m JOIN platform_users u ON u.id = m.user_id WHERE u.platform_user_id = $1`;
  return (await node.query(sql, [user]))[0].n;
}

describe('Two accounts with a platform user of the same name', () => {
  it('never hear each other', async () => {
    const user = aUser();
    const [ours, theirs] = [await node.device(user), await namesake(user)];
    const theirsToo = await connect(node.url, { token: await node.token(user, 3600, other) });
    const { id, agent_session_id } = await node.send(user, 'for ours');
    await ours.command('message:receive', { message: 'from ours' });
    await ours.command('typing', { typing: true });
    await ours.command('messages:read', { up_to_seq: 1 });
    await node.ok('PATCH', `/v1/messages/${id}`, { content: 'edited' });
    await node.ok('PATCH', `/v1/sessions/${agent_session_id}`, { title: 'renamed' });
    await ours.next('message:updated');
    expect(theirs.received.map(({ event }) => event)).toEqual(['ready']);
    expect(theirsToo.received.map(({ event }) => event)).toEqual(['ready']);

    const before = ours.received.length;
    const reply = await theirs.command('message:receive', { message: 'from theirs' });
    expect(await theirsToo.next('message')).toEqual(reply.data);
    await theirs.command('typing', { typing: true });
    await theirsToo.next('typing');
    expect(ours.received).toHaveLength(before);
    expect((await ours.next('ready')).epoch).not.toBe((await theirs.next('ready')).epoch);
  });

  it('have nothing of each other over any command', async () => {
    const user = aUser();
    const sent = await node.send(user, 'ours');
    const theirs = await namesake(user);
    const read = (id: string) => theirs.command('messages:read', { message_ids: [id] });
    const crossed = await read(sent.id);
    expect(crossed).toEqual(await read('msg_00000000001000000001'));
    expect(crossed).toMatchObject({ ok: false, error: { code: 'resource_not_found' } });
    const { data } = await theirs.command('message:receive', {
      message: 'in a session of that name',
      agent_session_id: sent.agent_session_id,
    });
    expect(data).toMatchObject({ seq: 1, agent_session_id: sent.agent_session_id });
    const sync = await theirs.command('sync', { after: 0 });
    expect(sync.data.messages).toEqual([data]);
    const foreign = await theirs.command('token:refresh', { token: await node.token(user) });
    expect(foreign).toMatchObject({ ok: false }); // a conflict: this connection uses a key
    const byToken = await connect(node.url, { token: await node.token(user, 3600, other) });
    expect(await byToken.command('token:refresh', { token: await node.token(user) })).toMatchObject({
      ok: false,
      error: { code: 'insufficient_permissions' },
    });
    expect((await node.ok('GET', `/v1/messages/all?platform_user_id=${user}`)).messages).toEqual([sent]);
  });

  it('are reset when one comes with the other’s place in the log', async () => {
    const user = aUser();
    await node.send(user, 'ours');
    const { epoch } = await (await node.device(user)).next('ready');
    const theirs = await connect(node.url, { api_key: other, platform_user_id: user, after: 0, epoch });
    expect(await theirs.next('ready')).toMatchObject({ seq: 0, reset: true });
    expect(theirs.events('message')).toEqual([]);
  });
});

describe('One account, two platform users: every command that names the other one', () => {
  it.each<[string, (user: string) => unknown]>([
    ['message:receive', (user) => ({ message: 'x', platform_user_id: user })],
    ['messages:read', (user) => ({ up_to_seq: 1, platform_user_id: user })],
    ['sync', (user) => ({ after: 0, platform_user_id: user })],
  ])('%s is refused, with a token and with a key', async (event, body) => {
    const [user, victim] = [aUser(), aUser()];
    await node.send(victim, 'for the victim');
    const devices = [
      await node.device(user),
      await node.device(user, { api_key: node.key, platform_user_id: user }),
    ];
    for (const device of devices)
      expect(await device.command(event, body(victim))).toMatchObject({
        ok: false,
        error: { code: 'insufficient_permissions' },
      });
    expect(await stored(victim)).toBe(1);
    expect((await node.ok('GET', `/v1/messages/unread?platform_user_id=${victim}`)).unread_count).toBe(1);
  });

  it('typing has no way to name anybody', async () => {
    const device = await node.device(aUser());
    const answer = await device.command('typing', { typing: true, platform_user_id: aUser() });
    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_parameter' } });
  });
});

describe('Rooms', () => {
  it('are entered by no event and no handshake field', async () => {
    const [user, victim] = [aUser(), aUser()];
    const audience = await node.device(victim);
    const [{ id }] = await node.query('SELECT id FROM platform_users WHERE platform_user_id = $1', [victim]);
    const rooms = [`user:${id}`, victim, audience.socket.id as string];
    const token = await node.token(user);
    const fields = { room: rooms[0], rooms, userId: id, data: { userId: id }, platformUserId: victim };
    const device = await connect(node.url, { token, ...fields }, { query: { room: `user:${id}` } });
    for (const room of rooms)
      for (const event of ['join', 'room', 'subscribe', 'rooms', 'to', 'in', 'socketsJoin', 'broadcast'])
        for (const argument of [room, [room], { room, platform_user_id: victim, data: { userId: id } }])
          expect(await device.command(event, argument)).toMatchObject({ ok: false });
    const sent = await node.send(victim, 'for the victim only');
    expect(await audience.next('message')).toEqual(sent);
    await device.command('message:receive', { message: 'mine' });
    expect((await device.next('message')).payload.content).toBe('mine');
    expect(device.events('message')).toHaveLength(1);
  });
});

describe('A socket that emits before its handshake is done is not handled', () => {
  const event = (text: string) => `2["message:receive",{"message":${JSON.stringify(text)}}]`;
  const asked = (text: string) => `21["message:receive",{"message":${JSON.stringify(text)}}]`;

  /** What the server has taken by now was not answered, and is not in the log: not now, nor after another handshake. */
  async function expectNothing(raw: RawSocket, user: string): Promise<void> {
    const first = await node.receive(user, 'the first message');
    await node.device(user);
    const second = await node.receive(user, 'the second message');
    expect([first.seq, second.seq]).toEqual([1, 2]);
    expect(raw.received.filter((packet) => packet.startsWith('3'))).toEqual([]);
    raw.close();
    await raw.closed;
  }

  it('control: the same packets in the right order are handled', async () => {
    const user = aUser();
    const raw = await openRawSocket(node.url);
    await raw.send(`0${JSON.stringify({ token: await node.token(user) })}`);
    await eventually(() => expect(raw.received.some((packet) => packet.startsWith('0{'))).toBe(true));
    await raw.send(asked('hello'));
    await eventually(() => expect(raw.received.some((packet) => packet.startsWith('31'))).toBe(true));
    expect(await stored(user)).toBe(1);
    raw.close();
  });

  it.each(['websocket', 'polling'] as const)('without any handshake, over %s', async (transport) => {
    const raw = await openRawSocket(node.url, transport);
    await raw.send(event('too early'), asked('too early'));
    await expectNothing(raw, aUser());
    const found = await node.query("SELECT 1 FROM messages WHERE payload::text LIKE '%too early%'");
    expect(found).toEqual([]);
  });

  it.each(['websocket', 'polling'] as const)(
    'right after a good handshake packet, over %s',
    async (transport) => {
      const user = aUser();
      const raw = await openRawSocket(node.url, transport);
      await raw.send(
        `0${JSON.stringify({ token: await node.token(user) })}`,
        event('too early'),
        asked('too early'),
      );
      await expectNothing(raw, user);
    },
  );

  it('right after a refused handshake packet', async () => {
    const user = aUser();
    const raw = await openRawSocket(node.url);
    await raw.send(
      `0${JSON.stringify({ api_key: 'parley_unknown', platform_user_id: user })}`,
      event('x'),
      asked('x'),
    );
    await expectNothing(raw, user);
  });

  it('after a handshake was refused', async () => {
    const user = aUser();
    const raw = await openRawSocket(node.url);
    await raw.send(`0${JSON.stringify({ api_key: 'parley_unknown', platform_user_id: user })}`);
    await eventually(() => expect(raw.received.some((packet) => packet.startsWith('4'))).toBe(true));
    await raw.send(event('x'), asked('x'));
    await expectNothing(raw, user);
  });

  it('in a namespace that was not entered', async () => {
    const user = aUser();
    const raw = await openRawSocket(node.url);
    await raw.send(`0${JSON.stringify({ token: await node.token(user) })}`);
    await eventually(() => expect(raw.received.some((packet) => packet.startsWith('0{'))).toBe(true));
    await raw.send('2/agents,["message:send",{"message":"x"}]');
    await expectNothing(raw, user);
  });

  it('a second handshake on a connection does not change who it is', async () => {
    const [user, victim] = [aUser(), aUser()];
    const raw = await openRawSocket(node.url);
    await raw.send(`0${JSON.stringify({ token: await node.token(user) })}`);
    await eventually(() => expect(raw.received.some((packet) => packet.startsWith('0{'))).toBe(true));
    await raw.send(`0${JSON.stringify({ token: await node.token(victim) })}`, event('as the victim'));
    await expectNothing(raw, victim);
  });

  it.each([
    ['an auth that is no object', '0"token"'],
    ['an auth that is a list', '0[1,2]'],
    ['broken JSON', '2["message:receive",{'],
    ['a reserved event', '2["disconnecting"]'],
    ['a packet type that does not exist', '9'],
    ['a lone acknowledgement', '31[{}]'],
    ['a binary packet without its attachments', '51-["message:receive",{"_placeholder":true,"num":0}]'],
    ['a handshake error from the client', '4{"message":"x"}'],
  ])('%s does no harm', async (_, packet) => {
    const raw = await openRawSocket(node.url);
    await raw.send(packet, '1');
    raw.close();
    await raw.closed;
    const user = aUser();
    const device = await node.device(user);
    expect(await device.command('message:receive', { message: 'fine' })).toMatchObject({ ok: true });
    expect(node.server.hasEnded()).toBe(false);
  });
});

it('A revoked credential opens nothing, from the first moment', async () => {
  const { id, key } = await node.newKey({ scopes: ['user'] });
  const user = aUser();
  const token = await node.token(user, 60, key);
  await node.ok('POST', `/v1/api-keys/${id}/revoke`);
  expect((await node.call('GET', '/v1/messages/all', undefined, token)).status).toBe(401);
  expect((await refusal(node.url, { token })).code).toBe('invalid_token');
  expect((await refusal(node.url, { api_key: key, platform_user_id: user })).code).toBe('invalid_api_key');
});

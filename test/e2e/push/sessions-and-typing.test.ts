import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets } from '../../support/socket.js';

let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

describe('session', () => {
  it('comes when a session is opened, renamed, routed, closed and reopened', async () => {
    const user = aUser();
    const [one, two] = [await node.device(user), await node.device(user)];
    const path = `/v1/sessions/s-${user}`;
    const opened = await node.ok('POST', '/v1/sessions', {
      platform_user_id: user,
      agent_session_id: `s-${user}`,
    });
    const changes = [
      opened,
      await node.ok('PATCH', path, { title: 'Late delivery' }),
      await node.ok('PATCH', path, { agent_id: 'support-bot' }),
      await node.ok('PATCH', path, { status: 'closed' }),
      await node.ok('PATCH', path, { status: 'open' }),
    ];
    for (const device of [one, two]) {
      for (const change of changes) expect(await device.next('session')).toEqual(change);
    }
    expect(changes.map(({ title, agent_id, status }) => [title, agent_id, status])).toEqual([
      [null, null, 'open'],
      ['Late delivery', null, 'open'],
      ['Late delivery', 'support-bot', 'open'],
      ['Late delivery', 'support-bot', 'closed'],
      ['Late delivery', 'support-bot', 'open'],
    ]);
  });

  it('comes once with the message that creates the session, and takes no position of its own', async () => {
    const user = aUser();
    const device = await node.device(user);
    const first = await node.receive(user, 'hello');
    const second = await node.receive(user, 'again');
    expect([first.seq, second.seq]).toEqual([1, 2]);
    await device.next('message');
    await device.next('message');
    expect(device.events('session')).toEqual([
      await node.ok('GET', `/v1/sessions/${first.agent_session_id}`).then((session) => ({
        ...session,
        last_message_at: first.created_at,
      })),
    ]);
  });

  it('does not come when a change changes nothing', async () => {
    const user = aUser();
    const device = await node.device(user);
    const { agent_session_id: id } = await node.receive(user, 'hello');
    await node.ok('PATCH', `/v1/sessions/${id}`, { status: 'open' });
    await node.receive(user, 'fence');
    await device.next('message');
    await device.next('message');
    expect(device.events('session')).toHaveLength(1);
  });

  it('never carries the agent’s memory, whoever connects and whatever was changed', async () => {
    const user = aUser();
    const context = { secret: 'the agent thinks so' };
    const devices = [
      await node.device(user),
      await node.device(user, { api_key: node.key, platform_user_id: user }),
    ];
    const { agent_session_id: id } = await node.ok('POST', '/v1/sessions', {
      platform_user_id: user,
      context,
    });
    await node.ok('PATCH', `/v1/sessions/${id}`, { context: { more: 'secret' }, context_mode: 'merge' });
    const titled = await node.ok('PATCH', `/v1/sessions/${id}`, { title: 'x' });
    expect(titled.context).toEqual({ ...context, more: 'secret' });
    const replayed = await node.device(user, { token: await node.token(user), after: 0 });
    await eventually(() =>
      devices.forEach((device) => expect(device.events('session').at(-1)?.title).toBe('x')),
    );
    for (const device of [...devices, replayed]) {
      expect(device.events('session').map((session) => session.context)).not.toContainEqual(
        expect.objectContaining({ secret: expect.anything() }),
      );
      expect(JSON.stringify(device.received)).not.toContain('secret');
    }
    expect(replayed.events('session')).toHaveLength(1);
  });
});

describe('typing', () => {
  it('comes to the other devices of the user, not to the one that types, nor to other users', async () => {
    const user = aUser();
    const [typist, other] = [await node.device(user), await node.device(user)];
    const stranger = await node.device(aUser());
    expect(await typist.command('typing', { typing: true, agent_session_id: 's1' })).toEqual({
      ok: true,
      data: {},
    });
    await typist.command('typing', { typing: false });
    expect(await other.next('typing')).toEqual({ agent_session_id: 's1', sender: 'user', typing: true });
    expect(await other.next('typing')).toEqual({ agent_session_id: null, sender: 'user', typing: false });
    expect(typist.events('typing')).toEqual([]);
    expect(stranger.received).toHaveLength(1);
  });

  it('leaves nothing behind: no position, no replay', async () => {
    const user = aUser();
    const typist = await node.device(user);
    await typist.command('typing', { typing: true });
    const late = await node.device(user, { token: await node.token(user), after: 0 });
    expect(await late.next('ready')).toMatchObject({ seq: 0 });
    expect(late.received).toHaveLength(1);
  });
});

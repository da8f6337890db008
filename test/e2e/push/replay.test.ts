import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, type Recorder } from '../../support/socket.js';

const PAGE = 200; // entries that the server reads at once
let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

/** A device that connects with what it remembers. */
async function returning(user: string, after: number, epoch?: string): Promise<Recorder> {
  return node.device(user, { token: await node.token(user), after, ...(epoch && { epoch }) });
}

/** What came, each as "event position". */
function trail(device: Recorder): string[] {
  return device.received.map(
    ({ event, data }) => `${event} ${event === 'ready' ? data.seq : data.updated_seq}`,
  );
}

async function write(user: string, count: number): Promise<any[]> {
  const device = await node.device(user);
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) => device.command('message:receive', { message: `m${index}` })),
  );
  device.close();
  return answers.map(({ data }) => data);
}

describe('auth.after', () => {
  it('continues exactly there, with ready after the replay', async () => {
    const user = aUser();
    const messages = await write(user, 5);
    const device = await returning(user, 3);
    expect(trail(device)).toEqual(['message 4', 'message 5', 'ready 5']);
    expect(device.events('message')).toEqual(messages.slice(3));
    const live = await node.send(user, 'live');
    expect(
      await device
        .next('message')
        .then(() => device.next('message'))
        .then(() => device.next('message')),
    ).toEqual(live);
  });

  it('replays nothing at the head, and everything from 0', async () => {
    const user = aUser();
    await write(user, 2);
    expect(trail(await returning(user, 2))).toEqual(['ready 2']);
    const all = await returning(user, 0);
    expect(trail(all)).toEqual(['message 1', 'session 1', 'message 2', 'ready 2']);
  });

  it.each([[PAGE - 1], [PAGE], [PAGE + 1], [2 * PAGE + 50]])(
    'replays %i entries, in order, once',
    async (count) => {
      const user = aUser();
      await node.send(user, 'seen already');
      const missed = await write(user, count);
      const device = await returning(user, 1);
      expect(device.events('message')).toEqual(missed);
      expect(device.received.at(-1)).toMatchObject({
        event: 'ready',
        data: { seq: count + 1, reset: false },
      });
    },
  );

  it('shows what was edited, deleted, read and closed while away, in its latest state', async () => {
    const user = aUser();
    const before = [await node.send(user, 'a'), await node.send(user, 'b'), await node.send(user, 'c')];
    const away = await node.device(user);
    const { seq, epoch } = await away.next('ready');
    away.close();
    await node.ok('PATCH', `/v1/messages/${before[0].id}`, { content: 'a, first edit' }); // 4
    const edited = await node.ok('PATCH', `/v1/messages/${before[0].id}`, { content: 'a, edited' }); // 5
    const deleted = await node.ok('DELETE', `/v1/messages/${before[1].id}`); // 6
    await node.ok('PUT', `/v1/messages/${before[2].id}/read`); // 7
    const session = await node.ok('PATCH', `/v1/sessions/${before[0].agent_session_id}`, {
      status: 'closed',
    }); // 8
    const fresh = await node.send(user, 'd'); // 9, in a session of its own
    const again = await node.ok('PATCH', `/v1/messages/${fresh.id}`, { content: 'd, edited' }); // 10

    const device = await returning(user, seq, epoch);
    expect(trail(device)).toEqual([
      'message:updated 5',
      'message:updated 6',
      'message:updated 7',
      'session 8',
      'message 9',
      'session 9',
      'message:updated 10',
      'ready 10',
    ]);
    expect(device.events('message:updated')).toEqual([
      edited,
      deleted,
      expect.objectContaining({ id: before[2].id, read: true }),
      again,
    ]);
    expect(device.events('session')[0]).toEqual({ ...session, context: {} });
    expect(device.events('message')[0].payload.content).toBe('d, edited'); // its latest state, at its own place
  });

  it('loses nothing and doubles nothing while others go on writing', async () => {
    const user = aUser();
    const first = await write(user, 2 * PAGE + 10);
    const writer = await node.device(user);
    const writing = Promise.all(
      Array.from({ length: 300 }, (_, index) => writer.command('message:receive', { message: `w${index}` })),
    );
    const edits = Promise.all(
      first.slice(0, 20).map(({ id }) => node.ok('PATCH', `/v1/messages/${id}`, { content: 'edited' })),
    );
    const devices = [];
    for (const after of [0, 1, 150, PAGE, 2 * PAGE + 9]) devices.push(await returning(user, after));
    await Promise.all([writing, edits]);
    const last = await node.send(user, 'fence');
    for (const [index, after] of [0, 1, 150, PAGE, 2 * PAGE + 9].entries()) {
      const device = devices[index] as Recorder;
      while ((await device.next('message')).seq < last.seq);
      const { messages } = await history(user);
      const due = messages.filter(({ seq }) => seq > after).map(({ seq }) => seq);
      expect(device.events('message').map(({ seq }) => seq)).toEqual(due);
      const positions = device.received
        .filter(({ event }) => event.startsWith('message'))
        .map(({ data }) => data.updated_seq as number);
      expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
      const editsAfter = messages.filter((message) => message.updated_seq > message.seq);
      expect(new Set(device.events('message:updated').map(({ id }) => id))).toEqual(
        new Set(editsAfter.map(({ id }) => id)),
      );
    }
  });
});

describe('reset', () => {
  it('is true for a position beyond the head, and the socket goes on from the present', async () => {
    const user = aUser();
    await write(user, 2);
    const device = await returning(user, 3);
    expect(trail(device)).toEqual(['ready 2']);
    expect(await device.next('ready')).toMatchObject({ reset: true, seq: 2 });
    const live = await node.send(user, 'live');
    expect(await device.next('message')).toEqual(live);
  });

  it('is true for another epoch, whatever the position', async () => {
    const user = aUser();
    await write(user, 2);
    const device = await returning(user, 1, 'another');
    expect(trail(device)).toEqual(['ready 2']);
    expect((await device.next('ready')).reset).toBe(true);
  });

  it('is true for the epoch of another user', async () => {
    const [user, other] = [aUser(), aUser()];
    await write(user, 2);
    const { epoch } = await (await node.device(other)).next('ready');
    expect((await (await returning(user, 1, epoch)).next('ready')).reset).toBe(true);
  });

  it('is false for the right epoch', async () => {
    const user = aUser();
    await write(user, 2);
    const { epoch } = await (await node.device(user)).next('ready');
    const device = await returning(user, 1, epoch);
    expect((await device.next('ready')).reset).toBe(false);
    expect(device.events('message')).toHaveLength(1);
  });
});

/** The whole log, by REST. */
async function history(user: string): Promise<{ messages: any[] }> {
  const messages = [];
  for (let after: number | null = 0; after !== null;) {
    const page = await node.ok('GET', `/v1/messages/all?platform_user_id=${user}&limit=200&after=${after}`);
    messages.push(...page.messages);
    after = page.next_after;
  }
  return { messages };
}

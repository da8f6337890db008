import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';
import { closeSockets, type Recorder } from '../../support/socket.js';

const DEVICES = 8;
const EACH = 40;
let node: TestNode;
beforeAll(async () => void (node = await startTestNode()));
afterEach(closeSockets);
afterAll(() => node.stop());

async function wholeLog(user: string): Promise<any[]> {
  const { messages, next_after } = await node.ok(
    'GET',
    `/v1/messages/all?limit=200&platform_user_id=${user}`,
  );
  expect(next_after).toBeNull();
  return messages;
}

it('Eight devices see exactly the log, in order, while four write over REST and sockets', async () => {
  const user = aUser();
  const token = await node.token(user);
  const devices = await Promise.all(
    Array.from({ length: DEVICES }, (_, index) =>
      node.device(user, index % 2 ? { token } : { api_key: node.key, platform_user_id: user }, {
        transports: [index === 3 ? 'polling' : 'websocket'],
      }),
    ),
  );
  const writers: ((text: string) => Promise<any>)[] = [
    (text) => node.receive(user, text),
    (text) => node.send(user, text),
    (text) => devices[0]!.command('message:receive', { message: text }).then(({ data }) => data),
    (text) => devices[1]!.command('message:receive', { message: text }).then(({ data }) => data),
  ];
  const written = await Promise.all(
    writers.map(async (write, writer) => {
      const own = [];
      for (let i = 0; i < EACH; i++) own.push(await write(`writer ${writer}, message ${i}`));
      return own;
    }),
  );

  const log = await wholeLog(user);
  expect(log.map(({ seq }) => seq)).toEqual(Array.from({ length: 4 * EACH }, (_, index) => index + 1));
  expect(new Set(log.map(({ id }) => id))).toEqual(new Set(written.flat().map(({ id }) => id)));
  for (const own of written)
    expect(own.map(({ seq }) => seq)).toEqual(own.map(({ seq }) => seq).sort((a, b) => a - b));
  await eventually(() => {
    for (const device of devices) expect(device.events('message')).toHaveLength(log.length);
  });
  for (const device of devices) expect(device.events('message')).toEqual(log);
});

it('Devices that come and go with what they remember have the whole log in the end', async () => {
  const user = aUser();
  const token = await node.token(user);
  let writing = true;
  const visitor = async (): Promise<any[]> => {
    const seen: any[] = [];
    let after = 0;
    const visit = async (): Promise<Recorder> => node.device(user, { token, after });
    const take = (device: Recorder) => {
      device.close();
      seen.push(...device.events('message'));
      after = device.received.reduce(
        (max, { data }) => Math.max(max, data.seq ?? 0, data.updated_seq ?? 0),
        after,
      );
    };
    while (writing) take(await visit());
    take(await visit());
    return seen;
  };
  const visitors = [visitor(), visitor(), visitor()];
  await Promise.all(
    [0, 1].map(async (writer) => {
      for (let i = 0; i < 60; i++) await node.send(user, `writer ${writer}, message ${i}`);
    }),
  );
  writing = false;
  const log = await wholeLog(user);
  for (const seen of await Promise.all(visitors)) expect(seen).toEqual(log);
});

it('Two users who write at once each see their own log only', async () => {
  const users = [aUser(), aUser()];
  const devices = await Promise.all(users.map((user) => node.device(user)));
  await Promise.all(
    devices.flatMap((device) =>
      Array.from({ length: EACH }, (_, index) => device.command('message:receive', { message: `m${index}` })),
    ),
  );
  for (const [index, user] of users.entries()) {
    const log = await wholeLog(user);
    expect(log).toHaveLength(EACH);
    await eventually(() => expect(devices[index]!.events('message')).toEqual(log));
  }
});

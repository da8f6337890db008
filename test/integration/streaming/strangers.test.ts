import { LocalBus } from '../../../src/bus/local-bus.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aSource, startStreamNode, type StreamNode } from './stream-node.js';

const USER = 'user-1';
const AGENT = { connectionId: 'socket-1', agentId: null };
let database: TestDatabase;
let nodes: StreamNode[];
let account: number;

beforeAll(async () => {
  database = await createTestDatabase();
  const bus = new LocalBus();
  nodes = [await startStreamNode(database.url, {}, bus), await startStreamNode(database.url, {}, bus)];
  const insert = `INSERT INTO accounts (name) VALUES ('a') RETURNING id`;
  account = (await nodes[0]!.dataSource.query<{ id: number }[]>(insert))[0]!.id;
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  await database.drop();
});

it('An answer in a request is that request’s alone, until the request is repeated, at whichever node', async () => {
  const [node, other] = nodes as [StreamNode, StreamNode];
  const start = { platformUserId: USER, clientMessageId: 'in-one-request' };
  const { id } = (await node.streams.start(aSource(account), start)).message;
  await node.streams.append(aSource(account), { message_id: id, offset: 0, delta: 'first ' });
  const saved = async (): Promise<unknown> =>
    (await node.dataSource.query<unknown[]>('SELECT text FROM stream_texts'))[0];
  await eventually(async () => expect(await saved()).toEqual({ text: 'first ' }));
  const strangers = [
    aSource(account, { id: 'socket-1', holder: AGENT }),
    aSource(account, { id: 'request-2' }),
  ];
  const refused = { code: 'resource_conflict', details: { field: 'message_id' } };
  for (const { streams } of nodes)
    for (const source of strangers) {
      const piece = { message_id: id, offset: 6, delta: 'FROM ANOTHER' };
      await expect(streams.append(source, piece)).rejects.toMatchObject(refused);
      await expect(streams.finish(source, id)).rejects.toMatchObject(refused);
    }
  const again = aSource(account, { id: 'request-2' });
  expect(await other.streams.start(again, start)).toMatchObject({ replayed: true, offset: 6 });
  await other.streams.append(again, { message_id: id, offset: 6, delta: 'second' });
  expect(await other.streams.finish(again, id)).toMatchObject({ payload: { content: 'first second' } });
});

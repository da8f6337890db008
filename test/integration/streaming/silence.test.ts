import { LocalBus } from '../../../src/bus/local-bus.js';
import type { Message } from '../../../src/kernel/wire.dto.js';
import { createTestDatabase, type TestDatabase } from '../../support/database.js';
import { eventually } from '../../support/eventually.js';
import { aSource, startStreamNode, type StreamNode } from './stream-node.js';

const USER = 'user-1';
const TIMEOUT_MS = 1500;
const ENV = { STREAM_TIMEOUT_MS: String(TIMEOUT_MS), MAX_STREAMS_PER_KEY: '1' };
const ended = expect.objectContaining({
  code: 'resource_conflict',
  details: { status: 'incomplete' },
}) as unknown;

let database: TestDatabase;
let node: StreamNode;
let account: number;

beforeAll(async () => {
  database = await createTestDatabase();
  node = await startStreamNode(database.url, ENV);
  const rows: { id: number }[] = await node.dataSource.query(
    `INSERT INTO accounts (name) VALUES ('a') RETURNING id`,
  );
  account = rows[0]!.id;
});
afterAll(async () => {
  await node.close();
  await database.drop();
});

async function started(): Promise<string> {
  return (await node.streams.start(aSource(account), { platformUserId: USER })).message.id;
}

const append = (id: string, offset: number, delta: string): Promise<{ offset: number }> =>
  node.streams.append(aSource(account), { message_id: id, offset, delta });

async function lastMessage(): Promise<Message | undefined> {
  const owner = await node.users.ensure(account, USER);
  const page = await node.reader.page(owner, { limit: 1, order: 'desc' });
  return page.messages.parse()[0];
}

describe('an answer whose writer falls silent', () => {
  it('is incomplete after a while, with what there is, and gives its place back', async () => {
    const id = await started();
    await append(id, 0, 'Half an');
    await eventually(async () => expect(await lastMessage()).toMatchObject({ id, status: 'incomplete' }));
    expect((await lastMessage())?.payload.content).toBe('Half an');
    await eventually(() => expect(append(id, 7, ' answer')).rejects.toEqual(ended));
    const next = await eventually(started);
    await append(next, 0, 'Whole');
    await node.streams.finish(aSource(account), next);
  });

  it('goes on while its writer says that it is there', async () => {
    const id = await started();
    await append(id, 0, 'Let me think. ');
    for (const end = Date.now() + 2 * TIMEOUT_MS; Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await append(id, 14, '');
    }
    await append(id, 14, 'Yes.');
    expect(await node.streams.finish(aSource(account), id)).toMatchObject({
      status: 'complete',
      payload: { content: 'Let me think. Yes.' },
    });
  });

  it('is ended by another node when its own is gone', async () => {
    const id = await started();
    await append(id, 0, 'Half an');
    const saved = async (): Promise<unknown> =>
      (await node.dataSource.query('SELECT text FROM stream_texts'))[0];
    await eventually(async () => expect(await saved()).toEqual({ text: 'Half an' }));
    const other = await startStreamNode(database.url, ENV, new LocalBus());
    await node.kill();
    node = other;
    await eventually(async () => expect(await lastMessage()).toMatchObject({ id, status: 'incomplete' }));
    expect((await lastMessage())?.payload.content).toBe('Half an');
  });

  it('is ended when it takes too long, however much is said', async () => {
    const other = await startStreamNode(database.url, {
      ...ENV,
      STREAM_MAX_MS: '1000',
      MAX_STREAMS_PER_KEY: '9',
    });
    const source = aSource(account);
    const { id } = (await other.streams.start(source, { platformUserId: USER })).message;
    const say = (): Promise<unknown> =>
      other.streams.append(source, { message_id: id, offset: 0, delta: 'and' });
    await eventually(() => expect(say()).rejects.toEqual(ended));
    expect(await lastMessage()).toMatchObject({ id, status: 'incomplete', payload: { content: 'and' } });
    await other.close();
  });
});

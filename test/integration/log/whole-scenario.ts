import type { LogOwner } from '../../../src/log/log-types.js';
import type { Reply } from '../../../src/log/replies.js';
import { aKey, aMessage, type LogNode } from '../../support/log-node.js';

const USERS = ['ada', 'ben', 'cleo', 'dan', 'eve', 'fay', 'gus', 'hal'];
/** More than a total counts anew each time (MOST_UNCOUNTED): so that it is kept. */
const LONG = 600;

/**
 * Does everything that the product does with a log, and gives what it was answered, without what differs from run to run:
 * times and ids that are made.
 */
export async function doEverything(node: LogNode, account: number, prefix = ''): Promise<unknown> {
  const { appender, changes, reader, users, sessions } = node;
  const key = aKey(account);
  const told: unknown[] = [...(await appendToEach(node, account, prefix))];
  for (const name of USERS) {
    const user = prefix + name;
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      told.push(await work().catch((error: unknown) => ({ refused: (error as { code?: string }).code })));
    };
    const append = (message: Parameters<typeof aMessage>[0] = {}) =>
      attempt(() => appender.append(account, user, aMessage(message)));
    const first = `${user}-first`;
    const second = `${user}-second`;

    await append({ agentSessionId: first, content: 'to a session that is born' });
    await append({ content: 'to the current one' });
    await append({ sender: 'system', content: 'a notice', clientMessageId: 'notice' });
    await append({ sender: 'user', clientMessageId: 'mine', content: 'once' });
    await append({ sender: 'user', clientMessageId: 'mine', content: 'once' });
    await append({ sender: 'user', clientMessageId: 'mine', content: 'something else' });
    await Promise.all(Array.from({ length: 20 }, (_, i) => append({ content: `together ${i}` })));
    await attempt(() =>
      sessions.create(key, { platform_user_id: user, agent_session_id: second, title: 'Second' }),
    );
    await append({ agentSessionId: second });
    await append({ agentSessionId: first, clientMessageId: 'elsewhere' });
    await attempt(() => sessions.patch(key, second, { status: 'closed', context_mode: 'replace' }));
    await append({ agentSessionId: second, content: 'too late' });
    await append({ content: 'to the most recent open one' });

    const owner = await users.ensure(account, user);
    await attempt(() => changes.edit(owner, 2, { payload: { content: 'edited' } }));
    await attempt(() => changes.delete(owner, 4));
    await attempt(() => changes.readMessages(owner, [5, 6]));
    await attempt(() => changes.readUpTo(owner, 10));
    told.push(await readAll(node, account, user, first));
    await attempt(() => sessions.list(key, { platform_user_id: user, limit: 10 }));
    await attempt(() => sessions.get(key, first));
    await attempt(async () => [...(await reader.heads([owner.userId])).values()]);
    await append({ sender: 'user', agentSessionId: first });
    told.push(...(await answer(node, owner, first)));
  }
  const say = (text: string) =>
    appender.append(
      account,
      `${prefix}ada`,
      aMessage({ sender: 'user', content: text, clientMessageId: text }),
    );
  await Promise.all(Array.from({ length: LONG }, (_, i) => say(`long ${i}`)));
  await say('the last word');
  await appender.append(account, `${prefix}ada`, aMessage({ clientMessageId: 'the last answer' }));
  told.push(await readAll(node, account, `${prefix}ada`, `${prefix}ada-first`));
  told.push(await readAll(node, account, `${prefix}ada`, `${prefix}ada-first`));
  return comparable(told);
}

/** One message for each of some users at once, of every mix of senders that has a statement of its own. */
async function appendToEach({ appender }: LogNode, account: number, prefix: string): Promise<unknown[]> {
  const users = [`${prefix}ida`, `${prefix}jan`, `${prefix}kim`];
  const mixes = [['system'], ['user'], ['assistant'], ['user', 'assistant', 'system']] as const;
  const told: unknown[] = [];
  for (const mix of mixes) {
    const append = (user: string, i: number) => {
      const sender = mix[i % mix.length] ?? 'user';
      const clientMessageId = `each-${mix.join('-')}`;
      const message = aMessage({ sender, clientMessageId, agentSessionId: `${user}-own` });
      return appender.append(account, user, message);
    };
    told.push(await Promise.all(users.map(append)));
  }
  return told;
}

/** What an agent does with a session in which something waits: something is left at the end. */
async function answer(node: LogNode, owner: LogOwner, session: string): Promise<unknown[]> {
  const { appender, inbox, replies, claims } = node;
  const holder = { connectionId: `socket of ${owner.userId}`, agentId: null };
  const ask = () =>
    appender.append(
      owner.accountId,
      owner.platformUserId,
      aMessage({ sender: 'user', agentSessionId: session }),
    );
  const look = async () => {
    const [{ sinceSeq } = { sinceSeq: 0 }] = [await inbox.pendingOf(owner, session)];
    const messages = await inbox.messages(owner, session, sinceSeq, 10);
    return { messages, told: { sinceSeq, upTo: messages.at(-1)?.seq ?? 0 } };
  };
  const first = await look();
  const message = aMessage({ agentSessionId: session, clientMessageId: 'reply' }) as Reply;
  const reply = await replies.reply(owner, message, holder, first.told);
  await ask();
  await ask();
  const second = await look();
  await inbox.ack(owner, session, second.told.sinceSeq, holder);
  await inbox.pending(owner.accountId, 1, { agentIds: [] }); // there is more
  const waiting = await inbox.pending(owner.accountId, 1000);
  const left = waiting.filter((one) => one.owner.userId === owner.userId).map(({ sinceSeq }) => sinceSeq);
  const released = await claims.release(owner, session, holder.connectionId);
  const other = { connectionId: `another socket of ${owner.userId}`, agentId: null };
  const tooLate = await replies
    .reply(owner, aMessage({ agentSessionId: session }) as Reply, other, first.told)
    .catch((error: unknown) => ({ refused: (error as { code?: string }).code }));
  return [first, reply, second, left, released, tooLate];
}

/** Every way to read the log of a user. */
export async function readAll(
  { reader, users }: LogNode,
  account: number,
  user: string,
  session: string,
): Promise<unknown> {
  const owner = await users.ensure(account, user);
  const range = { limit: 7 };
  return comparable({
    all: [
      await reader.page(owner, { ...range, order: 'asc', after: 3 }),
      await reader.page(owner, { ...range, order: 'desc' }),
      await reader.pageByOffset(owner, 5, 2),
    ],
    session: [
      await reader.page(owner, { ...range, agentSessionId: session }),
      await reader.page(owner, { ...range, agentSessionId: session, order: 'desc' }),
    ],
    unread: [
      await reader.unread(owner, range),
      await reader.unread(owner, { ...range, agentSessionId: session }),
    ],
    sync: [await reader.after(owner.userId, 0, 200), await reader.after(owner.userId, 25, 5)],
    one: await reader.message(owner, 2),
  });
}

/** Without times and ids, which differ from run to run. */
function comparable(value: unknown): unknown {
  const text = JSON.stringify(value, (name, part: unknown) =>
    /^id$|_at$/.test(name) && typeof part === 'string' ? 'some' : part,
  );
  return JSON.parse(text) as unknown;
}

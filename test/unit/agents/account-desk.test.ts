import fc from 'fast-check';
import { AccountDesk, type DeskHost } from '../../../src/agents/account-desk.js';
import type { DeskAgent } from '../../../src/agents/desk.js';
import { Horizon } from '../../../src/agents/horizon.js';
import type { Hint } from '../../../src/kernel/events.js';
import type { Message, Session } from '../../../src/kernel/wire.dto.js';
import type { PendingSession } from '../../../src/log/inbox.js';
import { Random } from '../../cluster/random.js';

const LIMIT = 50;
const RUNS = 150;
const STEPS = 60;
const ACCOUNT = 1;
const owner = { accountId: ACCOUNT, userId: 7, platformUserId: 'user' };

interface Waiting {
  seqs: number[];
  holder: string | null;
}

/**
 * An inbox whose reads take their time: an answer shows the inbox as it was at some moment between question and answer, and
 * answers overtake each other. Its hints may be lost.
 */
class SlowInbox {
  readonly sessions = new Map<string, Waiting>();
  readonly told: string[] = [];
  readonly errors: unknown[] = [];
  isAway = false;
  private listener: (hint: Hint) => void = () => undefined;
  private head = 0;

  constructor(private readonly random: Random) {}

  readonly host: DeskHost = {
    subscribe: async (listener) => {
      await this.pause();
      this.listener = listener;
      return () => (this.listener = () => undefined);
    },
    pending: (limit) =>
      this.read(() => [...this.sessions.keys()].slice(0, limit).map((id) => this.pending(id)!)),
    pendingOf: (_, id) => this.read(() => this.pending(id)),
    messages: (_, id, sinceSeq) =>
      this.read(() =>
        (this.sessions.get(id)?.seqs ?? [])
          .filter((seq) => seq >= sinceSeq)
          .map((seq) => ({ seq }) as Message),
      ),
    tell: ({ to, session, messages }) =>
      void this.told.push(`${to} ${session.agent_session_id} ${messages.map(({ seq }) => seq).join()}`),
    onSession: () => undefined,
    onError: (error) => void this.errors.push(error),
  };

  say(id: string): void {
    const { seqs, holder } = this.sessions.get(id) ?? { seqs: [], holder: null };
    this.sessions.set(id, { seqs: [...seqs, ++this.head], holder });
  }

  hint(id: string, isLost: boolean): void {
    const { accountId, userId, platformUserId } = owner;
    if (!isLost)
      this.listener({ kind: 'inbox', accountId, userId, platformUserId, agentSessionId: id, seq: null });
  }

  private pending(id: string): PendingSession | undefined {
    const waiting = this.sessions.get(id);
    if (!waiting) return undefined;
    const { seqs, holder } = waiting;
    // As of messages that come within a millisecond.
    const session = { agent_session_id: id, agent_id: null, last_message_at: 'now' } as Session;
    const claim = holder === null ? null : { holder, agentId: null, expiresAt: 0 };
    return { owner, session, sinceSeq: seqs[0]!, lastSeq: seqs.at(-1)!, claim };
  }

  private async read<T>(look: () => T): Promise<T> {
    await this.pause();
    if (this.isAway) throw new Error('away');
    const seen = look();
    await this.pause();
    return seen;
  }

  private async pause(): Promise<void> {
    for (let turns = this.random.integer(0, 3); turns > 0; turns--) await new Promise(setImmediate);
  }
}

const anAgent = (id: string): DeskAgent => ({ id, agentId: null, horizon: new Horizon() });

const rest = async (): Promise<void> => {
  for (let turns = 0; turns < 30; turns++) await new Promise(setImmediate);
};

it('Whatever hints are lost and however reads overtake each other: after a comparison everybody knows all', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(), expectAllTold), { numRuns: RUNS });
});

async function expectAllTold(seed: number): Promise<void> {
  const random = new Random(seed);
  const inbox = new SlowInbox(random);
  const desk = new AccountDesk(inbox.host, LIMIT);
  await desk.join(anAgent('ann'), () => undefined);
  for (let step = 0; step < STEPS; step++) {
    const id = `s${random.integer(1, 4)}`;
    const waiting = inbox.sessions.get(id);
    const chance = random.next();
    if (chance < 0.5) inbox.say(id);
    else if (chance < 0.7) inbox.sessions.delete(id);
    else if (waiting) waiting.holder = random.pick([null, 'ann', 'elsewhere']);
    inbox.hint(id, random.next() < 0.4);
    if (random.next() < 0.1) void desk.compare();
    if (random.next() < 0.5) await new Promise(setImmediate);
  }
  await rest();
  await desk.compare();
  const expected = [...inbox.sessions].filter(([, { holder }]) => holder !== 'elsewhere');
  expect([...desk.desk.waiting.keys()].sort()).toEqual(expected.map(([id]) => id).sort());
  for (const [id, { seqs }] of expected)
    expect(inbox.told.filter((line) => line.startsWith(`ann ${id} `)).at(-1)).toMatch(
      new RegExp(`\\b${seqs.at(-1)}$`),
    );
  expect(inbox.errors).toEqual([]);
}

it('An agent is greeted before it is told, and told of a session once, as it is then', async () => {
  const inbox = new SlowInbox(new Random(1));
  inbox.say('s1');
  const desk = new AccountDesk(inbox.host, LIMIT);
  const joining = desk.join(anAgent('ann'), (pending) => inbox.told.push(`ready ${pending}`));
  await new Promise(setImmediate);
  inbox.say('s1');
  inbox.hint('s1', false);
  await joining;
  await rest();
  expect(inbox.told[0]).toBe('ready 1');
  expect(inbox.told.at(-1)).toBe('ann s1 1,2');
});

it('An agent is not told of what was handled while it was about to be greeted', async () => {
  const inbox = new SlowInbox(new Random(4));
  for (const id of ['s1', 's1', 's2']) inbox.say(id);
  const desk = new AccountDesk(inbox.host, LIMIT);
  await desk.join(anAgent('ann'), () => undefined);
  inbox.told.length = 0;
  inbox.sessions.get('s1')?.seqs.shift(); // handled by somebody; nothing is heard of it
  inbox.sessions.delete('s2');
  await desk.join(anAgent('ben'), (pending) => inbox.told.push(`ready ${pending}`));
  await rest();
  expect(inbox.told).toEqual(['ready 1', 'ben s1 2']);
});

it('Who has left while it was about to be greeted hears nothing', async () => {
  const inbox = new SlowInbox(new Random(2));
  inbox.say('s1');
  const desk = new AccountDesk(inbox.host, LIMIT);
  const ann = anAgent('ann');
  const joining = desk.join(ann, () => inbox.told.push('ready'));
  desk.leave(ann);
  await joining;
  await rest();
  expect(inbox.told).toEqual([]);
});

it('An inbox that cannot be read refuses who comes, and lets in who comes later', async () => {
  const inbox = new SlowInbox(new Random(3));
  inbox.say('s1');
  inbox.isAway = true;
  const desk = new AccountDesk(inbox.host, LIMIT);
  const ann = anAgent('ann');
  await expect(desk.join(ann, () => inbox.told.push('ready'))).rejects.toThrow('away');
  inbox.isAway = false;
  await desk.join(ann, () => inbox.told.push('ready'));
  expect(inbox.told).toEqual(['ready', 'ann s1 1']);
});

it('A refused agent is told again at once of what still waits', async () => {
  const inbox = new SlowInbox(new Random(5));
  const desk = new AccountDesk(inbox.host, LIMIT);
  const ann = anAgent('ann');
  await desk.join(ann, () => undefined);
  for (const _ of [1, 2]) inbox.say('s1');
  await desk.compare();
  inbox.sessions.set('s1', { seqs: [2], holder: null }); // somebody has handled the first
  await desk.compare();
  desk.refuseHandled('ann', 's1', { sinceSeq: 1, upTo: 2 });
  await rest();
  expect(inbox.told).toEqual(['ann s1 1,2', 'ann s1 2']);
  expect(ann.horizon.of('s1')).toEqual({ sinceSeq: 2, upTo: 2 });
});

it('An agent that has answered is not told of that again by a read that began before', async () => {
  const inbox = new SlowInbox(new Random(6));
  const host = { ...inbox.host };
  const desk = new AccountDesk(host, LIMIT);
  await desk.join(anAgent('ann'), () => undefined);
  inbox.say('s1');
  await desk.compare();
  inbox.say('s1');
  const read = await inbox.host.messages(owner, 's1', 1, LIMIT);
  let answer = (_: Message[]): void => undefined;
  host.messages = () => new Promise((resolve) => (answer = resolve));
  inbox.hint('s1', false);
  await rest();
  host.messages = inbox.host.messages;
  inbox.sessions.set('s1', { seqs: [2], holder: null }); // ann has handled the first
  inbox.hint('s1', false);
  answer(read);
  await rest();
  expect(inbox.told).toEqual(['ann s1 1', 'ann s1 2']);
});

it('A list that is older than what was heard meanwhile tells nobody anything', async () => {
  const inbox = new SlowInbox(new Random(4));
  let answer = (_: PendingSession[]): void => undefined;
  const host = { ...inbox.host };
  const desk = new AccountDesk(host, LIMIT);
  await desk.join(anAgent('ann'), () => undefined);
  inbox.say('s1');
  const old = await inbox.host.pending(LIMIT, {});
  host.pending = () => new Promise((resolve) => (answer = resolve));
  const comparing = desk.compare();
  inbox.sessions.get('s1')!.holder = 'elsewhere';
  inbox.hint('s1', false);
  await rest();
  answer(old);
  await comparing;
  expect(inbox.told).toEqual([]);
  expect(desk.desk.waiting.size).toBe(0);
});

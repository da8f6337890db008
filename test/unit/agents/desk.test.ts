import { Desk, type DeskAgent, type Telling, type WaitingSession } from '../../../src/agents/desk.js';
import { Horizon } from '../../../src/agents/horizon.js';
import type { Message, Session } from '../../../src/kernel/wire.dto.js';

const LIMIT = 100;
const owner = { accountId: 1, userId: 1, platformUserId: 'user' };
const anAgent = (id: string, agentId: string | null = null): DeskAgent => ({
  id,
  agentId,
  horizon: new Horizon(),
});
let ann: DeskAgent, ben: DeskAgent, sal: DeskAgent;

/** Session `s` as it stands; messages by their positions. */
function waiting(
  seqs: number[],
  change: Partial<WaitingSession> & { agent_id?: string | null; id?: string } = {},
) {
  const { agent_id = null, id = 's', ...fields } = change;
  const session = { agent_session_id: id, agent_id } as Session;
  const messages = seqs.map((seq) => ({ seq }) as Message);
  return {
    owner,
    session,
    sinceSeq: seqs[0] ?? 0,
    lastSeq: seqs.at(-1) ?? 0,
    messages,
    holder: null,
    ...fields,
  };
}

const who = (tellings: Telling[]): string[] =>
  tellings.map(({ to, messages }) => `${to}:${messages.map(({ seq }) => seq).join()}`);

let desk: Desk;
beforeEach(() => {
  desk = new Desk(LIMIT);
  [ann, ben, sal] = [anAgent('ann'), anAgent('ben'), anAgent('sal', 'sales')];
});

describe('A desk tells', () => {
  it('every agent of what is routed to nobody, once', () => {
    [ann, ben, sal].forEach((agent) => desk.add(agent));
    expect(who(desk.update(waiting([1])))).toEqual(['ann:1', 'ben:1', 'sal:1']);
    expect(desk.update(waiting([1]))).toEqual([]);
    expect(who(desk.update(waiting([1, 2])))).toEqual(['ann:1,2', 'ben:1,2', 'sal:1,2']);
  });

  it('only the agent that it is routed to', () => {
    [ann, sal].forEach((agent) => desk.add(agent));
    expect(who(desk.update(waiting([1], { agent_id: 'sales' })))).toEqual(['sal:1']);
    expect(desk.update(waiting([1], { agent_id: 'support' }))).toEqual([]);
    expect(who(desk.update(waiting([1], { agent_id: 'sales' })))).toEqual(['sal:1']); // it may have been refused
  });

  it('a newcomer of all that waits for it', () => {
    desk.add(ann);
    desk.update(waiting([1], { id: 's1' }));
    desk.update(waiting([5, 6], { id: 's2' }));
    desk.update(waiting([2], { id: 's3', holder: 'ann' }));
    expect(who(desk.add(ben))).toEqual(['ben:1', 'ben:5,6']);
    expect(desk.add({ ...ben })).toEqual([]); // the same connection
  });

  it('nobody of what is handled, and all again of what comes then', () => {
    desk.add(ann);
    desk.update(waiting([1]));
    desk.settle('s');
    expect(who(desk.add(ben))).toEqual([]);
    expect(who(desk.update(waiting([3])))).toEqual(['ann:3', 'ben:3']);
  });

  it('while it is claimed its claimant alone', () => {
    [ann, ben].forEach((agent) => desk.add(agent));
    desk.update(waiting([1]));
    expect(desk.update(waiting([1], { holder: 'ann' }))).toEqual([]); // it knows
    expect(who(desk.update(waiting([1, 2], { holder: 'ann' })))).toEqual(['ann:1,2']);
    expect(desk.listeners('s')).toEqual(['ann']);
  });

  it('all again when the claim has ended, but who held it: it knows', () => {
    [ann, ben].forEach((agent) => desk.add(agent));
    desk.update(waiting([1]));
    desk.update(waiting([1], { holder: 'ann' }));
    expect(who(desk.update(waiting([1])))).toEqual(['ben:1']);
    expect(who(desk.update(waiting([1, 2])))).toEqual(['ann:1,2', 'ben:1,2']);
    desk.update(waiting([1, 2], { holder: 'ann' }));
    desk.update(waiting([1, 2], { holder: 'ben' }));
    expect(who(desk.update(waiting([1, 2])))).toEqual(['ann:1,2']); // by now somebody else has had it
    desk.update(waiting([1, 2], { holder: 'ann' }));
    desk.remove('ann');
    desk.add(ann); // it came back
    expect(who(desk.update(waiting([1, 2])))).toEqual(['ben:1,2', 'ann:1,2']);
  });

  it('nobody while somebody elsewhere has claimed it, and all when that has ended', () => {
    [ann, ben].forEach((agent) => desk.add(agent));
    desk.update(waiting([1]));
    expect(desk.update(waiting([1, 2], { holder: 'elsewhere' }))).toEqual([]);
    expect(desk.waiting.size).toBe(0);
    expect(who(desk.update(waiting([1, 2])))).toEqual(['ann:1,2', 'ben:1,2']);
  });

  it('who was refused again, also when nobody has seen the claim here', () => {
    [ann, ben].forEach((agent) => desk.add(agent));
    desk.update(waiting([1]));
    desk.refuse('ben', 's');
    expect(who(desk.update(waiting([1])))).toEqual(['ben:1']);
  });

  it('of so many sessions at once as it may', () => {
    desk = new Desk(2);
    desk.add(ann);
    for (const id of ['s1', 's2', 's3']) desk.update(waiting([1], { id }));
    expect([...desk.waiting.keys()]).toEqual(['s1', 's2']);
    expect(who(desk.update(waiting([1, 2], { id: 's1' })))).toEqual(['ann:1,2']); // what waits here goes on
    desk.settle('s2');
    expect(who(desk.update(waiting([1], { id: 's3' })))).toEqual(['ann:1']);
  });

  it('of so many sessions of each routing: who does not work keeps nothing from the others', () => {
    desk = new Desk(1);
    [sal, ann].forEach((agent) => desk.add(agent));
    desk.update(waiting([1], { id: 's1', agent_id: 'sales' }));
    expect(desk.update(waiting([1], { id: 's2', agent_id: 'sales' }))).toEqual([]);
    expect(who(desk.update(waiting([1], { id: 's3' })))).toEqual(['sal:1', 'ann:1']);
    expect(desk.update(waiting([1], { id: 's1' }))).toEqual([]); // there is no room where it is routed to now
    expect([...desk.waiting.keys()]).toEqual(['s3']);
    expect(who(desk.update(waiting([1], { id: 's2', agent_id: 'sales' })))).toEqual(['sal:1']);
    desk.remove('sal');
    desk.add(sal);
    expect(who(desk.update(waiting([1], { id: 's1', agent_id: 'sales' })))).toEqual(['sal:1']);
  });

  it('no longer who has left', () => {
    [ann, ben].forEach((agent) => desk.add(agent));
    desk.remove('ann');
    expect(who(desk.update(waiting([1])))).toEqual(['ben:1']);
    desk.remove('ben');
    expect(desk.isEmpty && desk.waiting.size === 0).toBe(true);
  });
});

describe('What an answer answers to', () => {
  it('is all that its agent was told, from the first position to the last', () => {
    [ann, ben].forEach((agent) => desk.add(agent));
    desk.update(waiting([1]));
    desk.update(waiting([1, 4]));
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 1, upTo: 4 });
    expect(ann.horizon.of('s', 1)).toEqual({ sinceSeq: 1, upTo: 1, isNamed: true });
    expect(ann.horizon.of('other')).toBeUndefined();
  });

  it('is what the agent says it has seen, whatever it was told over this connection', () => {
    desk.add(ann);
    const named = { sinceSeq: 7, upTo: 7, isNamed: true };
    expect(ann.horizon.of('s', 7)).toEqual(named);
    desk.update(waiting([9]));
    expect(ann.horizon.of('s', 7)).toEqual(named); // of before: it must not pass for one to 9
  });

  it('is remembered after the session was handled: a late answer must not pass', () => {
    desk.add(ann);
    desk.update(waiting([1]));
    desk.settle('s');
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 1, upTo: 1 });
  });

  it('is nothing once the agent was refused, because that is handled: it knows, and may go on', () => {
    desk.add(ann);
    desk.update(waiting([1, 2]));
    desk.refuseHandled('ann', 's', { sinceSeq: 1, upTo: 1 });
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 1, upTo: 2 }); // that was not all that it was told
    desk.refuseHandled('ann', 's', { sinceSeq: 1, upTo: 2 });
    expect(ann.horizon.of('s')).toBeUndefined();
    expect(who(desk.update(waiting([2])))).toEqual(['ann:2']);
  });

  it('is not what the agent has answered before', () => {
    desk.add(ann);
    desk.update(waiting([1, 2]));
    ann.horizon.handle('s', 1);
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 2, upTo: 2 });
    ann.horizon.handle('s', 2);
    expect(ann.horizon.of('s')).toBeUndefined();
  });

  it('outlasts the connection: what its agent has sent last answers to the same', () => {
    desk.add(ann);
    desk.update(waiting([1]));
    desk.remove('ann');
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 1, upTo: 1 });
    const again = anAgent('ann, come again');
    expect(who(desk.add(again))).toEqual([]); // nobody was here to whom it mattered
    expect(who(desk.update(waiting([1])))).toEqual(['ann, come again:1']);
  });

  it('may be more than what it was told last, when somebody has handled the beginning meanwhile', () => {
    desk.add(ann);
    desk.update(waiting([1, 2]));
    desk.update(waiting([2, 3]));
    expect(ann.horizon.of('s', 2)).toEqual({ sinceSeq: 1, upTo: 2, isNamed: true });
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 1, upTo: 3 });
    desk.refuseHandled('ann', 's', { sinceSeq: 1, upTo: 2 });
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 2, upTo: 3 }); // of which it was told meanwhile
    desk.update(waiting([5]));
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 5, upTo: 5 }); // all of before is handled
  });

  it('is what it was told last, when it knew before that somebody else was faster', () => {
    desk.add(ann);
    desk.update(waiting([1, 2]));
    desk.refuse('ann', 's');
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 1, upTo: 2 });
    expect(who(desk.update(waiting([2])))).toEqual(['ann:2']);
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 2, upTo: 2 });
  });

  it('is not what the agent has answered in pieces, once that is finished', () => {
    desk.add(ann);
    desk.update(waiting([1, 2]));
    for (const id of ['broken off', 'finished']) ann.horizon.begin(id, 's', { sinceSeq: 1, upTo: 1 });
    ann.horizon.end('broken off', false);
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 1, upTo: 2 });
    ann.horizon.end('finished', true);
    expect(ann.horizon.of('s')).toEqual({ sinceSeq: 2, upTo: 2 });
  });
});

it('What was told long ago is forgotten, the oldest first, also for a desk that lives for ever', () => {
  desk.add(ann);
  for (let n = 0; n <= 10_000; n++) {
    desk.update(waiting([1], { id: `s${n}` }));
    desk.settle(`s${n}`);
  }
  expect(ann.horizon.of('s0')).toBeUndefined();
  expect(ann.horizon.of('s1')).toEqual({ sinceSeq: 1, upTo: 1 });
  expect(ann.horizon.of('s10000')).toEqual({ sinceSeq: 1, upTo: 1 });
});

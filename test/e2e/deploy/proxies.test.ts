import { get } from 'node:http';
import { eventually } from '../../support/eventually.js';
import { call } from '../../support/http.js';
import { aUser } from '../../support/node.js';
import { closeSockets, connect } from '../../support/socket.js';
import { expectExactlyThese, rememberingClient, restWriter, wholeLog } from '../faults/load.js';
import { abortStreams, openStream } from '../follow/event-stream.js';
import { openStreamingRequest } from '../streaming/streaming-request.js';
import { isInstalled, type Kind, type LoadBalancer, startLoadBalancer } from './load-balancer.js';
import { ADDRESS_LIMIT, startTwoNodes, type TwoNodes } from './two-nodes.js';

const KINDS: Kind[] = ['nginx', 'haproxy'];
/** What the long-polling client hears: each is a request of its own, and a node that does not know it would refuse it. */
const POLLS = 12;
/** What each writer writes before and after the death of a node. */
const EACH = 30;

let nodes: TwoNodes;
beforeAll(async () => void (nodes = await startTwoNodes()));
afterAll(() => nodes?.stop());
afterEach(() => {
  closeSockets();
  abortStreams();
});

/** Without the program there is nothing to test; CI has it. */
function suite(kind: Kind): typeof describe.skip {
  return process.env.CI === 'true' || isInstalled(kind) ? describe : describe.skip;
}

for (const [index, kind] of KINDS.entries())
  suite(kind)(`${kind} in front of two nodes (skipped when it is missing: apt-get install ${kind})`, () => {
    let balancer: LoadBalancer;
    let url: string;
    beforeAll(async () => {
      balancer = await startLoadBalancer(kind, nodes.urls);
      url = balancer.url;
    });
    afterAll(() => balancer?.stop());

    const credential = () => ({ credential: nodes.key });
    const device = (user: string, transports: string[]) =>
      connect(url, { api_key: nodes.key, platform_user_id: user }, { transports });
    const says = async (user: string, message: string, more = '') => {
      const body = { platform_user_id: user, message };
      const answer = await call(url, 'POST', `/v1/message/receive${more}`, { ...credential(), body });
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
      return answer.body;
    };
    const answers = async (user: string, content: string) => {
      const body = { platform_user_id: user, message: { payload: { content } } };
      return (await call(url, 'POST', '/v1/message/send', { ...credential(), body })).body;
    };

    it('passes REST on to both nodes, with what they say of errors', async () => {
      const user = aUser();
      for (let i = 0; i < 4; i++) await says(user, `message ${i}`);
      const all = await call(url, 'GET', `/api/v1/messages/all?platform_user_id=${user}`, credential());
      expect(all.body.messages.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2, 3, 4]);
      const large = { platform_user_id: user, message: 'x'.repeat(1_200_000) };
      const refused = await call(url, 'POST', '/v1/message/receive', { ...credential(), body: large });
      expect([refused.status, refused.body.error.code]).toEqual([413, 'invalid_request']);
      expect((await call(url, 'GET', '/metrics')).status).toBe(404);
    });

    it('carries WebSockets, and spreads them over the nodes: every device hears what any node writes', async () => {
      const user = aUser();
      const devices = await Promise.all(Array.from({ length: 6 }, () => device(user, ['websocket'])));
      const sent = [await says(user, 'one'), await says(user, 'two'), await answers(user, 'three')];
      for (const one of devices) {
        await eventually(() => expect(one.events('message')).toEqual(sent));
        expect(one.socket.io.engine.transport.name).toBe('websocket');
      }
      for (const node of nodes.urls) {
        const metrics = (await call(node, 'GET', '/metrics')).text;
        expect(Number(/^parley_connections (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
      }
    });

    it('passes an answer in pieces on while it is written', async () => {
      const user = aUser();
      const phone = await device(user, ['websocket']);
      const agent = openStreamingRequest(url, nodes.key);
      agent.lines({ platform_user_id: user }, { delta: 'first ' });
      expect(await phone.next('message:delta')).toMatchObject({ offset: 0, delta: 'first ' });
      agent.lines({ delta: 'last' });
      agent.end();
      const { status, body } = await agent.answer;
      expect([status, body.payload.content]).toEqual([201, 'first last']);
    });

    it('keeps a long-polling client on its node, and lets one upgrade there', async () => {
      const user = aUser();
      const poller = await device(user, ['polling']);
      const upgrader = await device(user, ['polling', 'websocket']);
      const sent: unknown[] = [];
      for (let i = 0; i < POLLS; i++) {
        const acknowledged = await poller.command('message:receive', { message: `poll ${i}` });
        sent.push(acknowledged.data);
        await poller.next('message');
      }
      expect(poller.events('message')).toEqual(sent);
      await eventually(() => expect(upgrader.events('message')).toEqual(sent));
      expect(poller.socket.io.engine.transport.name).toBe('polling');
      expect(upgrader.socket.io.engine.transport.name).toBe('websocket');
      expect([...poller.events('disconnect'), ...upgrader.events('disconnect')]).toEqual([]);
    });

    it('passes events of a stream on as they come', async () => {
      const user = aUser();
      const stream = await openStream(url, { platform_user_id: user, after: 0 }, credential());
      await stream.nth('ready', 1);
      const delays: number[] = [];
      for (let i = 1; i <= 5; i++) {
        const sent = await says(user, `event ${i}`);
        const began = performance.now();
        expect(await stream.nth('message', i)).toEqual(sent);
        delays.push(performance.now() - began);
      }
      // the quickest, as the machine may be busy: a proxy that gathers holds back each of them for 200 ms and more
      expect(Math.min(...delays)).toBeLessThan(100);
    });

    it('waits as long as a long poll does', async () => {
      const user = aUser();
      const poll = call(url, 'GET', `/v1/messages/unread?platform_user_id=${user}&wait=60`, credential());
      const question = says(user, 'Are you there?', '?wait=60');
      await eventually(async () => {
        const { body } = await call(url, 'GET', `/v1/messages/all?platform_user_id=${user}`, credential());
        expect(body.total).toBe(1);
      });
      const reply = await answers(user, 'Yes');
      expect((await question).reply).toEqual(reply);
      expect((await poll).body.messages).toEqual([reply]);
    });

    const onLinux = process.platform === 'linux' ? it : it.skip; // elsewhere 127.0.0.1 is all of loopback
    onLinux('tells the nodes whose request it is, whatever the client claims', async () => {
      const claim = (n: number) => ({ 'x-forwarded-for': `203.0.113.${n}` });
      const mine = `127.0.${index + 1}.1`;
      // each node may count for itself
      for (let n = 0; n < 2 * ADDRESS_LIMIT; n++) await statusFrom(mine, url, claim(n));
      expect(await statusFrom(mine, url, claim(99))).toBe(429);
      expect(await statusFrom(`127.0.${index + 1}.2`, url, claim(99))).toBe(401);
    });

    it('survives the death of a node: no 2xx is lost, and whoever comes again has the whole log', async () => {
      const target = { url, key: nodes.key, user: aUser() };
      const clients = Array.from({ length: 4 }, () => rememberingClient(target));
      await Promise.all(clients.map((client) => client.next('ready')));
      const writers = ['a', 'b', 'c'].map((name) => restWriter(target, name));
      const allWrote = (count: number) =>
        eventually(
          () => expect(Math.min(...writers.map((w) => w.acknowledged.length))).toBeGreaterThanOrEqual(count),
          { timeoutMs: 15_000 },
        );
      await allWrote(EACH);
      await nodes.kill(0);
      await allWrote(Math.max(...writers.map((writer) => writer.acknowledged.length)) + EACH);
      await Promise.all(writers.map((writer) => writer.stop()));
      const log = await wholeLog(target);
      expectExactlyThese(log, writers);
      for (const client of clients) {
        await eventually(() => expect(client.events('message')).toEqual(log));
        expect(client.events('ready').map(({ reset }) => reset)).not.toContain(true);
      }
      expect(clients.flatMap((client) => client.events('disconnect')).length).toBeGreaterThan(0);
      const statuses = new Set(writers.flatMap((writer) => writer.answers));
      expect([...statuses].filter((status) => ![200, 201, 503].includes(status as number))).toEqual([]);
      await nodes.restart(0);
    });
  });

/** A request without a credential from an address of this machine: its status. */
function statusFrom(localAddress: string, url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${url}/v1/api-keys`, { localAddress, headers, agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', reject);
  });
}

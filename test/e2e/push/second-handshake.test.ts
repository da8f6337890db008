import { request } from 'node:http';
import { eventually } from '../../support/eventually.js';
import { aUser, startTestNode, type TestNode } from '../../support/node.js';

const LIMIT = 4;

/** A long polling client that opens a TCP connection for each request: the first is long gone when it says more. */
class Poller {
  private constructor(
    private readonly url: string,
    private readonly headers: Record<string, string>,
  ) {}

  static async open(url: string, headers: Record<string, string> = {}): Promise<Poller> {
    const opened = await ask(`${url}/socket.io/?EIO=4&transport=polling`, headers);
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    return new Poller(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, headers);
  }

  async send(packet: string): Promise<void> {
    await ask(this.url, this.headers, packet);
  }

  /** Says who it is, and gives the packet that answers it. */
  async handshake(auth: object): Promise<string> {
    await this.send(`40${JSON.stringify(auth)}`);
    return eventually(async () => {
      const packets = (await ask(this.url, this.headers)).split('\x1e');
      const answer = packets.find((packet) => /^4[04]/.test(packet));
      if (answer === undefined) throw new Error('no answer yet');
      return answer;
    });
  }
}

function ask(url: string, headers: Record<string, string>, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Enters, leaves, and guesses credentials over the same transport until the limit is used up. */
async function guess(node: TestNode, headers?: Record<string, string>): Promise<string[]> {
  const poller = await Poller.open(node.url, headers);
  expect(await poller.handshake({ token: await node.token(aUser()) })).toMatch(/^40{"sid"/);
  const answers = [];
  for (let i = 0; i < LIMIT + 1; i++) {
    if (i === 0) await poller.send('41');
    const answer = await poller.handshake({ token: `guess-${i}` });
    answers.push((JSON.parse(answer.slice(2)) as { data: { code: string } }).data.code);
  }
  return answers;
}

const GUESSED = [...Array<string>(LIMIT).fill('invalid_token'), 'rate_limit_exceeded'];

describe('Who enters once more over the same transport is still known by address', () => {
  it('when the connection that opened it is gone', async () => {
    const node = await startTestNode({ RATE_LIMIT_PER_HOUR: String(LIMIT) });
    try {
      expect(await guess(node)).toEqual(GUESSED);
      expect((await node.call('GET', '/v1/messages/all', undefined, 'no-such-key')).status).toBe(429);
    } finally {
      await node.stop();
    }
  });

  it('behind a proxy', async () => {
    const node = await startTestNode({ RATE_LIMIT_PER_HOUR: String(LIMIT), TRUST_PROXY: '1' });
    try {
      expect(await guess(node, { 'x-forwarded-for': '203.0.113.1' })).toEqual(GUESSED);
      expect((await node.call('GET', '/v1/messages/all', undefined, 'no-such-key')).status).toBe(401);
      const poller = await Poller.open(node.url, { 'x-forwarded-for': '203.0.113.1' });
      expect(await poller.handshake({ token: 'guess' })).toContain('rate_limit_exceeded');
    } finally {
      await node.stop();
    }
  });
});

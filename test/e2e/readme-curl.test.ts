import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { anAccount, type Api, startApi, TIME } from '../support/api.js';

const README = readFileSync(join(__dirname, '../../README.md'), 'utf8');
/** Appended to what curl prints: its own last line. */
const STATUS = '\n%{http_code}';

const message = (platform_user_id: string, payload: object) => ({
  id: expect.stringMatching(/^msg_/),
  platform_user_id,
  agent_session_id: expect.any(String),
  seq: expect.any(Number),
  updated_seq: expect.any(Number),
  payload: { attachments: [], ...payload },
  metadata: {},
  status: 'complete',
  read: false,
  read_at: null,
  created_at: expect.stringMatching(TIME),
  updated_at: expect.stringMatching(TIME),
});

/** What each of the commands must answer. */
const DOCUMENTED: Record<string, { status: number; body: object }> = {
  'message/receive': {
    status: 201,
    body: message('user123', { content: expect.any(String), sender: 'user' }),
  },
  'message/send': {
    status: 201,
    body: message('user123', { content: expect.any(String), sender: 'assistant' }),
  },
  'messages/unread': {
    status: 200,
    body: {
      messages: [message('user123', { content: expect.any(String), sender: 'assistant' })],
      unread_count: 1,
      next_after: null,
    },
  },
  'messages/all': {
    status: 200,
    body: {
      messages: [
        message('user123', { content: expect.any(String), sender: 'user' }),
        message('user123', { content: expect.any(String), sender: 'assistant' }),
      ],
      total: 2,
      next_after: null,
    },
  },
  'message/stream': {
    status: 201,
    body: message('user123', { content: expect.stringMatching(/^It .*\.\n?$/), sender: 'assistant' }),
  },
};

/** The commands between the markers, in the order of the page. */
function commands(): string[] {
  const sections = [...README.matchAll(/<!-- test:curl -->\n([\s\S]*?)<!-- \/test:curl -->/g)].map(
    ([, text]) => text,
  );
  const blocks = sections.flatMap((text) => [...(text ?? '').matchAll(/```bash\n([\s\S]*?)```/g)]);
  return blocks
    .flatMap(([, block]) => (block ?? '').replaceAll('\\\n', ' ').split('\n'))
    .filter((line) => line !== '');
}

const nameOf = (command: string) => /\/v1\/([a-z]+\/[a-z]+)/.exec(command)?.[1] ?? command;

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

/** Runs a command as a reader would, with curl told to print the status as well. */
async function run(command: string, key: string): Promise<{ status: number; body: unknown }> {
  const curl = command.replace(/\bcurl /, `curl --silent --show-error --write-out '${STATUS}' `);
  const env = { PATH: process.env.PATH, PARLEY_URL: api.server.url, PARLEY_API_KEY: key };
  const { stdout } = await promisify(execFile)('bash', ['-c', curl], { env });
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), body: JSON.parse(stdout.slice(0, end)) };
}

describe('the README’s curl commands', () => {
  it.each(['/v1', '/api/v1'])('answer as documented, under %s', async (prefix) => {
    const { key } = await anAccount(api); // a new one, so that user123 begins anew
    const found = commands();
    expect(found.map(nameOf)).toEqual(expect.arrayContaining(Object.keys(DOCUMENTED)));
    for (const command of found) {
      expect(command).toMatch(/^(echo "[^"]*" \| )?curl .*\$PARLEY_URL\/v1\//);
      const answer = await run(command.replace('$PARLEY_URL/v1/', `$PARLEY_URL${prefix}/`), key);
      expect([command, answer]).toEqual([command, DOCUMENTED[nameOf(command)]]);
    }
  });

  it('are refused with a wrong key', async () => {
    for (const command of commands())
      expect(await run(command, 'nonsense')).toMatchObject({
        status: 401,
        body: { error: { code: 'invalid_api_key' } },
      });
  });
});

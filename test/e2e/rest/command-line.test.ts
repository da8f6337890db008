import { anAccount, type Api, aUser, cli, made, received, startApi } from '../../support/api.js';
import { eventually } from '../../support/eventually.js';

jest.setTimeout(60_000); // each run of a program takes a second and more

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

const statusWith = async (key: string) => (await api.get('/v1/api-keys', { key })).status;
const inList = async (id: string) =>
  made(await api.get('/v1/api-keys')).api_keys.find((key: any) => key.id === id);

describe('the command line', () => {
  it('creates, lists and revokes keys beside the running server', async () => {
    const created = await cli(
      api,
      'key',
      'create',
      '--name',
      'cron',
      '--scopes',
      'user,admin',
      '--rate-limit',
      '77',
    );
    expect(created).toEqual({ code: 0, output: expect.stringMatching(/^parley_[\w-]{43}$/) });
    const key = created.output;
    expect(await statusWith(key)).toBe(200);
    const listed =
      (await cli(api, 'key', 'list')).output.split('\n').find((line) => line.includes('cron')) ?? '';
    expect(listed).toMatch(/user,admin +active/);
    expect(listed).not.toContain(key);
    const [id] = listed.split(' ') as [string];
    expect(await inList(id)).toMatchObject({
      name: 'cron',
      scopes: ['user', 'admin'],
      rate_limit_per_hour: 77,
    });
    expect((await cli(api, 'key', 'revoke', id)).output).toContain('revoked');
    await eventually(async () => expect(await statusWith(key)).toBe(401), { timeoutMs: 5000 });
  });

  it('makes accounts, each with its own users', async () => {
    const { name, key } = await anAccount(api);
    const user = aUser();
    await received(api, user);
    expect((await api.get(`/v1/messages/all?platform_user_id=${user}`, { key })).body.total).toBe(0);
    const [list, again] = await Promise.all([
      cli(api, 'account', 'list'),
      cli(api, 'account', 'create', name),
    ]);
    expect(list.output.split('\n')).toEqual(['default', name]);
    expect(again).toEqual({ code: 1, output: expect.stringContaining(name) });
  });

  it('lists the limit, the date of creation and the expiry of each key', async () => {
    const body = { name: 'for a week', scopes: ['user'], rate_limit_per_hour: 77, expires_in: 604_800 };
    const { id, created_at, expires_at } = made(await api.post('/v1/api-keys', body));
    const { output } = await cli(api, 'key', 'list');
    const line = output.split('\n').find((candidate) => candidate.startsWith(id));
    expect(line).toMatch(`user  active  77/h  created ${created_at}  expires ${expires_at}  for a week`);
    expect(output).toMatch(/ {2}the server's limit {2}created \S+ {2}never expires {2}bootstrap/);
  });

  it.each(['key', 'account'] as const)(
    '%s shows its usage when asked, and when it understands nothing',
    async (program) => {
      const wrong = [['--nonsense'], [], ['explode'], ['create', 'too', 'many']];
      const [help, short, ...others] = await Promise.all([
        ...[['--help'], ['list', '-h']].map((args) =>
          cli({ databaseUrl: 'postgres://nobody@127.0.0.1:1/x' }, program, ...args),
        ),
        ...wrong.map((args) => cli(api, program, ...args)),
      ]);
      expect(help).toEqual({ code: 0, output: expect.stringMatching(/^usage/) });
      expect(short).toEqual(help);
      for (const { code, output } of others)
        expect([code, output]).toEqual([1, expect.stringContaining(help!.output)]);
      expect(others[0]!.output.split('\n')[0]).toBe("Unknown option '--nonsense'");
    },
  );

  it('says in one line what is wrong, and exits with 1', async () => {
    const runs = await Promise.all([
      cli(api, 'key', 'create', '--account', 'nobody'),
      cli(api, 'key', 'create', '--scopes', 'root'),
      cli(api, 'account', 'create', 'Not a name'),
      cli(api, 'key', 'create', '--name', 'red \x1b[31m alert'),
      cli(api, 'key', 'create', '--rate-limit', 'fast'),
      cli(api, 'key', 'revoke', 'key_nonsense'),
      cli({ databaseUrl: 'postgres://nobody@127.0.0.1:1/x' }, 'key', 'list'),
      cli({ databaseUrl: 'no-url' }, 'account', 'list'),
    ]);
    for (const { code, output } of runs) {
      expect(code).toBe(1);
      expect(output).toMatch(
        /^[^\n]*(nobody|user, agent, admin|a-z|control characters|whole number|no such|DATABASE_URL)[^\n]*$/,
      );
    }
  });
});

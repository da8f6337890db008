import { validateSync } from 'class-validator';
import { Accounts, DEFAULT_ACCOUNT } from '../auth/accounts.js';
import type { ApiKey } from '../auth/api-key.js';
import { ApiKeys, type KeyWishes } from '../auth/api-keys.js';
import { CreateApiKeyDto } from '../auth/http/api-keys.dto.js';
import { parseScopes, SCOPES } from '../auth/principal.js';
import { type Arguments, runCommand } from './command.js';

type Option = 'account' | 'name' | 'scopes' | 'rate-limit';

await runCommand<Option>({
  usage: `usage, each with --account NAME (default: ${DEFAULT_ACCOUNT}):
  npm run --silent key -- create [--name NAME] [--scopes ${SCOPES.join(',')}] [--rate-limit PER_HOUR]   prints the new key
  npm run --silent key -- list                                                                         shows all but the secrets
  npm run --silent key -- revoke ID                                                                    ends one`,
  actions: { create: 0, list: 0, revoke: 1 },
  options: ['account', 'name', 'scopes', 'rate-limit'],
  async run(app, { action, words: [id = ''], options }) {
    const keys = app.get(ApiKeys);
    const wishes = action === 'create' ? readWishes(options) : undefined;
    const account = await accountOf(app.get(Accounts), options.account);
    if (wishes) console.log((await keys.create(account.id, wishes)).secret);
    else if (action === 'list') for (const key of await keys.list(account.id)) console.log(line(key));
    else console.log(line(await keys.revoke(account.id, id)));
  },
});

function accountOf(accounts: Accounts, name = DEFAULT_ACCOUNT): Promise<{ id: number }> {
  return name === DEFAULT_ACCOUNT ? accounts.ensureDefault() : accounts.named(name);
}

/** The same rules as `POST /v1/api-keys`. */
function readWishes(options: Arguments<Option>['options']): KeyWishes {
  const rate = options['rate-limit'];
  if (rate !== undefined && !/^\d{1,9}$/.test(rate)) throw new Error('--rate-limit must be a whole number');
  const name = options.name ?? 'made on the command line';
  const scopes = parseScopes(options.scopes?.split(',') ?? SCOPES);
  const [problem] = validateSync(Object.assign(new CreateApiKeyDto(), { name, scopes }));
  if (problem) throw new Error(`--${Object.values(problem.constraints ?? {})[0]}`);
  return { name, scopes, rateLimitPerHour: rate === undefined ? null : Number(rate) };
}

function line(key: ApiKey): string {
  const cells = [key.id, `${key.prefix}…`, key.scopes.join(','), state(key), limit(key)];
  return [...cells, `created ${key.createdAt.toISOString()}`, expiry(key), key.name].join('  ');
}

function state({ expiresAt, revokedAt }: ApiKey): string {
  if (revokedAt) return `revoked ${revokedAt.toISOString()}`;
  return expiresAt && expiresAt.getTime() <= Date.now() ? 'expired' : 'active';
}

function limit({ rateLimitPerHour }: ApiKey): string {
  if (rateLimitPerHour === null) return "the server's limit";
  return rateLimitPerHour === 0 ? 'no limit' : `${rateLimitPerHour}/h`;
}

function expiry({ expiresAt }: ApiKey): string {
  return expiresAt ? `expires ${expiresAt.toISOString()}` : 'never expires';
}

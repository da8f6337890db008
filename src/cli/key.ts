import { Accounts, DEFAULT_ACCOUNT } from '../auth/accounts.js';
import type { ApiKey } from '../auth/api-key.js';
import { ApiKeys } from '../auth/api-keys.js';
import { parseScopes, SCOPES } from '../auth/principal.js';
import { type Arguments, command } from './command.js';

const USAGE = `usage, each with --account NAME (default: ${DEFAULT_ACCOUNT}):
  npm run --silent key -- create [--name NAME] [--scopes ${SCOPES.join(',')}] [--rate-limit PER_HOUR]   prints the new key
  npm run --silent key -- list
  npm run --silent key -- revoke ID`;

await command(async (app, args) => {
  const keys = app.get(ApiKeys);
  const { id: accountId } = await accountOf(app.get(Accounts), args.values.account);
  const [action, id] = args.positionals;
  if (action === 'create') console.log((await keys.create(accountId, wishes(args))).secret);
  else if (action === 'list') for (const key of await keys.list(accountId)) console.log(line(key));
  else if (action === 'revoke' && id !== undefined) console.log(line(await keys.revoke(accountId, id)));
  else throw new Error(USAGE);
});

function accountOf(accounts: Accounts, name = DEFAULT_ACCOUNT): Promise<{ id: number }> {
  return name === DEFAULT_ACCOUNT ? accounts.ensureDefault() : accounts.named(name);
}

function wishes({ values }: Arguments) {
  const rate = values['rate-limit'];
  if (rate !== undefined && !/^\d{1,9}$/.test(rate)) throw new Error('--rate-limit must be a whole number');
  return {
    name: values.name ?? 'made on the command line',
    scopes: parseScopes(values.scopes?.split(',') ?? SCOPES),
    rateLimitPerHour: rate === undefined ? null : Number(rate),
  };
}

function line({ id, prefix, name, scopes, expiresAt, revokedAt }: ApiKey): string {
  const state = revokedAt
    ? `revoked ${revokedAt.toISOString()}`
    : expiresAt
      ? `until ${expiresAt.toISOString()}`
      : 'active';
  return [id, `${prefix}…`, scopes.join(','), state, name].join('  ');
}

import type { INestApplicationContext } from '@nestjs/common';
import { Accounts } from './auth/accounts.js';
import { ApiKeys } from './auth/api-keys.js';
import { SCOPES } from './auth/principal.js';
import type { Config } from './config/config.js';

/**
 * Makes sure that there is an account, and a key to begin with.
 *
 * @returns the secret of a key that was made just now because there was none: it is shown this once
 */
export async function bootstrapCredentials(
  app: INestApplicationContext,
  config: Config,
): Promise<string | undefined> {
  const keys = app.get(ApiKeys);
  const { id } = await app.get(Accounts).ensureDefault();
  if (config.BOOTSTRAP_API_KEY !== undefined) return void (await keys.ensure(id, config.BOOTSTRAP_API_KEY));
  if ((await keys.list(id)).length > 0) return undefined;
  return (await keys.create(id, { name: 'first key', scopes: SCOPES })).secret;
}

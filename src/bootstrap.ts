import type { INestApplicationContext } from '@nestjs/common';
import { Accounts } from './auth/accounts.js';
import { ApiKeys } from './auth/api-keys.js';
import type { Config } from './config/config.js';

/** Makes sure, before anybody is served, that there is an account, and in it the key of `BOOTSTRAP_API_KEY`. */
export async function prepareCredentials(app: INestApplicationContext, config: Config): Promise<void> {
  const { id } = await app.get(Accounts).ensureDefault();
  if (config.BOOTSTRAP_API_KEY !== undefined) await app.get(ApiKeys).ensure(id, config.BOOTSTRAP_API_KEY);
}

/**
 * Makes a key to begin with when there is none at all.
 *
 * @returns its secret, which is shown this once: whoever calls this must be able to show it
 */
export async function makeFirstKey(
  app: INestApplicationContext,
  config: Config,
): Promise<string | undefined> {
  if (config.BOOTSTRAP_API_KEY !== undefined) return undefined;
  const keys = app.get(ApiKeys);
  const { id } = await app.get(Accounts).ensureDefault();
  if ((await keys.list(id)).length > 0) return undefined;
  return keys.createFirst(id);
}

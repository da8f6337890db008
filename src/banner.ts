import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './config/config.js';

/** Where the program is: a checkout, or an image that has `dist` and the production dependencies alone. */
const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/(?<=.)\/$/, '');

/**
 * What a person sees who has just started a server. On standard output, never in the log: it may show a key. The
 * indented lines work as they are printed, in this order, in any POSIX shell.
 */
export function printBanner(address: string, firstKey: string | undefined, config: Config): void {
  const url = address
    .replace('[::1]', 'localhost')
    .replace('0.0.0.0', '127.0.0.1')
    .replace('[::]', '127.0.0.1');
  const parts = [addresses(url), keyPart(firstKey, config), listenPart(), SEND_PART];
  process.stdout.write(`\n${parts.filter((part) => part !== undefined).join('\n\n')}\n\n`);
}

function addresses(url: string): string {
  return `Parley is listening on ${url}
Documentation:         ${url}/docs

In another terminal:
  cd ${quoted(ROOT)}
  export PARLEY_URL=${url}`;
}

function keyPart(firstKey: string | undefined, config: Config): string {
  if (firstKey !== undefined)
    return `Your API key, with all scopes. It is shown this once:
  export PARLEY_API_KEY=${firstKey}`;
  if (config.BOOTSTRAP_API_KEY !== undefined)
    return 'API key: the one in BOOTSTRAP_API_KEY. Export it as PARLEY_API_KEY.';
  const where = config.DATABASE_URL === undefined ? '' : ', with the same DATABASE_URL';
  const create = `${dataDirPrefix(config)}${keyProgram()} create --name "another key"`;
  return `API key: one that was made before. For another one${where}:
  export PARLEY_API_KEY="$(${create})"`;
}

/** The tool must find the same database, also from another working directory. */
function dataDirPrefix({ DATABASE_URL, DATA_DIR }: Config): string {
  const dataDir = resolve(DATA_DIR);
  return DATABASE_URL !== undefined || dataDir === join(ROOT, 'data') ? '' : `DATA_DIR=${quoted(dataDir)} `;
}

function keyProgram(): string {
  return has('scripts/build.mjs') && has('src') ? 'npm run --silent key --' : 'node dist/cli/key.js';
}

function listenPart(): string | undefined {
  if (!has('examples/listen.mjs') || !has('node_modules/socket.io-client')) return undefined;
  return `Listen to a user:
  node examples/listen.mjs user123`;
}

const SEND_PART = `Send a message to that user, in a third terminal with the same two variables:
  curl -X POST "$PARLEY_URL/v1/message/send" \\
    -H "Authorization: Bearer $PARLEY_API_KEY" -H "Content-Type: application/json" \\
    -d '{"platform_user_id": "user123", "message": {"payload": {"content": "Hello from Parley", "sender": "assistant"}}}'`;

function has(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/** A path as one word of a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

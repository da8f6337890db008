import type { Config } from './config/config.js';

/** What a person sees who has just started a server. On standard output, never in the log: it may show a key. */
export function printBanner(url: string, firstKey: string | undefined, config: Config): void {
  process.stdout.write(banner(url, firstKey, config));
}

function banner(address: string, firstKey: string | undefined, config: Config): string {
  const url = address
    .replace('[::1]', 'localhost')
    .replace('0.0.0.0', '127.0.0.1')
    .replace('[::]', '127.0.0.1');
  return `
Parley is listening on ${url}
Documentation:         ${url}/docs

${keyLines(firstKey, config)}

Subscribe in another terminal (in this directory, with the same PARLEY_API_KEY):
  node -e "require('socket.io-client').io('${url}', { auth: { api_key: process.env.PARLEY_API_KEY, platform_user_id: 'user123' } }).onAny(console.log)"

Send a message to that user:
  curl -X POST ${url}/v1/message/send \\
    -H "Authorization: Bearer $PARLEY_API_KEY" -H "Content-Type: application/json" \\
    -d '{"platform_user_id": "user123", "message": {"payload": {"content": "Hello from Parley", "sender": "assistant"}}}'

`;
}

function keyLines(firstKey: string | undefined, config: Config): string {
  if (firstKey !== undefined)
    return `Your API key, with all scopes. It is shown this once:
  export PARLEY_API_KEY=${firstKey}`;
  if (config.BOOTSTRAP_API_KEY !== undefined)
    return 'API key: the one in BOOTSTRAP_API_KEY, as PARLEY_API_KEY below.';
  return `API key: one that was made before. For another one:
  export PARLEY_API_KEY=$(npm run --silent key -- create --name "another key")`;
}

import { once } from 'node:events';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/** Below what systems hand out by themselves: there a client that dials a dead server may reach itself. */
const FIRST = 20_000;
const LAST = 32_000;

/** A port that is free, and stays so while a killed server is away: nobody is given it by chance. */
export async function quietPort(): Promise<string> {
  for (;;) {
    const port = randomInt(FIRST, LAST);
    const server = createServer().listen(port, '127.0.0.1');
    const taken = await Promise.race([
      once(server, 'listening').then(() => false),
      once(server, 'error').then(() => true),
    ]);
    if (taken) continue;
    server.close();
    await once(server, 'close');
    return String(port);
  }
}

import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { Database, type Statement } from '../database/database.js';
import { CAN_WRITE } from '../database/keep-writable.js';
import { ParleyError } from '../kernel/errors.js';

const PING: Statement = { name: 'health.ping', text: CAN_WRITE };
/** Longest that the database may take to answer, in milliseconds. */
const TIMEOUT = 2000;

/** Whether this node should get traffic. */
@Injectable()
export class Readiness implements BeforeApplicationShutdown {
  private draining = false;

  constructor(private readonly database: Database) {}

  /** @throws ParleyError `service_unavailable` while the node drains or its database is away */
  async check(): Promise<void> {
    if (this.draining) throw new ParleyError('service_unavailable', 'This node is shutting down.');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new ParleyError('service_unavailable', 'The database does not answer.')),
        TIMEOUT,
      );
    });
    const ping = this.database.query<{ canWrite: boolean }>(PING);
    const [answer] = await Promise.race([ping, late]).finally(() => clearTimeout(timer));
    if (answer?.canWrite === false)
      throw new ParleyError('service_unavailable', 'The database cannot write.');
  }

  /** From now on `check` fails, so that load balancers look elsewhere. */
  drain(): void {
    this.draining = true;
  }

  beforeApplicationShutdown(): void {
    this.drain();
  }
}

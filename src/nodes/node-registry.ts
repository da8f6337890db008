import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Database, type Statement } from '../database/database.js';
import { randomId } from '../kernel/ids.js';

/** How often a node says that it lives, in milliseconds. */
const HEARTBEAT = 1000;
/** How long a node that says nothing is still believed to live, in milliseconds. */
export const LEASE = 5000;

/** Renews this node's lease, ends those that have run out, and counts the other nodes. $1 this node, $2 lease in milliseconds. */
const RENEW: Statement = {
  name: 'nodes.renew',
  text: `
WITH mine AS (
  INSERT INTO nodes (id, expires_at) VALUES ($1, clock_timestamp() + $2::int * interval '1 ms')
  ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
), ended AS (
  DELETE FROM nodes WHERE expires_at < clock_timestamp() AND id <> $1
)
SELECT count(*)::int AS others FROM nodes WHERE id <> $1 AND expires_at >= clock_timestamp()`,
};
const LEAVE: Statement = { name: 'nodes.leave', text: 'DELETE FROM nodes WHERE id = $1' };

/** The nodes that serve this database: each keeps a lease, and one that was killed loses it. */
@Injectable()
export class NodeRegistry implements OnModuleInit, OnModuleDestroy {
  /** This node, for as long as its process lives. */
  readonly id = randomId('nod');
  private readonly logger = new Logger(NodeRegistry.name);
  private others = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly database: Database) {}

  /** Whether no other node was there at the last heartbeat: then there is nobody to send hints to. */
  get isAlone(): boolean {
    return this.others === 0;
  }

  async onModuleInit(): Promise<void> {
    await this.renew();
    this.schedule();
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.database.query(LEAVE, [this.id]).catch(() => undefined); // else the lease runs out
  }

  private async renew(): Promise<void> {
    const [row] = await this.database.query<{ others: number }>(RENEW, [this.id, LEASE]);
    this.others = row?.others ?? 0;
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.beat(), HEARTBEAT);
  }

  private async beat(): Promise<void> {
    await this.renew().catch((error: unknown) =>
      this.logger.warn(`Could not renew the lease of this node: ${String(error)}`),
    );
    if (this.timer) this.schedule();
  }
}

import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Database, type Statement } from '../database/database.js';
import { randomId } from '../kernel/ids.js';

/** How often a node says that it lives, in milliseconds. */
const HEARTBEAT = 1000;
/** How long a node that says nothing is still believed to live, in milliseconds. */
export const LEASE = 5000;
/** How long a node that stops waits for the database to hear of it, in milliseconds; else the lease runs out. */
const LEAVE_TIMEOUT = 1000;

/**
 * Renews this node's lease, ends those that have run out, and counts the other nodes. $1 this node, $2 lease in
 * milliseconds. Two nodes that come back at once would each wait for the other's row: hence SKIP LOCKED.
 */
const RENEW: Statement = {
  name: 'nodes.renew',
  text: `
WITH mine AS (
  INSERT INTO nodes (id, expires_at) VALUES ($1, clock_timestamp() + $2::int * interval '1 ms')
  ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
  RETURNING xmax = 0 AS is_new
), ended AS (
  DELETE FROM nodes WHERE id IN (
    SELECT id FROM nodes WHERE expires_at < clock_timestamp() AND id <> $1 FOR UPDATE SKIP LOCKED)
)
SELECT (SELECT is_new FROM mine) AS "isNew",
       (SELECT count(*) FROM nodes WHERE id <> $1 AND expires_at >= clock_timestamp())::int AS others`,
};
const LEAVE: Statement = { name: 'nodes.leave', text: 'DELETE FROM nodes WHERE id = $1' };

interface Renewed {
  /** The lease was not there: the first renewal, or whatever hung on the lease is gone with it. */
  readonly isNew: boolean;
  readonly others: number;
}

/** The nodes that serve this database: each keeps a lease, and one that was killed loses it. */
@Injectable()
export class NodeRegistry implements OnModuleInit, OnModuleDestroy {
  /** This node, for as long as its process lives. */
  readonly id = randomId('nod');
  private readonly logger = new Logger(NodeRegistry.name);
  private readonly listeners: (() => void)[] = [];
  /** When another node was seen last, on the clock of `performance.now()`. */
  private metAt = -Infinity;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly database: Database) {}

  /** Whether no other node was seen for as long as a lease lasts: then there is nobody to send hints to. */
  get isAlone(): boolean {
    return performance.now() - this.metAt > LEASE;
  }

  /** Another node was heard: believed at once, not only at the next heartbeat. */
  meet(): void {
    this.metAt = performance.now();
  }

  /**
   * `listener` hears that the lease of this node was gone and has been made anew: what hung on it (the rows of `presence`)
   * went with it and must be said again. It happens when PostgreSQL has crashed, which empties unlogged tables, and when
   * this node could not renew for longer than {@link LEASE}. Not called for the first lease of a node.
   */
  onRenewedFromNothing(listener: () => void): void {
    this.listeners.push(listener);
  }

  async onModuleInit(): Promise<void> {
    await this.renew();
    this.schedule();
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await within(LEAVE_TIMEOUT, this.leave());
  }

  private async leave(): Promise<void> {
    await this.beating; // a renewal under way would bring the lease back
    await this.database.query(LEAVE, [this.id]).catch(() => undefined); // else the lease runs out
  }

  private async renew(): Promise<Renewed> {
    const [row] = await this.database.query<Renewed>(RENEW, [this.id, LEASE]);
    const renewed = row ?? { isNew: false, others: 0 };
    if (renewed.others > 0) this.meet();
    return renewed;
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.beating = this.beat();
    }, HEARTBEAT);
  }

  private async beat(): Promise<void> {
    try {
      if ((await this.renew()).isNew) this.tell();
    } catch (error) {
      this.logger.warn(`Could not renew the lease of this node: ${String(error)}`);
    }
    if (!this.isStopped) this.schedule();
  }

  private tell(): void {
    this.logger.warn('The lease of this node was gone, and has been made anew');
    for (const listener of this.listeners) {
      try {
        listener();
      } catch (error) {
        this.logger.error(error);
      }
    }
  }
}

/** Waits for work, but not longer than this many milliseconds. */
async function within(timeout: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeout)));
  await Promise.race([work, late]);
  clearTimeout(timer);
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { EmbeddedDatabaseError } from './errors.js';
import { lockHolder, othersConnected, tryLock } from './lock.js';
import { stopPostmaster, type Installation } from './postmaster.js';
import { connect, connectOrStart, type Log, type Session } from './reach.js';

/** A server keeps the database for its life; a tool only visits. */
export type Purpose = 'server' | 'tool';

/** A server that was killed may have a session that is still ending. */
const LOCK_PATIENCE_MS = 2_000;
const LOCK_RETRY_MS = 50;
const RESTORE_RETRY_MS = 500;
/** Sessions that are cut while the lock is awaited: the former owner is shutting down. */
const MOST_ATTEMPTS = 20;

/** Holds one session for the life of its owner: the server's with the lock, so that no second server comes in. */
export class Keeper {
  private client: Client | undefined;
  private closing = false;
  private restoring: Promise<void> = Promise.resolve();
  private readonly name: string;

  constructor(
    private readonly installation: Installation,
    private readonly purpose: Purpose,
    private readonly dataDir: string,
    private readonly log: Log,
  ) {
    this.name = `parley ${purpose} pid ${process.pid}`;
  }

  /** Connects, starting PostgreSQL if need be, and as a server takes the lock. */
  async open(): Promise<Session> {
    for (let attempt = 1; ; attempt += 1) {
      const session = await connectOrStart(this.installation, this.name, this.log);
      try {
        if (this.purpose === 'server') await this.claim(session.client);
        this.watch(session.client);
        return session;
      } catch (error) {
        await session.client.end().catch(() => undefined);
        if (error instanceof EmbeddedDatabaseError || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  /** Stops PostgreSQL if it is this owner's to stop. */
  async close(): Promise<void> {
    this.closing = true;
    await this.restoring;
    const client = this.client ?? (await connect(this.installation, this.name))?.client;
    if (client === undefined) return;
    try {
      // The lock stays held until PostgreSQL ends this session: nobody comes in between.
      if (await this.mayStop(client)) await stopPostmaster(this.installation.cluster);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  private async claim(client: Client): Promise<void> {
    if (await lockWithin(client, LOCK_PATIENCE_MS)) return;
    const pid = /\d+$/.exec((await lockHolder(client)) ?? '')?.[0];
    const who = pid === undefined ? '' : ` (process ${pid})`;
    throw new EmbeddedDatabaseError(
      `DATA_DIR ${this.dataDir} is in use by another Parley server${who}; stop it or set another DATA_DIR.`,
    );
  }

  private async mayStop(client: Client): Promise<boolean> {
    try {
      if (this.purpose === 'server') return client === this.client || (await tryLock(client));
      return await isLastVisitor(client);
    } catch {
      return false; // the session was cut: somebody else is stopping it
    }
  }

  private watch(client: Client): void {
    this.client = client;
    client.once('end', () => {
      this.client = undefined;
      if (this.purpose === 'server' && !this.closing) this.restoring = this.restore();
    });
  }

  /** Takes the lock again after PostgreSQL has restarted, and restarts it if it is gone. */
  private async restore(): Promise<void> {
    let told = '';
    while (!this.closing) {
      try {
        await this.open();
        this.log('the session with PostgreSQL was lost and is restored');
        return;
      } catch (error) {
        if (told !== String(error)) this.log(`the session with PostgreSQL is lost: ${String(error)}`);
        told = String(error);
        await delay(RESTORE_RETRY_MS);
      }
    }
  }
}

async function lockWithin(client: Client, patience: number): Promise<boolean> {
  for (const limit = Date.now() + patience; Date.now() < limit; await delay(LOCK_RETRY_MS)) {
    if (await tryLock(client)) return true;
  }
  return false;
}

/** The last tool puts the light out, unless a server is there; a tool that leaves at the same time is waited for. */
async function isLastVisitor(client: Client): Promise<boolean> {
  for (const limit = Date.now() + LOCK_PATIENCE_MS; Date.now() < limit; await delay(LOCK_RETRY_MS)) {
    if (await tryLock(client)) return !(await othersConnected(client));
    if ((await lockHolder(client))?.startsWith('parley server')) return false;
  }
  return false;
}

import type { LogOwner } from '../log/log-types.js';

/** A session that a connection of this node holds. */
export interface Hold {
  readonly connectionId: string;
  readonly owner: LogOwner;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What the agents of one account on this node hold, as far as it is known here: for whom typing and presence matter. */
export class Holds {
  private readonly bySession = new Map<string, Hold>();

  set(sessionId: string, hold: Hold): void {
    this.bySession.set(sessionId, hold);
  }

  get(sessionId: string): Hold | undefined {
    return this.bySession.get(sessionId);
  }

  /** A session is no longer a connection's: what another one holds stays. */
  delete(sessionId: string, connectionId: string): void {
    if (this.bySession.get(sessionId)?.connectionId === connectionId) this.bySession.delete(sessionId);
  }

  /** The connection has gone. */
  deleteOf(connectionId: string): void {
    for (const [id, hold] of this.bySession)
      if (hold.connectionId === connectionId) this.bySession.delete(id);
  }

  /** Forgets what has run out. @param now milliseconds since the epoch */
  expire(now: number): void {
    for (const [id, { expiresAt }] of this.bySession) if (expiresAt <= now) this.bySession.delete(id);
  }

  entries(): IterableIterator<[string, Hold]> {
    return this.bySession.entries();
  }
}

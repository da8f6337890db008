import type { Told } from '../log/fence.js';

export type { Told };

/** Sessions of which a horizon keeps what its agent was told: the latest ones. Some 150 bytes each. */
const KEPT_SESSIONS = 10_000;

interface Kept extends Told {
  /** Where what it was told last began. */
  readonly latest: number;
  /** It knows that somebody else was faster: what it is told next, it takes for itself. */
  readonly isRefused?: boolean;
}

/**
 * What one agent was told of each session: an answer is one to that, and to nothing that came later or was handled. It lasts
 * as long as anything that came over the agent's connection: what an agent has sent last may be written when its connection
 * has ended, and answers to the same.
 */
export class Horizon {
  private readonly bySession = new Map<string, Kept>();
  /** What answers in pieces handle once they are finished, by message id. */
  private readonly begun = new Map<string, { readonly sessionId: string; readonly upTo: number }>();

  /**
   * The agent was told all that is not handled in a session. What it was told before and still waits may be part of an answer
   * that it is at work on, with more that somebody else has handled meanwhile.
   */
  tell(sessionId: string, { sinceSeq: latest, upTo }: Told): void {
    const before = this.bySession.get(sessionId);
    const isAtWork = before !== undefined && !before.isRefused && before.upTo >= latest;
    const sinceSeq = isAtWork ? Math.min(before.sinceSeq, latest) : latest;
    this.bySession.delete(sessionId); // to the end: what was told last is forgotten last
    this.bySession.set(sessionId, { sinceSeq, upTo, latest });
    const [oldest] = this.bySession.keys();
    if (this.bySession.size > KEPT_SESSIONS && oldest !== undefined) this.bySession.delete(oldest);
  }

  /**
   * What an answer answers to.
   *
   * @param named the last position that the agent says it has seen; without it: all that it was told
   * @returns nothing when it was told nothing and says nothing
   */
  of(sessionId: string, named?: number): Told | undefined {
    const kept = this.bySession.get(sessionId);
    if (named !== undefined)
      return { sinceSeq: Math.min(kept?.sinceSeq ?? named, named), upTo: named, isNamed: true };
    return kept && { sinceSeq: kept.sinceSeq, upTo: kept.upTo };
  }

  /** What the agent has handled itself is behind it. */
  handle(sessionId: string, upTo: number): void {
    const kept = this.bySession.get(sessionId);
    if (!kept || kept.sinceSeq > upTo) return;
    if (kept.upTo <= upTo) this.bySession.delete(sessionId);
    else
      this.bySession.set(sessionId, { ...kept, sinceSeq: upTo + 1, latest: Math.max(kept.latest, upTo + 1) });
  }

  /** An answer in pieces has begun: what it answers to is handled when it is finished. */
  begin(messageId: string, sessionId: string, told: Told | undefined): void {
    if (told) this.begun.set(messageId, { sessionId, upTo: told.upTo });
  }

  /** An answer in pieces has ended. @param isHandled whether it counts as an answer */
  end(messageId: string, isHandled: boolean): void {
    const begun = this.begun.get(messageId);
    this.begun.delete(messageId);
    if (begun && isHandled) this.handle(begun.sessionId, begun.upTo);
  }

  /** The agent was told that somebody else was faster, and that it may not answer now. */
  refuse(sessionId: string): void {
    const kept = this.bySession.get(sessionId);
    if (kept) this.bySession.set(sessionId, { ...kept, isRefused: true });
  }

  /**
   * The agent was told that what it answers to is handled: it writes no more of that.
   *
   * @returns whether that was all it was told; otherwise what it was told since stays
   */
  refuseHandled(sessionId: string, { upTo }: Told): boolean {
    const kept = this.bySession.get(sessionId);
    if (kept && kept.upTo > upTo) {
      this.bySession.set(sessionId, { ...kept, sinceSeq: kept.latest });
      return false;
    }
    this.bySession.delete(sessionId);
    return true;
  }
}

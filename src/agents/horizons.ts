import type { Told } from '../log/fence.js';

export type { Told };

/** Sessions of which an agent's horizon is kept: the latest that it was told of. Some 150 bytes each. */
const KEPT_SESSIONS = 10_000;

/** What each agent was told of each session: an answer is one to that, and to nothing that came later or was handled. */
export class Horizons {
  private readonly byAgent = new Map<string, Map<string, Told>>();

  /** An agent was told all that was not handled in a session. */
  tell(agent: string, sessionId: string, told: Told): void {
    const own = this.byAgent.get(agent) ?? new Map<string, Told>();
    this.byAgent.set(agent, own);
    own.delete(sessionId); // to the end: what was told last is forgotten last
    own.set(sessionId, told);
    const [oldest] = own.keys();
    if (own.size > KEPT_SESSIONS && oldest !== undefined) own.delete(oldest);
  }

  /**
   * @param upTo the last position that the agent says it has seen; without it: all that it was told
   * @returns nothing when it was told nothing and says nothing
   */
  of(agent: string, sessionId: string, upTo?: number): Told | undefined {
    const told = this.byAgent.get(agent)?.get(sessionId);
    if (upTo === undefined) return told;
    return { sinceSeq: Math.min(told?.sinceSeq ?? upTo, upTo), upTo, isNamed: true };
  }

  /** What an agent has handled itself is behind it. */
  advance(agent: string, sessionId: string, upTo: number): void {
    const own = this.byAgent.get(agent);
    const told = own?.get(sessionId);
    if (!own || !told || told.sinceSeq > upTo) return;
    if (told.upTo <= upTo) own.delete(sessionId);
    else own.set(sessionId, { sinceSeq: upTo + 1, upTo: told.upTo });
  }

  /** An agent was told that what it answers to is handled. */
  drop(agent: string, sessionId: string): void {
    this.byAgent.get(agent)?.delete(sessionId);
  }

  forget(agent: string): void {
    this.byAgent.delete(agent);
  }
}

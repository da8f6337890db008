import type { Session } from '../kernel/wire.dto.js';

/** `context` is the agent's own memory: it never goes to a browser. */
export function withoutMemory(session: Session): Session {
  return { ...session, context: {} };
}

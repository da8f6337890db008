import { isIso } from '../kernel/clock.js';
import { invalidParameter } from '../kernel/errors.js';
import { findJsonProblem } from '../kernel/json.js';
import type { Session } from '../kernel/wire.dto.js';
import type { SessionPosition } from './persistence/session.repository.js';

/** An opaque `next_cursor`: where the page ended. */
export function toCursor({ created_at, agent_session_id }: Session): string {
  return Buffer.from(JSON.stringify([created_at, agent_session_id])).toString('base64url');
}

/** @throws ParleyError `invalid_parameter` for anything that `toCursor` did not make */
export function fromCursor(cursor: string): SessionPosition {
  try {
    const [createdAt, agentSessionId] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    if (isIso(createdAt) && typeof agentSessionId === 'string' && !findJsonProblem(agentSessionId))
      return { createdAt, agentSessionId };
  } catch {
    // not JSON, or no list: falls through to the same answer
  }
  throw invalidParameter('cursor', 'must be a next_cursor of an earlier answer');
}

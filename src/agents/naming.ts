import { invalidParameter } from '../kernel/errors.js';
import type { Told } from '../log/fence.js';
import type { AgentConnection } from './agent-connection.js';

/** What an answer says that it answers to, as positions of its user's log. */
interface Naming {
  readonly since_seq?: number;
  readonly up_to_seq?: number;
}

/**
 * What an answer answers to: what it names itself, and else what its agent was told over this connection.
 *
 * @returns nothing when it names nothing and its agent was told nothing
 * @throws ParleyError `invalid_parameter` for a `since_seq` without an `up_to_seq`, or beyond it
 */
export function answersTo(
  { horizon }: AgentConnection,
  sessionId: string,
  { since_seq: sinceSeq, up_to_seq: upTo }: Naming,
): Told | undefined {
  if (sinceSeq === undefined) return horizon.of(sessionId, upTo);
  if (upTo === undefined || upTo < sinceSeq)
    throw invalidParameter('since_seq', 'needs an up_to_seq that is not before it');
  return { sinceSeq, upTo, isNamed: true };
}

import { createHash } from 'node:crypto';
import { canonicalJson } from '../kernel/json.js';
import type { NewMessage } from './log-types.js';

/** What a repeat must have in common with what it repeats; nothing for a message that cannot be repeated. 16 bytes. */
export function requestHash({
  clientMessageId,
  sender,
  payload,
  metadata,
  agentSessionId,
}: NewMessage): Buffer | null {
  if (clientMessageId === undefined) return null;
  const body = canonicalJson([sender, payload, metadata, agentSessionId ?? null]);
  return createHash('sha256').update(body).digest().subarray(0, 16);
}

import { isIso, toIso } from '../kernel/clock.js';
import { invalidParameter } from '../kernel/errors.js';
import { findJsonProblem } from '../kernel/json.js';
import type { Delivery } from './delivery.js';
import type { DeliveryPosition } from './persistence/delivery.repository.js';

/** An opaque `next_cursor`: where the page ended. */
export function toCursor({ createdAt, id }: Delivery): string {
  return Buffer.from(JSON.stringify([toIso(createdAt), id])).toString('base64url');
}

/** @throws ParleyError `invalid_parameter` for anything that `toCursor` did not make */
export function fromCursor(cursor: string): DeliveryPosition {
  try {
    const [createdAt, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[];
    if (isIso(createdAt) && typeof id === 'string' && !findJsonProblem(id)) return { createdAt, id };
  } catch {
    // not JSON, or no list: falls through to the same answer
  }
  throw invalidParameter('cursor', 'must be a next_cursor of an earlier answer');
}

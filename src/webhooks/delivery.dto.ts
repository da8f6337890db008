import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { toIso } from '../kernel/clock.js';
import { messageId } from '../kernel/ids.js';
import { MAX_ID_LENGTH } from '../wire/fields.js';
import { DEFAULT_PAGE, MAX_PAGE } from '../wire/page-size.js';
import { NumberInText } from '../wire/shape.js';
import { type AttemptLog, type Delivery, DELIVERY_STATES, type DeliveryState } from './delivery.js';

/** Longest cursor, in characters. */
const MAX_CURSOR_LENGTH = 500;
/** Most ids in one replay. */
const MAX_REPLAYED_IDS = 1000;

class PageQuery {
  /** Most deliveries in the answer. @example 50 */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = DEFAULT_PAGE;

  /** The `next_cursor` of an earlier answer. */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_CURSOR_LENGTH)
  cursor?: string;
}

export class DeliveryListQuery extends PageQuery {
  /** Only those in this state. @example "pending" */
  @IsOptional()
  @IsIn(DELIVERY_STATES)
  state?: DeliveryState;
}

export class DeadLetterQuery extends PageQuery {
  /** Only those of this webhook. @example "whk_8xk2m4q9v7c3n1p5t6w0" */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_ID_LENGTH)
  webhook_id?: string;
}

/** Which dead letters to try anew; without a field: all of the account. */
export class ReplayDto {
  /** Only these. @example ["whd_0f8b2c4d6e8f4a1b9c3d5e7f90a1b2c3"] */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(MAX_REPLAYED_IDS)
  @IsString({ each: true })
  @MaxLength(MAX_ID_LENGTH, { each: true })
  delivery_ids?: string[];

  /** Only those of this webhook. @example "whk_8xk2m4q9v7c3n1p5t6w0" */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_ID_LENGTH)
  webhook_id?: string;
}

export class ReplayView {
  /** Dead letters that are tried anew. @example 3 */
  replayed: number;
  /** Whether there may be more: one call takes so many at most. @example false */
  more: boolean;
}

export class DeliveryView {
  /** The `webhook-id` of its requests, the same in every attempt. @example "whd_0f8b2c4d6e8f4a1b9c3d5e7f90a1b2c3" */
  id: string;
  /** @example "whk_8xk2m4q9v7c3n1p5t6w0" */
  webhook_id: string;
  /** @example "message.received" */
  event: string;
  /** @example "msg_4k2m9x1c7hq000000016" */
  message_id: string | null;
  /** `dead`: given up; it may be replayed. @example "delivered" */
  state: DeliveryState;
  /** Attempts so far. @example 1 */
  attempts: number;
  /** HTTP status of the last attempt; null when it had no answer. @example 200 */
  last_status: number | null;
  /** Why it failed. @example null */
  last_error: string | null;
  /** @example "2026-11-23T10:00:00.000Z" */
  created_at: string;
  /** @example null */
  next_attempt_at: string | null;
  /** When it was delivered, or given up. @example "2026-11-23T10:00:00.120Z" */
  finished_at: string | null;
}

export class AttemptView {
  /** @example 1 */
  attempt: number;
  /** @example "2026-11-23T10:00:00.010Z" */
  started_at: string;
  /** @example 110 */
  duration_ms: number;
  /** HTTP status; null when there was no answer. @example 200 */
  status: number | null;
  /** Why it failed. @example null */
  error: string | null;
  /** The first 1,024 bytes of the answer's body. @example "ok" */
  response: string | null;
}

export class DeliveryDetailView extends DeliveryView {
  attempt_log: AttemptView[];
}

export class DeliveryListView {
  deliveries: DeliveryView[];
  /** Where the next page begins; null at the end. @example null */
  next_cursor: string | null;
}

/** The allow-list: what of a delivery a client sees. */
export function toDeliveryView(delivery: Delivery): DeliveryView {
  const { id, event, state, attempts, userId, seq, nextAttemptAt, finishedAt } = delivery;
  return {
    id,
    webhook_id: delivery.endpointId,
    event,
    message_id: userId === null || seq === null ? null : messageId({ userId, seq }),
    state,
    attempts,
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    created_at: toIso(delivery.createdAt),
    next_attempt_at: nextAttemptAt && toIso(nextAttemptAt),
    finished_at: finishedAt && toIso(finishedAt),
  };
}

export function toAttemptView({ attempt, startedAt, durationMs, ...rest }: AttemptLog): AttemptView {
  const { status, error, response } = rest;
  return { attempt, started_at: toIso(startedAt), duration_ms: durationMs, status, error, response };
}

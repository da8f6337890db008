import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { Message } from '../kernel/wire.dto.js';
import { NumberInText } from '../wire/shape.js';

/** Longest that a call may wait, in seconds. */
export const MAX_WAIT_SECONDS = 60;

/** How long a call waits for what it wants. */
export class WaitQuery {
  /** Seconds to wait at most. Waiting costs no more of the rate limit than not waiting. @example 30 */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(0)
  @Max(MAX_WAIT_SECONDS)
  wait?: number;
}

/** With `wait`: what was sent, and what the assistant said to it. */
export class MessageAndReply {
  message: Message;
  /** The assistant's next complete message of that session; null when none came in time. */
  reply: Message | null;
}

import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { Message, Session } from '../kernel/wire.dto.js';
import { IsPlatformUserId } from '../wire/fields.js';
import { NumberInText } from '../wire/shape.js';
import { MAX_EPOCH_LENGTH } from './handshake.dto.js';

/** Most entries of the log in one answer. */
export const MAX_SYNC = 500;
export const DEFAULT_SYNC = 200;

/** From where on the log is wanted. */
class SyncPosition {
  /** Required with an API key; a user token and a socket know their own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** `epoch` of the answer that `after` belongs to. */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_EPOCH_LENGTH)
  epoch?: string;
}

export class SyncQuery extends SyncPosition {
  /** The last position that the client knows; 0 for everything. @example 42 */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after: number = 0;

  /** Most entries in one answer. */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(1)
  @Max(MAX_SYNC)
  limit: number = DEFAULT_SYNC;
}

/** The same over a socket, where numbers are numbers. */
export class SyncDto extends SyncPosition {
  /** The last position that the client knows; 0 for everything. @example 42 */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after: number = 0;

  /** Most entries in one answer. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_SYNC)
  limit: number = DEFAULT_SYNC;
}

/** Everything in the log after a position, each message and session once, in its latest state. */
export class SyncView {
  /** Identifies the log: positions of another epoch mean nothing here. @example "3f9ac01b77d2.1x7k3" */
  epoch: string;
  /** The position that was asked for. @example 42 */
  from: number;
  /** Everything up to this position is in the answer: the next `after`. @example 57 */
  to: number;
  /** False: there is more, ask again with `after` set to `to`. */
  complete: boolean;
  /** The position is none of this log: throw away what you have and ask again with `after=0`. */
  reset: boolean;
  messages: Message[];
  sessions: Session[];
  /** @example 40 */
  read_seq: number;
  /** @example 1 */
  unread_count: number;
}

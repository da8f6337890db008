import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { IsPlatformUserId } from '../../wire/fields.js';
import { NumberInText } from '../../wire/shape.js';
import { MAX_EPOCH_LENGTH } from '../handshake.dto.js';

export class StreamQuery {
  /** Required with an API key; a user token knows its own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** The last position that the client has seen; the header `Last-Event-ID` says the same. @example 42 */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;

  /** `epoch` of the `ready` that this position belongs to. */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_EPOCH_LENGTH)
  epoch?: string;
}

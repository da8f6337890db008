import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { IsPlatformUserId } from '../wire/fields.js';

const MAX_CREDENTIAL_LENGTH = 4096;
/** Longest name of a log, in characters. */
export const MAX_EPOCH_LENGTH = 64;

/** `auth` of a Socket.IO handshake: a user token, or an API key and whom it speaks for. */
export class HandshakeDto {
  /** A user token. */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_CREDENTIAL_LENGTH)
  token?: string;

  /** An API key with the scope `user`: for trusted servers, never for browsers. */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_CREDENTIAL_LENGTH)
  api_key?: string;

  /** Required with an API key. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** The last position that the client has seen: what came after it is sent first. @example 42 */
  @IsOptional()
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

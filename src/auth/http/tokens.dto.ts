import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { IsPlatformUserId } from '../../wire/fields.js';
import { DEFAULT_TOKEN_SECONDS, MAX_TOKEN_SECONDS, MIN_TOKEN_SECONDS } from '../token-limits.js';

export class MintTokenDto {
  /** Whom the token is for. @example "user123" */
  @IsPlatformUserId()
  platform_user_id: string;

  /** Seconds until it expires. @example 3600 */
  @IsOptional()
  @IsInt()
  @Min(MIN_TOKEN_SECONDS)
  @Max(MAX_TOKEN_SECONDS)
  expires_in: number = DEFAULT_TOKEN_SECONDS;
}

export class MintedTokenView {
  /** A JSON Web Token, to be handed to the platform user's browser. @example "eyJhbGciOiJIUzI1NiJ9…" */
  token: string;
  /** @example "2026-11-23T11:00:00.000Z" */
  expires_at: string;
}

export class RevokeTokensDto {
  /** Whose tokens end. @example "user123" */
  @IsPlatformUserId()
  platform_user_id: string;
}

export class RevokedTokensView {
  /** @example "user123" */
  platform_user_id: string;
  /** Every token that this user got until now no longer counts. @example "2026-11-23T10:00:00.000Z" */
  revoked_at: string;
}

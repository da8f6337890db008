import {
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { toIso } from '../../kernel/clock.js';
import { PRINTABLE } from '../../wire/fields.js';
import type { CreatedKey } from '../api-keys.js';
import type { ApiKey } from '../api-key.js';
import { SCOPES, type Scope } from '../principal.js';

/** Longest name of a key, in characters. */
const MAX_NAME_LENGTH = 100;
const MAX_RATE = 1_000_000_000;
const TEN_YEARS = 10 * 365 * 24 * 3600;
/** How long a rotated key goes on working when nothing is asked, in seconds. */
const DEFAULT_GRACE_SECONDS = 24 * 3600;
const MAX_GRACE_SECONDS = 30 * 24 * 3600;

export class CreateApiKeyDto {
  /** What it is for. @example "chat backend" */
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_NAME_LENGTH)
  @Matches(PRINTABLE, { message: '$property must not contain control characters' })
  name: string;

  /** What it may do. @example ["user", "agent"] */
  @IsArray()
  @ArrayNotEmpty()
  @IsIn(SCOPES, { each: true })
  scopes: Scope[];

  /** Requests per hour; 0 is no limit; without it the server's default. @example 1000 */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_RATE)
  rate_limit_per_hour?: number;

  /** Seconds until it expires; without it never. @example 7776000 */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(TEN_YEARS)
  expires_in?: number;
}

export class RotateApiKeyDto {
  /** Seconds for which the old key goes on working. @example 86400 */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_GRACE_SECONDS)
  grace_seconds: number = DEFAULT_GRACE_SECONDS;
}

export class ApiKeyView {
  /** @example "key_8xk2m4q9v7c3n1p5t6w0" */
  id: string;
  /** @example "chat backend" */
  name: string;
  /** The beginning of the key, to recognise it by. @example "parley_Zk3v9" */
  prefix: string;
  /** @example ["user", "agent"] */
  scopes: Scope[];
  /** Requests per hour; null: the server's default. @example 1000 */
  rate_limit_per_hour: number | null;
  /** @example "2026-11-23T10:00:00.000Z" */
  created_at: string;
  /** @example "2027-02-21T10:00:00.000Z" */
  expires_at: string | null;
  /** @example "2026-12-24T10:00:00.000Z" */
  revoked_at: string | null;
}

export class CreatedApiKeyView extends ApiKeyView {
  /** The key itself. It is shown this once. @example "parley_Zk3v9…" */
  key: string;
}

export class ApiKeyListView {
  api_keys: ApiKeyView[];
}

/** The allow-list: what of a key a client sees. */
export function toView(key: ApiKey): ApiKeyView {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    rate_limit_per_hour: key.rateLimitPerHour,
    created_at: toIso(key.createdAt),
    expires_at: key.expiresAt && toIso(key.expiresAt),
    revoked_at: key.revokedAt && toIso(key.revokedAt),
  };
}

export function toCreatedView({ key, secret }: CreatedKey): CreatedApiKeyView {
  return { ...toView(key), key: secret };
}

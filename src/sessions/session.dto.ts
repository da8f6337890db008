import { IsIn, IsInt, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import type { Session, SessionStatus } from '../kernel/wire.dto.js';
import { IsAgentId, IsAgentSessionId, IsPlatformUserId } from '../wire/fields.js';
import { DEFAULT_PAGE, MAX_PAGE } from '../wire/page-size.js';
import { Nullable, NumberInText } from '../wire/shape.js';

/** Longest title, in characters. */
export const MAX_TITLE_LENGTH = 500;

/** What may be said of a session when it is made and later. */
class SessionFieldsDto {
  /** @example "Late delivery" */
  @IsOptional()
  @Nullable()
  @IsString()
  @MaxLength(MAX_TITLE_LENGTH)
  title?: string | null;

  /** The agent that it is routed to; null: to any. @example "support-bot" */
  @IsOptional()
  @Nullable()
  @IsAgentId()
  agent_id?: string | null;

  /** The agent's own memory. @example { "order": "A-1042" } */
  @IsOptional()
  @IsObject()
  context?: Record<string, unknown>;

  /** The caller's own data. @example {} */
  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown>;
}

export class CreateSessionDto extends SessionFieldsDto {
  /** Required with an API key; a user token knows its own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** An id of the caller's choice, unique in the account. Without it one is made. @example "session123" */
  @IsOptional()
  @IsAgentSessionId()
  agent_session_id?: string;
}

export class PatchSessionDto extends SessionFieldsDto {
  /** Closes or reopens. @example "closed" */
  @IsOptional()
  @IsIn(['open', 'closed'])
  status?: SessionStatus;

  /** Whether `context` takes the place of the old one, or is merged into it (RFC 7396). */
  @IsOptional()
  @IsIn(['replace', 'merge'])
  context_mode: 'replace' | 'merge' = 'replace';
}

export class SessionListQuery {
  /** Required with an API key; a user token knows its own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  @IsOptional()
  @IsIn(['open', 'closed'])
  status?: SessionStatus;

  /** Most sessions in one answer. */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = DEFAULT_PAGE;

  /** `next_cursor` of the page before. */
  @IsOptional()
  @Matches(/^[\w-]{1,600}$/, { message: 'cursor must be a next_cursor of an earlier answer' })
  cursor?: string;
}

export class SessionList {
  sessions: Session[];
  /** Ask with `cursor` set to this for more; null at the end. */
  next_cursor: string | null;
}

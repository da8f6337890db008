import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  Min,
} from 'class-validator';
import type { Message } from '../kernel/wire.dto.js';
import { IsAgentSessionId, IsPlatformUserId } from '../wire/fields.js';
import { DEFAULT_PAGE, MAX_PAGE } from '../wire/page-size.js';
import { NumberInText } from '../wire/shape.js';

/** Most messages that one call marks read singly. */
export const MAX_MESSAGE_IDS = 200;
/** Furthest that the published `offset` reaches; positions (`after`) have no such limit. */
export const MAX_OFFSET = 1_000_000;

/** A page of a list. */
class LimitQuery {
  /** Most messages in one answer. */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = DEFAULT_PAGE;

  /** Messages after this position. @example 0 */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after?: number;
}

/** A page of a history, from either end. */
export class PageQuery extends LimitQuery {
  /** Messages before this position. @example 43 */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  before?: number;

  /** Oldest first (`asc`) or newest first (`desc`). */
  @IsOptional()
  @IsIn(['asc', 'desc'])
  order: 'asc' | 'desc' = 'asc';
}

export class ListQuery extends LimitQuery {
  /** Required with an API key; a user token knows its own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** Messages of this session only. @example "session123" */
  @IsOptional()
  @IsAgentSessionId()
  agent_session_id?: string;
}

export class HistoryQuery extends PageQuery {
  /** Required with an API key; a user token knows its own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** Messages of this session only. @example "session123" */
  @IsOptional()
  @IsAgentSessionId()
  agent_session_id?: string;
}

export class UnreadList {
  messages: Message[];
  /** All that is unread, on this page or not. @example 1 */
  unread_count: number;
  /** Ask with `after` set to this for more; null at the end. */
  next_after: number | null;
}

export class HistoryList {
  messages: Message[];
  /** Messages in this history, on this page or not. @example 42 */
  total: number;
  /** With `order=asc`: ask with `after` set to this for more; null at the end. */
  next_after?: number | null;
  /** With `order=desc`: ask with `before` set to this for more; null at the end. */
  next_before?: number | null;
}

/** What was read: everything up to a position, or single messages. */
export class ReadDto {
  /** Required with an API key; a user token knows its own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** Everything up to this position is read, however much it is. @example 42 */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  up_to_seq?: number;

  /** These messages are read. */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(MAX_MESSAGE_IDS)
  @IsString({ each: true })
  message_ids?: string[];
}

/** The published reference page's form of listing. */
export class AliasListQuery {
  /** Required with an API key; a user token knows its own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  user_id?: string;

  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = DEFAULT_PAGE;

  /** Messages to skip. */
  @IsOptional()
  @NumberInText()
  @IsInt()
  @Min(0)
  @Max(MAX_OFFSET)
  offset: number = 0;
}

export class AliasMessage {
  /** @example "msg_4k2m9x1c7hq000000016" */
  id: string;
  /** @example "How can I help you today?" */
  content: string;
  /** @example "2026-11-23T10:00:00.000Z" */
  timestamp: string;
  read: boolean;
}

export class AliasList {
  messages: AliasMessage[];
  /** @example 42 */
  total: number;
}

export class AliasSent {
  /** @example "msg_4k2m9x1c7hq000000016" */
  id: string;
  /** @example "2026-11-23T10:00:00.000Z" */
  timestamp: string;
}

export class AliasRead {
  /** @example "msg_4k2m9x1c7hq000000016" */
  id: string;
  read: true;
}

import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
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
import { toIso } from '../kernel/clock.js';
import { IsAgentId, MAX_ID_LENGTH, PRINTABLE } from '../wire/fields.js';
import { Nullable } from '../wire/shape.js';
import { type Endpoint, type EndpointChange, EVENTS, type WebhookEvent } from './endpoint.js';

/** Longest URL and description, in characters. */
const MAX_URL_LENGTH = 2048;
const MAX_DESCRIPTION_LENGTH = 500;
/** How long the old secret signs too when nothing is asked, in seconds. */
const DEFAULT_GRACE_SECONDS = 24 * 3600;
const MAX_GRACE_SECONDS = 30 * 24 * 3600;

/** What may be said of a webhook when it is made and later. */
class WebhookFieldsDto {
  /** What it is for. @example "support bot" */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_DESCRIPTION_LENGTH)
  @Matches(PRINTABLE, { message: '$property must not contain control characters' })
  description?: string;

  /** Which events are delivered; all of them without it. @example ["message.received"] */
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(EVENTS.length)
  @IsIn(EVENTS, { each: true })
  events?: WebhookEvent[];

  /** Only messages of sessions that are routed to this agent; null: of any. @example "support-bot" */
  @Nullable()
  @IsOptional()
  @IsAgentId()
  agent_id?: string | null;

  /** Only messages of sessions whose `agent_session_id` begins with this; null: of any. @example "support-" */
  @Nullable()
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_ID_LENGTH)
  agent_session_prefix?: string | null;

  /** Only messages of users whose `platform_user_id` begins with this; null: of any. @example "tenant7:" */
  @Nullable()
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_ID_LENGTH)
  platform_user_prefix?: string | null;

  /** Whether anything is delivered. Disabling makes dead letters of what is pending. @example true */
  @IsOptional()
  @IsBoolean()
  enabled?: boolean;
}

export class CreateWebhookDto extends WebhookFieldsDto {
  /** Where events are posted: http or https, a public address, no user or password in it. @example "https://agents.example.com/parley" */
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_URL_LENGTH)
  @Matches(PRINTABLE, { message: '$property must not contain control characters' })
  url: string;
}

export class PatchWebhookDto extends WebhookFieldsDto {
  /** Where events are posted: http or https, a public address, no user or password in it. @example "https://agents.example.com/parley" */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_URL_LENGTH)
  @Matches(PRINTABLE, { message: '$property must not contain control characters' })
  url?: string;
}

export class RotateSecretDto {
  /** Seconds for which the old secret signs as well. @example 86400 */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_GRACE_SECONDS)
  grace_seconds: number = DEFAULT_GRACE_SECONDS;
}

export class WebhookView {
  /** @example "whk_8xk2m4q9v7c3n1p5t6w0" */
  id: string;
  /** @example "https://agents.example.com/parley" */
  url: string;
  /** @example "support bot" */
  description: string;
  /** @example ["message.received"] */
  events: string[];
  /** @example null */
  agent_id: string | null;
  /** @example "support-" */
  agent_session_prefix: string | null;
  /** @example null */
  platform_user_prefix: string | null;
  /** @example true */
  enabled: boolean;
  /** Why Parley has disabled it. @example null */
  disabled_reason: string | null;
  /** Attempts that failed since the last one that did not. @example 0 */
  consecutive_failures: number;
  /** The circuit breaker is open until then: nothing is tried. null: it is closed. @example null */
  breaker_open_until: string | null;
  /** Until when the secret before the present one signs as well. @example null */
  previous_secret_expires_at: string | null;
  /** @example "2026-11-23T10:00:00.000Z" */
  created_at: string;
}

export class WebhookWithSecretView extends WebhookView {
  /** Signs what is delivered. It is shown this once. @example "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" */
  secret: string;
}

export class WebhookListView {
  webhooks: WebhookView[];
}

export class DeletedWebhookView {
  /** @example "whk_8xk2m4q9v7c3n1p5t6w0" */
  id: string;
  /** @example true */
  deleted: boolean;
}

/** What somebody wants of an endpoint, in the words of the inside. */
export function toChange(dto: PatchWebhookDto): EndpointChange {
  const {
    agent_id: agentId,
    agent_session_prefix: agentSessionPrefix,
    platform_user_prefix: platformUserPrefix,
  } = dto;
  const { url, description, events, enabled } = dto;
  return { url, description, events, enabled, agentId, agentSessionPrefix, platformUserPrefix };
}

/** The allow-list: what of an endpoint a client sees. */
export function toWebhookView(endpoint: Endpoint): WebhookView {
  const { id, url, description, events, enabled, breakerUntil, previousSecretUntil } = endpoint;
  return {
    id,
    url,
    description,
    events,
    agent_id: endpoint.agentId,
    agent_session_prefix: endpoint.agentSessionPrefix,
    platform_user_prefix: endpoint.platformUserPrefix,
    enabled,
    disabled_reason: endpoint.disabledReason,
    consecutive_failures: endpoint.failures,
    breaker_open_until: breakerUntil && toIso(breakerUntil),
    previous_secret_expires_at: previousSecretUntil && toIso(previousSecretUntil),
    created_at: toIso(endpoint.createdAt),
  };
}

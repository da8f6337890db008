import type { Type as Class } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import {
  IsIn,
  IsInt,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  IsUrl,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import type { Sender } from '../kernel/wire.dto.js';
import { IsAgentSessionId, IsClientMessageId, IsPlatformUserId } from './fields.js';
import { Nested, NestedList, OpenObject } from './shape.js';

/** Most attachments of one message. */
export const MAX_ATTACHMENTS = 50;
const MAX_URL_LENGTH = 2048;
const MAX_TEXT_LENGTH = 1000;

/** A file that belongs to the message: Parley keeps the reference, not the file. */
@OpenObject()
export class AttachmentDto {
  /** @example "invoice.pdf" */
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_TEXT_LENGTH)
  name: string;

  /** An http or https URL. @example "https://files.example.com/invoice.pdf" */
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
  @MaxLength(MAX_URL_LENGTH)
  url: string;

  @IsOptional()
  @IsString()
  @MaxLength(MAX_TEXT_LENGTH)
  description?: string;

  /** Media type. @example "application/pdf" */
  @IsOptional()
  @IsString()
  @MaxLength(MAX_TEXT_LENGTH)
  type?: string;

  /** Bytes. @example 48213 */
  @IsOptional()
  @IsInt()
  @Min(0)
  size?: number;
}

/** The caller's own content; extra fields are kept. */
@OpenObject()
export class PayloadDto {
  /** The text; may be empty only when there are attachments. @example "Where is my order?" */
  @ValidateIf((payload: PayloadDto) => payload.content !== '' || !hasAttachments(payload))
  @IsString()
  @IsNotEmpty()
  content: string;

  /** Who wrote it. The call decides when it is absent. @example "assistant" */
  @IsOptional()
  @IsIn(['user', 'assistant', 'system'])
  sender?: Sender;

  @IsOptional()
  @NestedList(() => AttachmentDto, MAX_ATTACHMENTS)
  attachments?: AttachmentDto[];
}

function hasAttachments(payload: PayloadDto): boolean {
  return Array.isArray(payload.attachments) && payload.attachments.length > 0;
}

/** What a user says, as an object. */
export class UserMessageDto {
  @IsObject()
  @Nested(() => PayloadDto)
  payload: PayloadDto;
}

/** What an assistant says. */
export class AgentMessageDto extends UserMessageDto {
  /** Without it: the user's most recent open session, else a new one. @example "session123" */
  @IsOptional()
  @IsAgentSessionId()
  agent_session_id?: string;

  /** The caller's own data. @example {} */
  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown>;
}

/** A plain text stands for a payload with that content. */
export function textAsPayload(value: unknown): unknown {
  return typeof value === 'string' ? { payload: { content: value } } : value;
}

/** Documents a field that takes a text, or an object of a class. */
export function TextOr(dto: Class<unknown>): PropertyDecorator {
  return ApiProperty({ oneOf: [{ type: 'string' }, { $ref: getSchemaPath(dto) }] });
}

/** A message from an assistant. */
@ApiExtraModels(AgentMessageDto)
export class SendDto {
  /** @example "user123" */
  @IsPlatformUserId()
  platform_user_id: string;

  /** A text, or an object with a `payload`. @example { "payload": { "content": "How can I help you today?" } } */
  @TextOr(AgentMessageDto)
  @IsObject({ message: 'message must be a text or an object' })
  @Nested(() => AgentMessageDto, textAsPayload)
  message: AgentMessageDto;

  /** Makes the call safe to repeat. @example "b3f9d3a8-2c1e-4f0e-8f77-0c7f0d6c5f0a" */
  @IsOptional()
  @IsClientMessageId()
  client_message_id?: string;
}

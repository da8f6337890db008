import { ApiExtraModels } from '@nestjs/swagger';
import { IsIn, IsNotEmpty, IsObject, IsOptional, IsString } from 'class-validator';
import type { Sender } from '../kernel/wire.dto.js';
import { IsAgentSessionId, IsClientMessageId, IsPlatformUserId } from '../wire/fields.js';
import {
  AttachmentDto,
  MAX_ATTACHMENTS,
  TextOr,
  textAsPayload,
  UserMessageDto,
} from '../wire/message.dto.js';
import { Nested, NestedList, OpenObject } from '../wire/shape.js';

/** A message from a user. */
@ApiExtraModels(UserMessageDto)
export class ReceiveDto {
  /** Required with an API key over REST; a user token and a socket know their own. @example "user123" */
  @IsOptional()
  @IsPlatformUserId()
  platform_user_id?: string;

  /** A text, or an object with a `payload`. @example "Where is my order?" */
  @TextOr(UserMessageDto)
  @IsObject({ message: 'message must be a text or an object' })
  @Nested(() => UserMessageDto, textAsPayload)
  message: UserMessageDto;

  /** Without it: the user's most recent open session, else a new one. @example "session123" */
  @IsOptional()
  @IsAgentSessionId()
  agent_session_id?: string;

  /** Makes the call safe to repeat. @example "7f1c6c1e-1f5c-4c43-9d9e-3a1d3f6f2b11" */
  @IsOptional()
  @IsClientMessageId()
  client_message_id?: string;

  /** The caller's own data. @example {} */
  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown>;
}

/** A change of a payload: the fields that are given replace those that were there. */
@OpenObject()
export class PayloadEditDto {
  /** @example "Your order arrives on Tuesday." */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  content?: string;

  /** Cannot be changed; may be repeated. */
  @IsOptional()
  @IsIn(['user', 'assistant', 'system'])
  sender?: Sender;

  @IsOptional()
  @NestedList(() => AttachmentDto, MAX_ATTACHMENTS)
  attachments?: AttachmentDto[];
}

/** A change of a message: its content, other fields of its payload, or its metadata. */
export class EditDto {
  /** Short for `payload: { content }`. @example "Your order arrives on Tuesday." */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  content?: string;

  @IsOptional()
  @IsObject()
  @Nested(() => PayloadEditDto)
  payload?: PayloadEditDto;

  /** Replaces the metadata. */
  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown>;
}

/** The published reference page's form of sending. */
export class AliasSendDto {
  /** @example "user123" */
  @IsPlatformUserId()
  user_id: string;

  /** @example "How can I help you today?" */
  @IsString()
  @IsNotEmpty()
  content: string;
}

import { IsEmpty, IsIn, IsInt, IsObject, IsOptional, IsString, Min } from 'class-validator';
import type { Sender } from '../kernel/wire.dto.js';
import { IsAgentSessionId, IsClientMessageId, IsMessageId, IsPlatformUserId } from '../wire/fields.js';
import { AttachmentDto, MAX_ATTACHMENTS } from '../wire/message.dto.js';
import { Nested, NestedList, OpenObject } from '../wire/shape.js';

/** The payload of an answer that arrives in pieces, but for its text; extra fields are kept. */
@OpenObject()
export class StreamPayloadDto {
  /** Comes in pieces. */
  @IsOptional()
  @IsEmpty({ message: '$property comes in pieces' })
  content?: '';

  @IsOptional()
  @IsIn(['assistant'])
  sender?: Sender;

  @IsOptional()
  @NestedList(() => AttachmentDto, MAX_ATTACHMENTS)
  attachments?: AttachmentDto[];
}

/** To whom an answer in pieces goes. */
export class StreamQueryDto {
  /** @example "user123" */
  @IsPlatformUserId()
  platform_user_id: string;

  /** Without it: the user's most recent open session, else a new one. @example "session123" */
  @IsOptional()
  @IsAgentSessionId()
  agent_session_id?: string;

  /** Makes the call safe to repeat. @example "b3f9d3a8-2c1e-4f0e-8f77-0c7f0d6c5f0a" */
  @IsOptional()
  @IsClientMessageId()
  client_message_id?: string;
}

/** What an answer in pieces begins with. */
export class StreamStartDto extends StreamQueryDto {
  /** Fields of the payload besides the text. */
  @IsOptional()
  @IsObject()
  @Nested(() => StreamPayloadDto)
  payload?: StreamPayloadDto;

  /** The caller's own data. @example {} */
  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown>;
}

/** How an answer in pieces ends. */
export class StreamFinishDto {
  /** `complete` unless it was broken off. @example "complete" */
  @IsOptional()
  @IsIn(['complete', 'cancelled'])
  status?: 'complete' | 'cancelled';

  /**
   * How long the text is, in UTF-16 code units. Refused with the length known when that is another one: what was lost with
   * a node is to be appended again. @example 23
   */
  @IsOptional()
  @IsInt()
  @Min(0)
  offset?: number;

  /** Fields of the payload besides the text. */
  @IsOptional()
  @IsObject()
  @Nested(() => StreamPayloadDto)
  payload?: StreamPayloadDto;

  /** Replaces the metadata. */
  @IsOptional()
  @IsObject()
  metadata?: Record<string, unknown>;
}

/** A line of an answer in pieces: a piece, or its end. */
export class StreamLineDto {
  /** @example "Your order " */
  @IsOptional()
  @IsString()
  delta?: string;

  /** Only on the last line; without it the answer is complete where its lines end. */
  @IsOptional()
  @IsObject()
  @Nested(() => StreamFinishDto)
  finish?: StreamFinishDto;
}

/** A piece of an answer, over a socket. */
export class StreamPieceDto {
  /** @example "msg_4k2m9x1c7hq000000016" */
  @IsMessageId()
  message_id: string;

  /** Where the piece begins in the text, in UTF-16 code units (the length of a JavaScript string). @example 11 */
  @IsInt()
  @Min(0)
  offset: number;

  /** @example "will arrive" */
  @IsString()
  delta: string;
}

/** The platform user wants no more of an answer. */
export class StopDto {
  /** @example "msg_4k2m9x1c7hq000000016" */
  @IsMessageId()
  message_id: string;
}

/** What became of the answer: `streaming` when the stop is on its way, else it had ended before. */
export class StopView {
  /** @example "msg_4k2m9x1c7hq000000016" */
  message_id: string;
  /** @example "streaming" */
  status: 'complete' | 'streaming' | 'cancelled' | 'incomplete';
}

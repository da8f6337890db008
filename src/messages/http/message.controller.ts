import { Body, Controller, Post, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { Message } from '../../kernel/wire.dto.js';
import type { Appended } from '../../log/log-types.js';
import { Answers } from '../../wire/answers.decorator.js';
import { ReceiveDto, SendDto } from '../message.dto.js';
import { MessagesService } from '../messages.service.js';
import { IDEMPOTENCY_HEADER, IdempotencyKey } from './idempotency-key.decorator.js';
import { ReplayInterceptor } from './replay.interceptor.js';

const IDEMPOTENCY = {
  name: IDEMPOTENCY_HEADER,
  required: false,
  description: 'The same as `client_message_id`.',
};

@ApiTags('Messages')
@Controller('v1/message')
@UseInterceptors(ReplayInterceptor)
export class MessageController {
  constructor(private readonly messages: MessagesService) {}

  /** A platform user says something. Goes to the user's most recent open session unless one is named. */
  @Post('receive')
  @NeedsScope('user')
  @ApiHeader(IDEMPOTENCY)
  @Answers(201, Message, 'resource_conflict')
  receive(
    @Caller() caller: Principal,
    @Body() body: ReceiveDto,
    @IdempotencyKey() key?: string,
  ): Promise<Appended> {
    return this.messages.receive(caller, body, key);
  }

  /** An assistant says something; it is pushed to every device of the platform user. */
  @Post('send')
  @NeedsScope('agent')
  @ApiHeader(IDEMPOTENCY)
  @Answers(201, Message, 'resource_conflict')
  send(
    @Caller() caller: Principal,
    @Body() body: SendDto,
    @IdempotencyKey() key?: string,
  ): Promise<Appended> {
    return this.messages.send(caller, body, key);
  }
}

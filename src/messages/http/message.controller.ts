import { Controller, Post, Res } from '@nestjs/common';
import { ApiHeader, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { clientGone } from '../../http/client-gone.js';
import type { JsonText } from '../../kernel/json-text.js';
import { Message } from '../../kernel/wire.dto.js';
import { Answers, AnswersOneOf } from '../../wire/answers.decorator.js';
import { Body, Query } from '../../wire/inputs.js';
import { SendDto } from '../../wire/message.dto.js';
import { ReceiveDto } from '../message.dto.js';
import { MessagesService } from '../messages.service.js';
import { MessageAndReply, WaitQuery } from '../wait.dto.js';
import { Waiting } from '../waiting.js';
import { IDEMPOTENCY_HEADER, IdempotencyKey } from './idempotency-key.decorator.js';
import { markReplay } from './replay.js';

const IDEMPOTENCY = {
  name: IDEMPOTENCY_HEADER,
  required: false,
  description: 'The same as `client_message_id`.',
};

const REPLAY = 'A repeat of an earlier call: what that one wrote, and nothing is written again.';

@ApiTags('Messages')
@Controller('v1/message')
export class MessageController {
  constructor(
    private readonly messages: MessagesService,
    private readonly waiting: Waiting,
  ) {}

  /** A platform user says something. Goes to the user's most recent open session unless one is named. */
  @Post('receive')
  @NeedsScope('user')
  @ApiHeader(IDEMPOTENCY)
  @AnswersOneOf(201, [Message, MessageAndReply], 'resource_conflict')
  @ApiResponse({
    status: 200,
    description: REPLAY,
    schema: { oneOf: [Message, MessageAndReply].map((type) => ({ $ref: getSchemaPath(type) })) },
  })
  async receive(
    @Caller() caller: Principal,
    @Body() body: ReceiveDto,
    @Query() { wait }: WaitQuery,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Message | JsonText<Message> | MessageAndReply> {
    const received = await this.messages.receive(caller, body, key);
    const answer = markReplay(reply, received);
    if (wait === undefined) return answer;
    const { message } = received;
    return { message, reply: await this.waiting.reply(caller, message, wait, clientGone(reply)) };
  }

  /** An assistant says something; it is pushed to every device of the platform user. */
  @Post('send')
  @NeedsScope('agent')
  @ApiHeader(IDEMPOTENCY)
  @Answers(201, Message, 'resource_conflict')
  @ApiResponse({ status: 200, description: REPLAY, type: Message })
  async send(
    @Caller() caller: Principal,
    @Body() body: SendDto,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Message | JsonText<Message>> {
    return markReplay(reply, await this.messages.send(caller, body, key));
  }
}

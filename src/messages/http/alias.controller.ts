import { Controller, Get, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import type { Message } from '../../kernel/wire.dto.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Body, Param, Query } from '../../wire/inputs.js';
import { AliasSendDto } from '../message.dto.js';
import { MessageLists } from '../message-lists.js';
import { MessagesService } from '../messages.service.js';
import { AliasList, AliasListQuery, type AliasMessage, AliasRead, AliasSent } from '../read.dto.js';

/** The forms that the published reference page names for the same calls (contract section 2). */
@ApiTags('Messages (alias forms)')
@Controller('v1/messages')
export class AliasController {
  constructor(
    private readonly messages: MessagesService,
    private readonly lists: MessageLists,
  ) {}

  /** The history of a platform user, by offset. */
  @Get()
  @NeedsScope('user', 'agent')
  @Answers(200, AliasList)
  async list(@Caller() caller: Principal, @Query() query: AliasListQuery): Promise<AliasList> {
    const { messages, total } = await this.lists.byOffset(caller, query);
    return { messages: messages.map(toAlias), total };
  }

  /** An assistant says something. */
  @Post('send')
  @NeedsScope('agent')
  @Answers(201, AliasSent)
  async send(@Caller() caller: Principal, @Body() { user_id, content }: AliasSendDto): Promise<AliasSent> {
    const body = { platform_user_id: user_id, message: { payload: { content } } };
    const { message } = await this.messages.send(caller, body);
    return { id: message.id, timestamp: message.created_at };
  }

  /** Marks one message read. */
  @Put(':id/read')
  @NeedsScope('user')
  @Answers(200, AliasRead, 'resource_not_found')
  async read(@Caller() caller: Principal, @Param('id') id: string): Promise<AliasRead> {
    await this.messages.readOne(caller, id);
    return { id, read: true };
  }
}

function toAlias({ id, payload, created_at, read }: Message): AliasMessage {
  return { id, content: payload.content, timestamp: created_at, read };
}

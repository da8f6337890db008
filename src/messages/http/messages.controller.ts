import { Controller, Delete, Get, HttpCode, Patch, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { clientGone } from '../../http/client-gone.js';
import { Message, ReadState } from '../../kernel/wire.dto.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Body, Param, Query } from '../../wire/inputs.js';
import { EditDto } from '../message.dto.js';
import { MessageLists, type Written } from '../message-lists.js';
import { MessagesService } from '../messages.service.js';
import { HistoryList, HistoryQuery, ListQuery, ReadDto, UnreadList } from '../read.dto.js';
import { WaitQuery } from '../wait.dto.js';
import { Waiting } from '../waiting.js';

@ApiTags('Messages')
@Controller('v1/messages')
@NeedsScope('user', 'agent')
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly lists: MessageLists,
    private readonly waiting: Waiting,
  ) {}

  /**
   * Assistant and system messages that are not read yet, oldest first. Reading the list marks nothing read. With
   * `wait` it answers as soon as something is unread, or empty when time is up.
   */
  @Get('unread')
  @Answers(200, UnreadList)
  unread(
    @Caller() caller: Principal,
    @Query() query: ListQuery,
    @Query() { wait }: WaitQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Written<UnreadList>> {
    if (!wait) return this.lists.unread(caller, query);
    return this.waiting.unread(caller, query, wait, clientGone(reply));
  }

  /** The history of a platform user, or of one session. */
  @Get('all')
  @Answers(200, HistoryList)
  all(@Caller() caller: Principal, @Query() query: HistoryQuery): Promise<Written<HistoryList>> {
    return this.lists.history(caller, query);
  }

  /** Marks messages read: everything up to a position, or single ones. */
  @Post('read')
  @HttpCode(200)
  @NeedsScope('user')
  @Answers(200, ReadState, 'resource_not_found')
  read(@Caller() caller: Principal, @Body() body: ReadDto): Promise<ReadState> {
    return this.messages.read(caller, body);
  }

  /** Changes content or metadata of a message. Its author's scope may. */
  @Patch(':id')
  @Answers(200, Message, 'resource_not_found', 'resource_conflict')
  edit(@Caller() caller: Principal, @Param('id') id: string, @Body() body: EditDto): Promise<Message> {
    return this.messages.edit(caller, id, body);
  }

  /** Deletes a message; a tombstone keeps its place. Its author's scope may. */
  @Delete(':id')
  @Answers(200, Message, 'resource_not_found')
  remove(@Caller() caller: Principal, @Param('id') id: string): Promise<Message> {
    return this.messages.delete(caller, id);
  }
}

import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Param, Query } from '../../wire/inputs.js';
import { MessageLists, type Written } from '../message-lists.js';
import { HistoryList, PageQuery } from '../read.dto.js';

@ApiTags('Sessions')
@Controller('v1/sessions/:agent_session_id/messages')
@NeedsScope('user', 'agent')
export class SessionHistoryController {
  constructor(private readonly lists: MessageLists) {}

  /** The history of one session. */
  @Get()
  @Answers(200, HistoryList, 'resource_not_found')
  history(
    @Caller() caller: Principal,
    @Param('agent_session_id') id: string,
    @Query() query: PageQuery,
  ): Promise<Written<HistoryList>> {
    return this.lists.inSession(caller, id, query);
  }
}

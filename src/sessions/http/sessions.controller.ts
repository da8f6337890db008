import { Controller, Get, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { Session } from '../../kernel/wire.dto.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Body, Param, Query } from '../../wire/inputs.js';
import { CreateSessionDto, PatchSessionDto, SessionList, SessionListQuery } from '../session.dto.js';
import { SessionsService } from '../sessions.service.js';

@ApiTags('Sessions')
@Controller('v1/sessions')
@NeedsScope('user', 'agent')
export class SessionsController {
  constructor(private readonly sessions: SessionsService) {}

  /** Opens a session, with an id of the caller's choice or a new one. */
  @Post()
  @Answers(201, Session, 'resource_conflict')
  create(@Caller() caller: Principal, @Body() body: CreateSessionDto): Promise<Session> {
    return this.sessions.create(caller, body);
  }

  /** The sessions of a platform user, newest first. */
  @Get()
  @Answers(200, SessionList)
  list(@Caller() caller: Principal, @Query() query: SessionListQuery): Promise<SessionList> {
    return this.sessions.list(caller, query);
  }

  /** One session. */
  @Get(':agent_session_id')
  @Answers(200, Session, 'resource_not_found')
  get(@Caller() caller: Principal, @Param('agent_session_id') id: string): Promise<Session> {
    return this.sessions.get(caller, id);
  }

  /** Closes, reopens, renames or routes a session, or changes its context or metadata. */
  @Patch(':agent_session_id')
  @Answers(200, Session, 'resource_not_found')
  patch(
    @Caller() caller: Principal,
    @Param('agent_session_id') id: string,
    @Body() body: PatchSessionDto,
  ): Promise<Session> {
    return this.sessions.patch(caller, id, body);
  }
}

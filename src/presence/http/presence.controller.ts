import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Param } from '../../wire/inputs.js';
import { PresenceView } from '../presence.dto.js';
import { PresenceService } from '../presence.service.js';

@ApiTags('Users')
@Controller('v1/users')
@NeedsScope('user', 'agent')
export class PresenceController {
  constructor(private readonly presence: PresenceService) {}

  /**
   * Whether a platform user is connected, and how often. Sockets and event streams on all nodes count. Those of a node
   * that was killed count for up to 5 seconds more. Who has never been here is offline.
   */
  @Get(':platform_user_id/presence')
  @Answers(200, PresenceView)
  get(@Caller() caller: Principal, @Param('platform_user_id') user: string): Promise<PresenceView> {
    return this.presence.of(caller, user);
  }
}

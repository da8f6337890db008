import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Query } from '../../wire/inputs.js';
import { SyncQuery, SyncView } from '../sync.dto.js';
import { SyncService } from '../sync.service.js';

@ApiTags('Push')
@Controller('v1/sync')
@NeedsScope('user')
export class SyncController {
  constructor(private readonly syncing: SyncService) {}

  /** Everything in the log after a position: new messages, changes, read state and sessions, each in its latest state. */
  @Get()
  @Answers(200, SyncView)
  sync(@Caller() caller: Principal, @Query() query: SyncQuery): Promise<SyncView> {
    return this.syncing.sync(caller, query);
  }
}

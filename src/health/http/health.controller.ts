import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { Public } from '../../auth/http/principal.guard.js';
import { ErrorView } from '../../wire/error.dto.js';
import { HealthView } from './health.dto.js';
import { Readiness } from '../readiness.js';

@ApiTags('Health')
@Controller('health')
@Public()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  /** Whether the process is alive. */
  @Get('live')
  @ApiOkResponse({ type: HealthView })
  live(): HealthView {
    return { status: 'ok' };
  }

  /** Whether the node takes traffic: its database answers, and it is not draining. */
  @Get('ready')
  @ApiOkResponse({ type: HealthView })
  @ApiServiceUnavailableResponse({ type: ErrorView })
  async ready(): Promise<HealthView> {
    await this.readiness.check();
    return { status: 'ok' };
  }
}

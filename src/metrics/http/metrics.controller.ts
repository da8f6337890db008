import { timingSafeEqual } from 'node:crypto';
import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Public } from '../../auth/http/principal.guard.js';
import { CONFIG, type Config } from '../../config/config.js';
import { ParleyError } from '../../kernel/errors.js';
import { Metrics } from '../metrics.js';

/** What Prometheus scrapes. Its answer is not JSON, so it stands outside `openapi.json`. */
@ApiExcludeController()
@Controller('metrics')
@Public()
export class MetricsController {
  constructor(
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Get()
  async scrape(
    @Headers('authorization') authorization: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.authorize(authorization);
    await reply.type(this.metrics.registry.contentType).send(await this.metrics.registry.metrics());
  }

  private authorize(authorization = ''): void {
    const { METRICS_TOKEN: token } = this.config;
    if (token === undefined) return;
    const expected = Buffer.from(`Bearer ${token}`);
    const given = Buffer.from(authorization);
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new ParleyError('invalid_token');
  }
}

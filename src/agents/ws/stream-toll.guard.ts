import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { budgetOf } from '../../rate-limit/budget.js';
import { RateLimit } from '../../rate-limit/rate-limit.js';
import { LiveStreams } from '../../streaming/live-streams.js';
import type { AgentSocket } from './agent-socket.js';

/**
 * Pieces and the end of an answer cost nothing where they arrive: its start was charged. Anything else has to be looked for
 * in the database, and costs a unit: an answer that is finished, that another node had, or that is nobody's.
 */
@Injectable()
export class StreamTollGuard implements CanActivate {
  constructor(
    private readonly live: LiveStreams,
    private readonly rateLimit: RateLimit,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws ParleyError `rate_limit_exceeded` */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const ws = context.switchToWs();
    const { principal } = ws.getClient<AgentSocket>().data;
    const id = ws.getData<{ message_id?: unknown } | null | undefined>()?.message_id;
    if (typeof id !== 'string' || !this.live.has(principal.accountId, id))
      await this.rateLimit.charge(budgetOf(principal, this.config));
    return true;
  }
}

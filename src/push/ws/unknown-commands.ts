import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { ParleyError } from '../../kernel/errors.js';
import { budgetOf } from '../../rate-limit/budget.js';
import { RateLimit } from '../../rate-limit/rate-limit.js';
import type { UserSocket } from './user-socket.js';

/** The commands that a platform user's client may send (contract section 3). */
const COMMANDS = new Set<unknown>(['message:receive', 'messages:read', 'sync', 'typing', 'token:refresh']);

/** A command that does not exist is charged like any other, and answered instead of left hanging. */
@Injectable()
export class UnknownCommands {
  constructor(
    private readonly rateLimit: RateLimit,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  listen(socket: UserSocket): void {
    socket.onAny((event: unknown, ...args: unknown[]) => {
      if (!COMMANDS.has(event)) void this.answer(socket, event, args.at(-1));
    });
  }

  private async answer(socket: UserSocket, event: unknown, callback: unknown): Promise<void> {
    const error = await this.rateLimit.charge(budgetOf(socket.data.principal, this.config)).then(
      // the protocol allows numbers as names
      () => new ParleyError('invalid_request', `There is no command "${String(event).slice(0, 100)}".`),
      (exceeded: unknown) => (exceeded instanceof ParleyError ? exceeded : new ParleyError('internal_error')),
    );
    if (typeof callback === 'function')
      (callback as (answer: unknown) => void)({ ok: false, error: error.toBody() });
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { ParleyError } from '../kernel/errors.js';
import { budgetOf } from '../rate-limit/budget.js';
import { RateLimit } from '../rate-limit/rate-limit.js';
import type { Caller } from './connection.js';

/** A socket that says what it is sent. */
interface Listening extends Caller {
  onAny(listener: (event: unknown, ...args: unknown[]) => void): unknown;
}

/** A command that does not exist is charged like any other, and answered instead of left hanging. */
@Injectable()
export class UnknownCommands {
  constructor(
    private readonly rateLimit: RateLimit,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @param commands what the client may send */
  listen(socket: Listening, commands: ReadonlySet<unknown>): void {
    socket.onAny((event, ...args) => {
      if (!commands.has(event)) void this.answer(socket, event, args.at(-1));
    });
  }

  private async answer(socket: Caller, event: unknown, callback: unknown): Promise<void> {
    const error = await this.rateLimit.charge(budgetOf(socket.data.principal, this.config)).then(
      // the protocol allows numbers as names
      () => new ParleyError('invalid_request', `There is no command "${String(event).slice(0, 100)}".`),
      (exceeded: unknown) => (exceeded instanceof ParleyError ? exceeded : new ParleyError('internal_error')),
    );
    if (typeof callback === 'function')
      (callback as (answer: unknown) => void)({ ok: false, error: error.toBody() });
  }
}

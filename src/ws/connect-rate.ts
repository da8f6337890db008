import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { CLOCK, type Clock } from '../kernel/clock.js';
import { ParleyError } from '../kernel/errors.js';

/** How many handshakes a node takes in a second: a storm of clients that come back must not starve those who are here. */
@Injectable()
export class ConnectRate {
  private second = 0;
  private taken = 0;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws ParleyError `service_unavailable` beyond the rate */
  take(): void {
    const second = Math.floor(this.clock.now() / 1000);
    if (second !== this.second) [this.second, this.taken] = [second, 0];
    if (++this.taken > this.config.MAX_CONNECTS_PER_SECOND)
      throw new ParleyError('service_unavailable', 'Too many clients are connecting at once.', {}, 1);
  }
}

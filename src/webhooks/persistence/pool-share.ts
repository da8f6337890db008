import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { Turns } from '../turns.js';

/** What part of the node's connections deliveries may use at once: messages do not wait behind them. */
const SHARE = 0.25;

/** The connections to PostgreSQL that deliveries take turns on. Work that has its turn must not ask for another one. */
@Injectable()
export class PoolShare extends Turns {
  constructor(@Inject(CONFIG) { DATABASE_POOL_SIZE }: Config) {
    super(Math.max(1, Math.floor(DATABASE_POOL_SIZE * SHARE)));
  }
}

import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { budgetOfAddress } from '../rate-limit/budget.js';
import { RateLimit } from '../rate-limit/rate-limit.js';
import { clientAddress, parseTrustProxy, type TrustProxy } from './client-address.js';

/** Charges whoever has not said who they are, by their address: so that guessing a credential is slow. */
@Injectable()
export class AddressBudget {
  private readonly trustProxy: TrustProxy;

  constructor(
    private readonly rateLimit: RateLimit,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.trustProxy = parseTrustProxy(config.TRUST_PROXY);
  }

  /** @throws ParleyError `rate_limit_exceeded` */
  async charge(request: IncomingMessage): Promise<void> {
    await this.rateLimit.charge(budgetOfAddress(clientAddress(request, this.trustProxy), this.config));
  }
}

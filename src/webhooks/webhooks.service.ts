import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { conflict, notFound } from '../kernel/errors.js';
import { randomId } from '../kernel/ids.js';
import type { Delivery } from './delivery.js';
import { DeliveryEngine } from './delivery-engine.js';
import { type Endpoint, type EndpointChange, EVENTS, TEST_EVENT } from './endpoint.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';
import { newWebhookSecret } from './signature.js';
import { TargetGuard } from './target-guard.js';

/** An endpoint together with its secret, which is shown only now. */
export interface EndpointWithSecret {
  endpoint: Endpoint;
  secret: string;
}

/** Endpoints of an account. One that another account has does not exist here. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly endpoints: EndpointRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly guard: TargetGuard,
    private readonly engine: DeliveryEngine,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  list(accountId: number): Promise<Endpoint[]> {
    return this.endpoints.list(accountId);
  }

  /** @throws ParleyError `invalid_parameter` for a target that is refused, `resource_conflict` for one endpoint too many */
  async create(accountId: number, wishes: EndpointChange & { url: string }): Promise<EndpointWithSecret> {
    await this.guard.check(wishes.url);
    const secret = newWebhookSecret();
    const limit = this.config.MAX_WEBHOOKS_PER_ACCOUNT;
    const wanted = {
      id: randomId('whk'),
      accountId,
      url: wishes.url,
      description: wishes.description ?? '',
      events: wishes.events ?? EVENTS,
      enabled: wishes.enabled ?? true,
      agentId: wishes.agentId ?? null,
      agentSessionPrefix: wishes.agentSessionPrefix ?? null,
      platformUserPrefix: wishes.platformUserPrefix ?? null,
      secret,
    };
    const endpoint = await this.endpoints.create(wanted, limit);
    if (!endpoint) throw conflict(`An account may have ${limit} webhooks.`, { limit });
    await this.engine.look();
    return { endpoint, secret };
  }

  /** @throws ParleyError `resource_not_found` */
  async get(accountId: number, id: string): Promise<Endpoint> {
    return this.found(await this.endpoints.find(accountId, id));
  }

  /** Changes an endpoint. What waits for one that is disabled by that becomes dead letters. */
  async patch(accountId: number, id: string, change: EndpointChange): Promise<Endpoint> {
    const before = await this.get(accountId, id);
    if (change.url !== undefined && change.url !== before.url) await this.guard.check(change.url);
    const after = await this.endpoints.update(accountId, id, change, 'the endpoint was disabled');
    await this.engine.look();
    return this.found(after);
  }

  /** Deletes an endpoint, and what is recorded for it. */
  async delete(accountId: number, id: string): Promise<void> {
    if (!(await this.endpoints.delete(accountId, id))) throw notFound('webhook');
    await this.engine.look();
  }

  /** A new secret; the old one signs as well for `graceSeconds`, so that receivers can change over. */
  async rotate(accountId: number, id: string, graceSeconds: number): Promise<EndpointWithSecret> {
    const secret = newWebhookSecret();
    return { endpoint: this.found(await this.endpoints.rotate(accountId, id, secret, graceSeconds)), secret };
  }

  /** Sends an event `webhook.test` the way of all others, also to an endpoint that is disabled: to that one once. */
  async test(accountId: number, id: string): Promise<Delivery> {
    await this.get(accountId, id);
    const delivery = await this.deliveries.create(accountId, id, TEST_EVENT);
    this.engine.wake();
    return delivery;
  }

  private found(endpoint: Endpoint | undefined): Endpoint {
    if (!endpoint) throw notFound('webhook');
    return endpoint;
  }
}

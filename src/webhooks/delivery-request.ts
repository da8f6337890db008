import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../kernel/clock.js';
import type { DueDelivery } from './delivery.js';
import { EventBody } from './event-body.js';
import { signatureHeaders } from './signature.js';
import { type Answer, WebhookClient } from './webhook-client.js';

/** What became of a request: answered (or not), stopped with the node, or there is nothing left to tell of. */
export type Requested =
  | { readonly startedAt: Date; readonly answer: Answer }
  | { readonly stopped: true }
  | { readonly gone: true };

/** Writes, signs and posts the request of one attempt. */
@Injectable()
export class DeliveryRequest {
  constructor(
    private readonly body: EventBody,
    private readonly client: WebhookClient,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async send(delivery: DueDelivery, stop: AbortSignal): Promise<Requested> {
    const body = await this.body.of(delivery);
    if (body === undefined) return { gone: true };
    const startedAt = this.clock.now();
    const headers = signatureHeaders(delivery.id, Math.floor(startedAt / 1000), body, delivery.secrets);
    const answer = await this.client.post(delivery.url, body, headers, stop);
    return answer ? { startedAt: new Date(startedAt), answer } : { stopped: true };
  }
}

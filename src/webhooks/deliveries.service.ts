import { Injectable } from '@nestjs/common';
import { notFound } from '../kernel/errors.js';
import type { AttemptLog, Delivery } from './delivery.js';
import { fromCursor, toCursor } from './delivery-cursor.js';
import type { DeadLetterQuery, DeliveryListQuery, ReplayDto } from './delivery.dto.js';
import { DeliveryEngine } from './delivery-engine.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';

/** Most dead letters that one call replays. */
const MAX_REPLAYED = 10_000;

export interface DeliveryList {
  deliveries: Delivery[];
  nextCursor: string | null;
}

/** The delivery log of an account: what was delivered, what is pending, what was given up. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly endpoints: EndpointRepository,
    private readonly engine: DeliveryEngine,
  ) {}

  /** Deliveries of an endpoint, newest first. @throws ParleyError `resource_not_found` */
  async list(accountId: number, endpointId: string, query: DeliveryListQuery): Promise<DeliveryList> {
    await this.locate(accountId, endpointId);
    const { limit, cursor, state = null } = query;
    return page(limit, cursor, (wanted) => this.deliveries.list(accountId, endpointId, wanted, state));
  }

  /** One delivery with all its attempts. @throws ParleyError `resource_not_found` */
  async get(
    accountId: number,
    endpointId: string,
    id: string,
  ): Promise<{ delivery: Delivery; attempts: AttemptLog[] }> {
    const delivery = await this.deliveries.find(accountId, endpointId, id);
    if (!delivery) throw notFound('delivery');
    return { delivery, attempts: await this.deliveries.attempts(id) };
  }

  /** What was given up, newest first. */
  async deadLetters(accountId: number, query: DeadLetterQuery): Promise<DeliveryList> {
    const { limit, cursor, webhook_id: endpointId } = query;
    if (endpointId !== undefined) await this.locate(accountId, endpointId);
    return page(limit, cursor, (wanted) => this.deliveries.listDead(accountId, endpointId ?? null, wanted));
  }

  /** Tries dead letters anew, oldest first; those of an endpoint that is disabled stay. */
  async replay(accountId: number, wishes: ReplayDto): Promise<{ replayed: number; more: boolean }> {
    const { webhook_id: endpointId, delivery_ids: ids } = wishes;
    if (endpointId !== undefined) await this.locate(accountId, endpointId);
    const replayed = await this.deliveries.replay(accountId, endpointId ?? null, ids ?? null, MAX_REPLAYED);
    if (replayed > 0) this.engine.wake();
    return { replayed, more: replayed === MAX_REPLAYED };
  }

  private async locate(accountId: number, endpointId: string): Promise<void> {
    if (!(await this.endpoints.find(accountId, endpointId))) throw notFound('webhook');
  }
}

/** One more than the page has is read, to know whether there is more. */
async function page(
  limit: number,
  cursor: string | undefined,
  read: (wanted: { limit: number; before?: ReturnType<typeof fromCursor> }) => Promise<Delivery[]>,
): Promise<DeliveryList> {
  const before = cursor === undefined ? undefined : fromCursor(cursor);
  const rows = await read({ limit: limit + 1, before });
  const deliveries = rows.slice(0, limit);
  const last = deliveries.at(-1);
  return { deliveries, nextCursor: rows.length > limit && last ? toCursor(last) : null };
}

import { Module } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import { DeliveriesService } from './deliveries.service.js';
import { DeliveryAttempts } from './delivery-attempts.js';
import { DeliveryEngine } from './delivery-engine.js';
import { DeliveryQueue } from './delivery-queue.js';
import { DeliveryRelay } from './delivery-relay.js';
import { DeliveryWorker } from './delivery-worker.js';
import { DeliveryRequest } from './delivery-request.js';
import { EventBody } from './event-body.js';
import { DeliveriesController } from './http/deliveries.controller.js';
import { WebhooksController } from './http/webhooks.controller.js';
import { DeliveryRepository } from './persistence/delivery.repository.js';
import { EndpointRepository } from './persistence/endpoint.repository.js';
import { PoolShare } from './persistence/pool-share.js';
import { QueueDatabase } from './persistence/queue-database.js';
import { SessionReads } from './persistence/session-reads.js';
import { TargetGuard } from './target-guard.js';
import { WebhookClient } from './webhook-client.js';
import { WebhooksService } from './webhooks.service.js';

/** Tells agents that are not connected of each user message: signed requests to endpoints of the account. */
@Module({
  controllers: [DeliveriesController, WebhooksController],
  providers: [
    TargetGuard,
    WebhookClient,
    EndpointRepository,
    DeliveryRepository,
    SessionReads,
    PoolShare,
    QueueDatabase,
    DeliveryQueue,
    EventBody,
    DeliveryRequest,
    CircuitBreaker,
    DeliveryAttempts,
    DeliveryWorker,
    DeliveryRelay,
    DeliveryEngine,
    WebhooksService,
    DeliveriesService,
  ],
})
export class WebhooksModule {}

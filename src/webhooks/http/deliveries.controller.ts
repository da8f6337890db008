import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { KeyPrincipal } from '../../auth/principal.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Body, Param, Query } from '../../wire/inputs.js';
import { DeliveriesService, type DeliveryList } from '../deliveries.service.js';
import {
  DeadLetterQuery,
  DeliveryDetailView,
  DeliveryListQuery,
  DeliveryListView,
  ReplayDto,
  ReplayView,
  toAttemptView,
  toDeliveryView,
} from '../delivery.dto.js';

@ApiTags('Webhooks')
@Controller('v1/webhooks')
@NeedsScope('admin')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  /** Dead letters of the account: deliveries that were given up, newest first. */
  @Get('dead-letters')
  @Answers(200, DeliveryListView, 'resource_not_found')
  async deadLetters(
    @Caller() caller: KeyPrincipal,
    @Query() query: DeadLetterQuery,
  ): Promise<DeliveryListView> {
    return toListView(await this.deliveries.deadLetters(caller.accountId, query));
  }

  /** Tries dead letters anew: those named, those of one webhook, or all. Those of a disabled webhook stay. */
  @Post('dead-letters/replay')
  @HttpCode(200)
  @Answers(200, ReplayView, 'resource_not_found')
  replay(@Caller() caller: KeyPrincipal, @Body() body: ReplayDto): Promise<ReplayView> {
    return this.deliveries.replay(caller.accountId, body);
  }

  /** The delivery log of a webhook, newest first. */
  @Get(':id/deliveries')
  @Answers(200, DeliveryListView, 'resource_not_found')
  async list(
    @Caller() caller: KeyPrincipal,
    @Param('id') id: string,
    @Query() query: DeliveryListQuery,
  ): Promise<DeliveryListView> {
    return toListView(await this.deliveries.list(caller.accountId, id, query));
  }

  /** One delivery with every attempt. */
  @Get(':id/deliveries/:delivery_id')
  @Answers(200, DeliveryDetailView, 'resource_not_found')
  async get(
    @Caller() caller: KeyPrincipal,
    @Param('id') id: string,
    @Param('delivery_id') deliveryId: string,
  ): Promise<DeliveryDetailView> {
    const { delivery, attempts } = await this.deliveries.get(caller.accountId, id, deliveryId);
    return { ...toDeliveryView(delivery), attempt_log: attempts.map(toAttemptView) };
  }
}

function toListView({ deliveries, nextCursor }: DeliveryList): DeliveryListView {
  return { deliveries: deliveries.map(toDeliveryView), next_cursor: nextCursor };
}

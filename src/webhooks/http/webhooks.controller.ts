import { Controller, Delete, Get, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { KeyPrincipal } from '../../auth/principal.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Body, Param } from '../../wire/inputs.js';
import { DeliveryView, toDeliveryView } from '../delivery.dto.js';
import {
  CreateWebhookDto,
  DeletedWebhookView,
  PatchWebhookDto,
  RotateSecretDto,
  toChange,
  toWebhookView,
  WebhookListView,
  WebhookView,
  WebhookWithSecretView,
} from '../webhook.dto.js';
import { WebhooksService } from '../webhooks.service.js';

@ApiTags('Webhooks')
@Controller('v1/webhooks')
@NeedsScope('admin')
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  /** Lists the account's webhooks, never their secrets. */
  @Get()
  @Answers(200, WebhookListView)
  async list(@Caller() caller: KeyPrincipal): Promise<WebhookListView> {
    return { webhooks: (await this.webhooks.list(caller.accountId)).map(toWebhookView) };
  }

  /** Creates a webhook: user messages are posted there, signed as Standard Webhooks. Its secret is in this answer and nowhere else. */
  @Post()
  @Answers(201, WebhookWithSecretView, 'resource_conflict')
  async create(
    @Caller() caller: KeyPrincipal,
    @Body() body: CreateWebhookDto,
  ): Promise<WebhookWithSecretView> {
    const wishes = { ...toChange(body), url: body.url };
    const { endpoint, secret } = await this.webhooks.create(caller.accountId, wishes);
    return { ...toWebhookView(endpoint), secret };
  }

  /** One webhook. */
  @Get(':id')
  @Answers(200, WebhookView, 'resource_not_found')
  async get(@Caller() caller: KeyPrincipal, @Param('id') id: string): Promise<WebhookView> {
    return toWebhookView(await this.webhooks.get(caller.accountId, id));
  }

  /** Changes a webhook. What waits for one that is disabled becomes dead letters, which can be replayed. */
  @Patch(':id')
  @Answers(200, WebhookView, 'resource_not_found')
  async patch(
    @Caller() caller: KeyPrincipal,
    @Param('id') id: string,
    @Body() body: PatchWebhookDto,
  ): Promise<WebhookView> {
    return toWebhookView(await this.webhooks.patch(caller.accountId, id, toChange(body)));
  }

  /** Deletes a webhook with its deliveries: what is pending is not delivered. */
  @Delete(':id')
  @Answers(200, DeletedWebhookView, 'resource_not_found')
  async delete(@Caller() caller: KeyPrincipal, @Param('id') id: string): Promise<DeletedWebhookView> {
    await this.webhooks.delete(caller.accountId, id);
    return { id, deleted: true };
  }

  /** Makes a new secret. For a grace period requests carry two signatures, of the old secret and the new one. */
  @Post(':id/rotate-secret')
  @Answers(201, WebhookWithSecretView, 'resource_not_found')
  async rotate(
    @Caller() caller: KeyPrincipal,
    @Param('id') id: string,
    @Body() body: RotateSecretDto,
  ): Promise<WebhookWithSecretView> {
    const { endpoint, secret } = await this.webhooks.rotate(caller.accountId, id, body.grace_seconds);
    return { ...toWebhookView(endpoint), secret };
  }

  /** Sends an event `webhook.test`, also to a webhook that is disabled: that one once, without retries. Its delivery tells how that went. */
  @Post(':id/test')
  @Answers(201, DeliveryView, 'resource_not_found')
  async test(@Caller() caller: KeyPrincipal, @Param('id') id: string): Promise<DeliveryView> {
    return toDeliveryView(await this.webhooks.test(caller.accountId, id));
  }
}

import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Answers } from '../../wire/answers.decorator.js';
import { Body, Param } from '../../wire/inputs.js';
import { ApiKeys } from '../api-keys.js';
import type { KeyPrincipal } from '../principal.js';
import {
  ApiKeyListView,
  ApiKeyView,
  CreateApiKeyDto,
  CreatedApiKeyView,
  RotateApiKeyDto,
  toCreatedView,
  toView,
} from './api-keys.dto.js';
import { Caller, NeedsScope } from './principal.guard.js';

@ApiTags('API keys')
@Controller('v1/api-keys')
@NeedsScope('admin')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys) {}

  /** Lists the account's keys, never the secrets. */
  @Get()
  @Answers(200, ApiKeyListView)
  async list(@Caller() caller: KeyPrincipal): Promise<ApiKeyListView> {
    return { api_keys: (await this.keys.list(caller.accountId)).map(toView) };
  }

  /** Creates a key. Its secret is in this answer and nowhere else. */
  @Post()
  @Answers(201, CreatedApiKeyView)
  async create(@Caller() caller: KeyPrincipal, @Body() body: CreateApiKeyDto): Promise<CreatedApiKeyView> {
    const { name, scopes, rate_limit_per_hour: rateLimitPerHour, expires_in: expiresIn } = body;
    return toCreatedView(
      await this.keys.create(caller.accountId, { name, scopes, rateLimitPerHour, expiresIn }),
    );
  }

  /** Ends a key at once, with the user tokens it minted and every open socket that uses either. */
  @Post(':id/revoke')
  @HttpCode(200)
  @Answers(200, ApiKeyView, 'resource_not_found')
  async revoke(@Caller() caller: KeyPrincipal, @Param('id') id: string): Promise<ApiKeyView> {
    return toView(await this.keys.revoke(caller.accountId, id));
  }

  /** Makes a successor; the old key works for a grace period more. */
  @Post(':id/rotate')
  @Answers(201, CreatedApiKeyView, 'resource_not_found', 'resource_conflict')
  async rotate(
    @Caller() caller: KeyPrincipal,
    @Param('id') id: string,
    @Body() body: RotateApiKeyDto,
  ): Promise<CreatedApiKeyView> {
    return toCreatedView(await this.keys.rotate(caller.accountId, id, body.grace_seconds));
  }
}

import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Answers } from '../../wire/answers.decorator.js';
import { toIso } from '../../kernel/clock.js';
import { Body } from '../../wire/inputs.js';
import type { Principal } from '../principal.js';
import { TokenService } from '../token.service.js';
import { Caller, NeedsScope } from './principal.guard.js';
import { MintedTokenView, MintTokenDto, RevokedTokensView, RevokeTokensDto } from './tokens.dto.js';

@ApiTags('User tokens')
@Controller('v1/tokens')
@NeedsScope('user')
export class TokensController {
  constructor(private readonly tokens: TokenService) {}

  /** Mints a short-lived token for one platform user, for a browser that must never hold an API key. */
  @Post()
  @Answers(201, MintedTokenView)
  async mint(@Caller() caller: Principal, @Body() body: MintTokenDto): Promise<MintedTokenView> {
    const { token, expiresAt } = await this.tokens.mint(caller, body.platform_user_id, body.expires_in);
    return { token, expires_at: toIso(expiresAt) };
  }

  /** Ends every token that a platform user has: signs them out everywhere, open sockets included. */
  @Post('revoke')
  @HttpCode(200)
  @Answers(200, RevokedTokensView)
  async revoke(@Caller() caller: Principal, @Body() body: RevokeTokensDto): Promise<RevokedTokensView> {
    const revokedAt = await this.tokens.revokeAll(caller, body.platform_user_id);
    return { platform_user_id: body.platform_user_id, revoked_at: toIso(revokedAt) };
  }
}

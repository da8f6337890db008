import { Global, Module } from '@nestjs/common';
import { CLOCK, systemClock } from '../kernel/clock.js';
import { Accounts } from './accounts.js';
import { ApiKeys } from './api-keys.js';
import { Authenticator } from './authenticator.js';
import { CredentialWatch } from './credential-watch.js';
import { ApiKeysController } from './http/api-keys.controller.js';
import { TokensController } from './http/tokens.controller.js';
import { KeyCache } from './key-cache.js';
import { AccountRepository } from './persistence/account.repository.js';
import { ApiKeyRepository } from './persistence/api-key.repository.js';
import { TokenRevocationRepository } from './persistence/token-revocation.repository.js';
import { TokenRevocations } from './token-revocations.js';
import { TokenService } from './token.service.js';
import { UserTokens } from './user-tokens.js';

/** Who may do what: API keys, user tokens, accounts. */
@Global()
@Module({
  controllers: [ApiKeysController, TokensController],
  providers: [
    { provide: CLOCK, useValue: systemClock },
    AccountRepository,
    ApiKeyRepository,
    TokenRevocationRepository,
    KeyCache,
    TokenRevocations,
    UserTokens,
    Authenticator,
    CredentialWatch,
    TokenService,
    Accounts,
    ApiKeys,
  ],
  exports: [Accounts, ApiKeys, Authenticator, CredentialWatch, CLOCK],
})
export class AuthModule {}

import { Inject, Injectable } from '@nestjs/common';
import { Authenticator } from '../../auth/authenticator.js';
import { actingUser, type Principal, requireScope } from '../../auth/principal.js';
import { CONFIG, type Config } from '../../config/config.js';
import { clientAddress, parseTrustProxy } from '../../http/client-address.js';
import { ParleyError } from '../../kernel/errors.js';
import { PlatformUsers } from '../../log/platform-users.js';
import { budgetOfAddress } from '../../rate-limit/budget.js';
import { RateLimit } from '../../rate-limit/rate-limit.js';
import { parseRequest } from '../../wire/request.pipe.js';
import { HandshakeDto } from '../handshake.dto.js';
import type { UserSocket } from './user-socket.js';

/** Who is connecting: decided before the connection exists, so nothing of it is handled earlier. */
@Injectable()
export class Handshake {
  private readonly trustProxy;

  constructor(
    private readonly authenticator: Authenticator,
    private readonly users: PlatformUsers,
    private readonly rateLimit: RateLimit,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.trustProxy = parseTrustProxy(config.TRUST_PROXY);
  }

  /** Socket.IO middleware. A refused handshake gives `connect_error` with `err.data = {code, message, details}`. */
  readonly middleware = (socket: UserSocket, next: (error?: Error) => void): void => {
    this.admit(socket).then(
      () => next(),
      (error: unknown) => next(refusal(error)),
    );
  };

  private async admit(socket: UserSocket): Promise<void> {
    try {
      const auth = parseRequest(HandshakeDto, socket.handshake.auth, { strict: false });
      const principal = await this.authenticate(auth);
      requireScope(principal, 'user');
      const platformUserId = actingUser(principal, auth.platform_user_id);
      const { userId } = await this.users.ensure(principal.accountId, platformUserId);
      socket.data = { principal, platformUserId, userId, after: auth.after, epoch: auth.epoch };
    } catch (error) {
      if (error instanceof ParleyError && error.status === 401) await this.chargeAddress(socket);
      throw error;
    }
  }

  private authenticate({ token, api_key }: HandshakeDto): Promise<Principal> {
    if (token !== undefined) return this.authenticator.token(token);
    if (api_key !== undefined) return this.authenticator.key(api_key);
    throw new ParleyError(
      'missing_api_key',
      'No credential: connect with auth.token, or auth.api_key and auth.platform_user_id.',
    );
  }

  /** A credential that is wrong is charged to the address, so that guessing is slow. */
  private async chargeAddress(socket: UserSocket): Promise<void> {
    await this.rateLimit.charge(budgetOfAddress(clientAddress(socket.request, this.trustProxy), this.config));
  }
}

function refusal(thrown: unknown): Error {
  const error = thrown instanceof ParleyError ? thrown : new ParleyError('internal_error');
  return Object.assign(new Error(error.message), { data: error.toBody() });
}

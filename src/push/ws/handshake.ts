import { Injectable } from '@nestjs/common';
import { Authenticator } from '../../auth/authenticator.js';
import { actingUser, type Principal, requireScope } from '../../auth/principal.js';
import { AddressBudget } from '../../http/address-budget.js';
import { ParleyError } from '../../kernel/errors.js';
import { PlatformUsers } from '../../log/platform-users.js';
import { parseRequest } from '../../wire/request.pipe.js';
import { ConnectRate } from '../../ws/connect-rate.js';
import { refuse } from '../../ws/refuse.js';
import { HandshakeDto } from '../handshake.dto.js';
import { LiveConnections } from '../live-connections.js';
import type { UserSocket } from './user-socket.js';

/** Who is connecting: decided before the connection exists, so nothing of it is handled earlier. */
@Injectable()
export class Handshake {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly users: PlatformUsers,
    private readonly connectRate: ConnectRate,
    private readonly live: LiveConnections,
    private readonly addressBudget: AddressBudget,
  ) {}

  /** Socket.IO middleware. A refused handshake gives `connect_error` with `err.data = {code, message, details}`. */
  readonly middleware = (socket: UserSocket, next: (error?: Error) => void): void => {
    this.admit(socket).then(
      () => next(),
      (error: unknown) => refuse(socket, error, next),
    );
  };

  private async admit(socket: UserSocket): Promise<void> {
    try {
      this.connectRate.take();
      const auth = parseRequest(HandshakeDto, socket.handshake.auth, { strict: false });
      const principal = await this.authenticate(auth);
      requireScope(principal, 'user');
      const platformUserId = actingUser(principal, auth.platform_user_id);
      const { userId } = await this.users.ensure(principal.accountId, platformUserId);
      this.live.reserve(userId);
      socket.data = { principal, platformUserId, userId, after: auth.after, epoch: auth.epoch };
    } catch (error) {
      if (error instanceof ParleyError && error.status === 401)
        await this.addressBudget.charge(socket.request);
      throw error;
    }
  }

  private authenticate({ token, api_key }: HandshakeDto): Promise<Principal> {
    if (typeof token === 'string') return this.authenticator.token(token);
    if (typeof api_key === 'string') return this.authenticator.key(api_key);
    throw new ParleyError(
      'missing_api_key',
      'No credential: connect with auth.token, or auth.api_key and auth.platform_user_id.',
    );
  }
}

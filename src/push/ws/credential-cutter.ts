import { Inject, Injectable } from '@nestjs/common';
import { Authenticator } from '../../auth/authenticator.js';
import { CredentialWatch } from '../../auth/credential-watch.js';
import { CLOCK, type Clock, toIso } from '../../kernel/clock.js';
import type { UserNamespace, UserSocket } from './user-socket.js';

/** How long before its credential ends a connection is told, in milliseconds. */
const NOTICE = 60_000;

/** Cuts connections whose credential no longer counts: expired, revoked, or minted by a revoked key. */
@Injectable()
export class CredentialCutter {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly watch: CredentialWatch,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  guard(namespace: UserNamespace): void {
    this.watch.onLook(() => {
      for (const socket of namespace.sockets.values()) this.check(socket);
    });
  }

  private check(socket: UserSocket): void {
    const { principal, warned } = socket.data;
    if (this.authenticator.problem(principal)) return void socket.disconnect(true);
    if (warned || principal.expiresAt === null || principal.expiresAt - this.clock.now() > NOTICE) return;
    socket.data.warned = true;
    socket.emit('token:expiring', { expires_at: toIso(principal.expiresAt) });
  }
}

import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Principal, UserPrincipal } from '../auth/principal.js';

/** What a handshake has verified about a connection; the only source of who it is. */
export interface ConnectionData {
  principal: Principal;
  /** The platform user that this connection belongs to. */
  platformUserId: string;
  userId: number;
}

/** What command handlers may know of a socket. */
export interface Connection {
  readonly id: string;
  readonly data: ConnectionData;
}

/** The connection's principal, narrowed to the connection's own platform user. */
export function narrowed({ principal, platformUserId }: ConnectionData): UserPrincipal {
  const { accountId, keyId } = principal;
  const expiresAt = principal.expiresAt ?? Number.MAX_SAFE_INTEGER;
  return { kind: 'user_token', accountId, platformUserId, keyId, tokenId: '', issuedAt: 0, expiresAt };
}

/** The principal as which a socket command acts. */
export const SocketCaller = createParamDecorator((_: unknown, context: ExecutionContext): UserPrincipal => {
  return narrowed(context.switchToWs().getClient<Connection>().data);
});

import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { ConnectedUser, Principal, UserPrincipal } from '../auth/principal.js';

/** A socket of anybody who has been let in. */
export interface Caller {
  readonly id: string;
  readonly data: { readonly principal: Principal };
}

/** What command handlers may know of a platform user's socket. */
export interface Connection extends Caller {
  readonly data: ConnectedUser;
}

/** The connection's principal, narrowed to the connection's own platform user. */
export function narrowed({ principal, platformUserId }: ConnectedUser): UserPrincipal {
  const { accountId, keyId } = principal;
  const expiresAt = principal.expiresAt ?? Number.MAX_SAFE_INTEGER;
  return { kind: 'user_token', accountId, platformUserId, keyId, tokenId: '', issuedAt: 0, expiresAt };
}

/** The principal as which a socket command acts. */
export const SocketCaller = createParamDecorator((_: unknown, context: ExecutionContext): UserPrincipal => {
  return narrowed(context.switchToWs().getClient<Connection>().data);
});

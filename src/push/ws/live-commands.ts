import { Injectable } from '@nestjs/common';
import { Authenticator } from '../../auth/authenticator.js';
import type { Principal, UserPrincipal } from '../../auth/principal.js';
import { Bus } from '../../bus/bus.js';
import { toIso } from '../../kernel/clock.js';
import { conflict, ParleyError } from '../../kernel/errors.js';
import type { Connection } from '../../ws/connection.js';
import type { RefreshedView, TypingDto } from '../push.dto.js';

/** Commands about the connection itself, and those that leave nothing in the log. */
@Injectable()
export class LiveCommands {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly bus: Bus,
  ) {}

  /** Tells the user's other connections. */
  typing({ id, data }: Connection, { typing, agent_session_id }: TypingDto): void {
    const shown = { agent_session_id: agent_session_id ?? null, sender: 'user', typing } as const;
    this.bus.publish({ kind: 'typing', userId: data.userId, data: shown, origin: id });
  }

  /**
   * Gives a connection a new token, for the same platform user, so that it outlives the old one.
   *
   * @throws ParleyError `invalid_token`, `expired_token`; `insufficient_permissions` for another user's token
   */
  async refresh(connection: Connection, token: string): Promise<RefreshedView> {
    const { principal } = connection.data;
    if (principal.kind === 'api_key') throw conflict('This connection uses an API key.');
    const renewed = await this.authenticator.token(token);
    if (!isSameUser(principal, renewed))
      throw new ParleyError('insufficient_permissions', 'This token is for another platform user.');
    connection.data.principal = renewed;
    return { expires_at: toIso(renewed.expiresAt) };
  }
}

function isSameUser(old: UserPrincipal, renewed: Principal): renewed is UserPrincipal {
  return (
    renewed.kind === 'user_token' &&
    renewed.accountId === old.accountId &&
    renewed.platformUserId === old.platformUserId
  );
}

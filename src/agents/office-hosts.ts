import { Injectable, Logger } from '@nestjs/common';
import type { KeyPrincipal } from '../auth/principal.js';
import { Bus } from '../bus/bus.js';
import { ParleyError } from '../kernel/errors.js';
import { accountChannel } from '../kernel/events.js';
import type { Session } from '../kernel/wire.dto.js';
import { Inbox } from '../log/inbox.js';
import { PresenceService } from '../presence/presence.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { OfficeHost } from './office.js';

/** What the offices of this node need of the world. */
@Injectable()
export class OfficeHosts {
  private readonly logger = new Logger('Agents');

  constructor(
    private readonly bus: Bus,
    private readonly inbox: Inbox,
    private readonly sessions: SessionsService,
    private readonly presence: PresenceService,
  ) {}

  /** @param principal an agent of the account: as whom its sessions are read */
  of(principal: KeyPrincipal): OfficeHost {
    const { accountId } = principal;
    const { bus, inbox, sessions, presence, logger } = this;
    return {
      subscribeAccount: (listener) => bus.subscribe(accountChannel(accountId), listener),
      subscribeUser: (userId, listener) => bus.subscribe(userId, listener),
      pending: (limit, filter) => inbox.pending(accountId, limit, filter),
      pendingOf: (owner, id) => inbox.pendingOf(owner, id),
      messages: (owner, id, sinceSeq, limit) => inbox.messages(owner, id, sinceSeq, limit),
      session: (id) => sessions.get(principal, id).catch(nothingIfGone),
      online: (userIds) => presence.online(userIds),
      onError: (error) => logger.warn(`Agents could not be told something: ${String(error)}`),
    };
  }
}

function nothingIfGone(error: unknown): Session | undefined {
  if (error instanceof ParleyError && error.code === 'resource_not_found') return undefined;
  throw error;
}

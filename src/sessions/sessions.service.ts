import { Injectable } from '@nestjs/common';
import { actingUser, type Principal } from '../auth/principal.js';
import type { Transaction } from '../database/database.js';
import { conflict, notFound, ParleyError } from '../kernel/errors.js';
import { randomId } from '../kernel/ids.js';
import type { Session } from '../kernel/wire.dto.js';
import { Claims } from '../log/claims.js';
import { type Changed, LogChanges, nextPosition } from '../log/log-changes.js';
import type { Head, LogOwner } from '../log/log-types.js';
import { SizeLimits } from '../log/size-limits.js';
import { sessionFor } from '../log/session-row.js';
import { PlatformUsers } from '../log/platform-users.js';
import { mergePatch } from './merge-patch.js';
import { type SessionChange, SessionRepository } from './persistence/session.repository.js';
import type { CreateSessionDto, PatchSessionDto, SessionListQuery } from './session.dto.js';
import { fromCursor, toCursor } from './session-cursor.js';

/** Conversations: each change of one takes a position in its user's log. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly users: PlatformUsers,
    private readonly repository: SessionRepository,
    private readonly changes: LogChanges,
    private readonly limits: SizeLimits,
    private readonly claims: Claims,
  ) {}

  /** @throws ParleyError `resource_conflict` when the id is taken, also by another platform user of the account */
  async create(caller: Principal, dto: CreateSessionDto): Promise<Session> {
    refuseAgentFields(caller, dto);
    const owner = await this.users.ensure(caller.accountId, actingUser(caller, dto.platform_user_id));
    const {
      agent_session_id: id = randomId('ses'),
      title = null,
      agent_id = null,
      context = {},
      metadata = {},
    } = dto;
    const { result } = await this.changes.change(owner, async (tx, head) => {
      const position = nextPosition(head);
      if (!(await this.repository.insert(tx, owner, id, { title, agent_id, context, metadata }, position)))
        throw conflict('There is a session with this agent_session_id already.', {
          field: 'agent_session_id',
        });
      head.currentSession = id;
      return this.changed(tx, owner, id, head);
    });
    this.claims.sessionChanged(owner, id);
    return sessionFor(caller.kind, result);
  }

  async list(
    caller: Principal,
    query: SessionListQuery,
  ): Promise<{ sessions: Session[]; next_cursor: string | null }> {
    const owner = await this.users.find(caller.accountId, actingUser(caller, query.platform_user_id));
    if (!owner) return { sessions: [], next_cursor: null };
    const before = query.cursor === undefined ? undefined : fromCursor(query.cursor);
    const found = await this.repository.list(owner, query.status, before, query.limit + 1);
    const sessions = found.slice(0, query.limit).map((session) => sessionFor(caller.kind, session));
    const last = sessions.at(-1);
    return { sessions, next_cursor: found.length > query.limit && last ? toCursor(last) : null };
  }

  async get(caller: Principal, id: string): Promise<Session> {
    return sessionFor(caller.kind, (await this.locate(caller, id)).session);
  }

  /** Whose session it is. Another account's, or for a user token another user's, does not exist. */
  async locate(caller: Principal, id: string): Promise<{ owner: LogOwner; session: Session }> {
    const found = await this.repository.find(caller.accountId, id);
    if (!found) throw notFound('session');
    const platformUserId = found.session.platform_user_id;
    if (caller.kind === 'user_token' && platformUserId !== caller.platformUserId) throw notFound('session');
    return {
      owner: { accountId: caller.accountId, platformUserId, userId: found.userId },
      session: found.session,
    };
  }

  /** Where a message to this user goes that names no session: the most recent open one, else a new one. */
  async current(owner: LogOwner): Promise<string> {
    return (await this.repository.current(owner)) ?? randomId('ses');
  }

  /**
   * Closes, reopens, renames or routes a session, or changes what is remembered in it. Routed to another agent, it is no
   * longer claimed by whoever answered it before.
   */
  async patch(caller: Principal, id: string, patch: PatchSessionDto): Promise<Session> {
    refuseAgentFields(caller, patch);
    const { owner } = await this.locate(caller, id);
    const { result } = await this.changes.change(owner, async (tx, head) => {
      const before = await this.reread(tx, owner, id);
      const after = patched(before, patch);
      if (JSON.stringify(after) === JSON.stringify(patched(before, UNCHANGED)))
        return { result: before, entries: [] };
      this.limits.json(after.context);
      await this.repository.update(tx, owner, id, after, nextPosition(head));
      if (after.status !== before.status)
        head.currentSession = await this.repository.mostRecentOpen(tx, owner);
      await this.claims.sessionChanges(tx, owner, before, after);
      return this.changed(tx, owner, id, head);
    });
    this.claims.sessionChanged(owner, id);
    return sessionFor(caller.kind, result);
  }

  private async changed(tx: Transaction, owner: LogOwner, id: string, head: Head): Promise<Changed<Session>> {
    head.sessionSeq = head.headSeq;
    const session = await this.reread(tx, owner, id);
    return { result: session, entries: [{ seq: head.headSeq, event: 'session', data: session }] };
  }

  private async reread(tx: Transaction, owner: LogOwner, id: string): Promise<Session> {
    const found = await this.repository.find(owner.accountId, id, tx);
    if (!found) throw notFound('session');
    return found.session;
  }
}

const UNCHANGED: PatchSessionDto = { context_mode: 'merge' };

function patched(before: Session, patch: PatchSessionDto): SessionChange {
  const { title, status, agent_id, context, context_mode, metadata } = patch;
  const merged = context_mode === 'merge' ? mergePatch(before.context, context ?? {}) : context;
  return {
    title: title === undefined ? before.title : title,
    status: status ?? before.status,
    agent_id: agent_id === undefined ? before.agent_id : agent_id,
    context: (merged as Session['context'] | undefined) ?? before.context,
    metadata: metadata ?? before.metadata,
  };
}

/** Routing and memory are the agent's side: a platform user's token may not touch them. */
function refuseAgentFields(
  caller: Principal,
  { agent_id, context }: CreateSessionDto | PatchSessionDto,
): void {
  if (caller.kind === 'user_token' && (agent_id !== undefined || context !== undefined))
    throw new ParleyError('insufficient_permissions', 'A user token may not set agent_id or context.');
}

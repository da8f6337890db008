import { Injectable } from '@nestjs/common';
import { toIso } from '../kernel/clock.js';
import { conflict } from '../kernel/errors.js';
import type { Session } from '../kernel/wire.dto.js';
import { Claims } from '../log/claims.js';
import { routedTo } from '../log/fence.js';
import type { LogOwner } from '../log/log-types.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { type AgentConnection, holderOf } from './agent-connection.js';
import type { ClaimView } from './agents.dto.js';
import { Offices } from './offices.js';

/** Who answers which session: the rules of claims. */
@Injectable()
export class AgentClaims {
  constructor(
    private readonly offices: Offices,
    private readonly sessions: SessionsService,
    private readonly claims: Claims,
  ) {}

  /**
   * Claims a session, or renews the claim.
   *
   * @throws ParleyError `resource_not_found`; `resource_conflict` when another agent has claimed it, when it is routed to
   *   another agent, or closed
   */
  async claim(agent: AgentConnection, id: string): Promise<ClaimView> {
    const { owner, session } = await this.sessions.locate(agent.principal, id);
    refuseUnlessOwn(agent, session);
    const claiming = this.claims.claim(owner, id, holderOf(agent));
    const claim = await this.offices.watchRefusal(agent, id, claiming);
    await this.confirm(agent, owner, id);
    await this.keep(agent, owner, id);
    return { agent_session_id: id, expires_at: toIso(claim.expiresAt) };
  }

  /** Gives a claim back: the others are told again of what waits. Without a claim nothing happens. */
  async release(agent: AgentConnection, id: string): Promise<void> {
    const { owner } = await this.sessions.locate(agent.principal, id);
    const wasHeld = await this.claims.release(owner, id, agent.id);
    if (wasHeld) this.offices.of(agent)?.holds.delete(id, agent.id);
  }

  /** A session was claimed: known here from now on, or given back if the connection has ended meanwhile. */
  async keep(agent: AgentConnection, owner: LogOwner, id: string): Promise<void> {
    if (agent.isOpen()) this.offices.hold(agent, owner, id);
    else await this.claims.release(owner, id, agent.id);
  }

  /** Gives back whatever a connection has claimed that has ended meanwhile. */
  async releaseIfGone(agent: AgentConnection): Promise<void> {
    if (!agent.isOpen()) await this.claims.releaseAll(agent.id);
  }

  /** The connection has gone, and its claims with it: the others are told. */
  async leave(agent: AgentConnection): Promise<void> {
    this.offices.leave(agent);
    await this.claims.releaseAll(agent.id);
  }

  /** While it was being claimed the session may have been routed to somebody else. */
  private async confirm(agent: AgentConnection, owner: LogOwner, id: string): Promise<void> {
    try {
      refuseUnlessOwn(agent, (await this.sessions.locate(agent.principal, id)).session);
    } catch (error) {
      await this.claims.release(owner, id, agent.id);
      throw error;
    }
  }
}

function refuseUnlessOwn(agent: AgentConnection, session: Session): void {
  if (session.status !== 'open') throw conflict('This session is closed.', { field: 'agent_session_id' });
  refuseUnlessRouted(agent, session);
}

/** @throws ParleyError `resource_conflict` when a session is another agent's to answer */
function refuseUnlessRouted({ agentId }: AgentConnection, { agent_id }: Session): void {
  if (agent_id === null || agent_id === agentId) return;
  throw routedTo(agent_id);
}

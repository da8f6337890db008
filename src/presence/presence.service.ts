import { Injectable } from '@nestjs/common';
import { actingUser, type Principal } from '../auth/principal.js';
import { PlatformUsers } from '../log/platform-users.js';
import { NodeRegistry } from '../nodes/node-registry.js';
import { NodePresence } from './node-presence.js';
import { PresenceRepository } from './persistence/presence.repository.js';
import type { PresenceView } from './presence.dto.js';

/** Who is connected, to whichever node. */
@Injectable()
export class PresenceService {
  constructor(
    private readonly users: PlatformUsers,
    private readonly here: NodePresence,
    private readonly repository: PresenceRepository,
    private readonly nodes: NodeRegistry,
  ) {}

  /**
   * Whether a platform user is there; one that nobody knows is not.
   *
   * @throws ParleyError `insufficient_permissions` when a user token names another; `service_unavailable`
   */
  async of(caller: Principal, named: string): Promise<PresenceView> {
    const platformUserId = actingUser(caller, named);
    const owner = await this.users.find(caller.accountId, platformUserId);
    const connections = owner ? await this.connectionsOf(owner.userId) : 0;
    return { platform_user_id: platformUserId, online: connections > 0, connections };
  }

  /**
   * Which of these platform users are connected to any node, by what the nodes have said in the database.
   *
   * @param userIds internal ids of their logs
   */
  async online(userIds: readonly number[]): Promise<Set<number>> {
    return new Set(await this.repository.online(userIds));
  }

  /** This node knows its own at once, and of the others what they have said in the database. */
  private async connectionsOf(userId: number): Promise<number> {
    const elsewhere = await this.repository.elsewhere(userId, this.nodes.id);
    return elsewhere + this.here.of(userId);
  }
}

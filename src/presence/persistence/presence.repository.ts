import { Injectable } from '@nestjs/common';
import { Database, type Statement } from '../../database/database.js';

/** $1 a node, $2 users, $3 how many connections each of them has there. The node's lease must exist. */
const SAY: Statement = {
  name: 'presence.say',
  text: `
WITH said AS (
  SELECT * FROM unnest($2::bigint[], $3::int[]) AS said (user_id, connections)
), gone AS (
  DELETE FROM presence USING said
  WHERE presence.user_id = said.user_id AND presence.node_id = $1 AND said.connections = 0
)
INSERT INTO presence (user_id, node_id, connections)
SELECT user_id, $1, connections FROM said WHERE connections > 0
ON CONFLICT (user_id, node_id) DO UPDATE SET connections = excluded.connections`,
};

/** A node that was killed says nothing more: its rows count for as long as its lease. */
const ELSEWHERE: Statement = {
  name: 'presence.elsewhere',
  text: `
SELECT coalesce(sum(presence.connections), 0)::int AS connections
FROM presence JOIN nodes ON nodes.id = presence.node_id
WHERE presence.user_id = $1 AND presence.node_id <> $2 AND nodes.expires_at >= clock_timestamp()`,
};

/** Which of users $1 are connected to a node that lives. */
const ONLINE: Statement = {
  name: 'presence.online',
  text: `
SELECT DISTINCT presence.user_id
FROM presence JOIN nodes ON nodes.id = presence.node_id
WHERE presence.user_id = ANY ($1::bigint[]) AND nodes.expires_at >= clock_timestamp()`,
};

/** How many connections a user has on a node. */
export type Connections = readonly [userId: number, connections: number];

/** Table `presence`: who is connected to which node. A row goes with the lease of its node (ON DELETE CASCADE). */
@Injectable()
export class PresenceRepository {
  constructor(private readonly database: Database) {}

  /**
   * Says how many connections users have on a node, each user once; no row for none.
   *
   * @throws ParleyError `service_unavailable` when the database is away; a `DatabaseError` when the node has no lease
   */
  async say(nodeId: string, all: readonly Connections[]): Promise<void> {
    await this.database.query(SAY, [nodeId, all.map(([userId]) => userId), all.map(([, count]) => count)]);
  }

  /** Which of these users are connected to a node that lives. @throws ParleyError `service_unavailable` */
  async online(userIds: readonly number[]): Promise<number[]> {
    const rows = await this.database.query<{ user_id: number }>(ONLINE, [userIds]);
    return rows.map(({ user_id }) => user_id);
  }

  /** A user's connections to nodes that live, except one. @throws ParleyError `service_unavailable` */
  async elsewhere(userId: number, exceptNodeId: string): Promise<number> {
    const [row] = await this.database.query<{ connections: number }>(ELSEWHERE, [userId, exceptNodeId]);
    return row?.connections ?? 0;
  }
}

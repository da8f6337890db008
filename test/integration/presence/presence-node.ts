import type { DataSource } from 'typeorm';
import { createDataSource } from '../../../src/database/data-source.js';
import { Database } from '../../../src/database/database.js';
import { NodeRegistry } from '../../../src/nodes/node-registry.js';
import { NodePresence } from '../../../src/presence/node-presence.js';
import {
  type Connections,
  PresenceRepository,
} from '../../../src/presence/persistence/presence.repository.js';

/** The real table, which remembers how many users each statement had. */
export class CountingRepository extends PresenceRepository {
  readonly batches: number[] = [];

  override say(nodeId: string, all: readonly Connections[]): Promise<void> {
    this.batches.push(all.length);
    return super.say(nodeId, all);
  }
}

/** What one node has of presence: its lease and its word, with a connection pool of its own. */
export interface PresenceNode {
  readonly nodes: NodeRegistry;
  readonly presence: NodePresence;
  readonly repository: CountingRepository;
  readonly dataSource: DataSource;
  /** As at SIGTERM. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

export async function startPresenceNode(url: string): Promise<PresenceNode> {
  const dataSource = await createDataSource({ url }).initialize();
  const database = new Database(dataSource);
  const nodes = new NodeRegistry(database);
  const repository = new CountingRepository(database);
  const presence = new NodePresence(repository, nodes);
  await nodes.onModuleInit();
  presence.onModuleInit();
  let hasLeft = false;
  const leave = async () => {
    if (hasLeft) return;
    hasLeft = true;
    presence.onModuleDestroy();
    await nodes.onModuleDestroy();
  };
  const close = async () => {
    await leave();
    await dataSource.destroy();
  };
  return { nodes, presence, repository, dataSource, leave, close };
}

let users = 0;

/** The internal id of a user that no other test of the file has. */
export const aUserId = (): number => ++users;

import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { NodeRegistry } from '../nodes/node-registry.js';
import { PresenceRepository } from './persistence/presence.repository.js';

/** How long changes gather before they are written together, in milliseconds. */
const SAY_INTERVAL = 100;
/** When what could not be written is tried again, in milliseconds. */
const RETRY_INTERVAL = 1000;
/** Most users in one statement. */
const MAX_BATCH = 1000;

/**
 * Who is connected to this node, and the word of it in the database: written in batches, behind the connections, never
 * on the way of one. A node that stops takes its lease back, and its rows go with that.
 */
@Injectable()
export class NodePresence implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(NodePresence.name);
  private readonly connections = new Map<number, number>();
  /** Users of whom the database does not know the latest. */
  private readonly unsaid = new Set<number>();
  private timer: NodeJS.Timeout | undefined;
  private isSaying = false;
  private stopped = false;

  constructor(
    private readonly repository: PresenceRepository,
    private readonly nodes: NodeRegistry,
  ) {}

  onModuleInit(): void {
    this.nodes.onRenewedFromNothing(() => this.sayAll());
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** A user has so many connections to this node now. */
  set(userId: number, connections: number): void {
    if (connections > 0) this.connections.set(userId, connections);
    else this.connections.delete(userId);
    this.unsaid.add(userId);
    this.sayIn(SAY_INTERVAL);
  }

  /** How many connections a user has to this node. */
  of(userId: number): number {
    return this.connections.get(userId) ?? 0;
  }

  /** The rows of this node went with its lease: they are said again. */
  private sayAll(): void {
    for (const userId of this.connections.keys()) this.unsaid.add(userId);
    this.sayIn(0);
  }

  private sayIn(delay: number): void {
    if (this.stopped || this.isSaying || this.unsaid.size === 0) return;
    this.timer ??= setTimeout(() => void this.say(), delay);
  }

  private async say(): Promise<void> {
    this.timer = undefined;
    this.isSaying = true;
    let isSaid = true;
    while (isSaid && this.unsaid.size > 0) isSaid = await this.sayBatch();
    this.isSaying = false;
    this.sayIn(RETRY_INTERVAL);
  }

  private async sayBatch(): Promise<boolean> {
    const users = [...this.unsaid].slice(0, MAX_BATCH);
    for (const userId of users) this.unsaid.delete(userId);
    try {
      await this.repository.say(
        this.nodes.id,
        users.map((userId) => [userId, this.of(userId)] as const),
      );
      return true;
    } catch (error) {
      for (const userId of users) this.unsaid.add(userId);
      if (!this.stopped) this.logger.warn(`Could not say who is connected: ${String(error)}`);
      return false;
    }
  }
}

import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { KeyCache } from './key-cache.js';
import { TokenRevocations } from './token-revocations.js';

/** How often revocations of other processes are looked for, in milliseconds: they hold on every node within a second. */
const INTERVAL = 750;
/** How often rows of expired revocations are deleted, in intervals. */
const CLEAN_EVERY = 5000;

/** Keeps what this node knows of credentials fresh, and tells those who hold connections when it has looked. */
@Injectable()
export class CredentialWatch implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(CredentialWatch.name);
  private readonly listeners = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;
  private rounds = 0;

  constructor(
    private readonly keys: KeyCache,
    private readonly revocations: TokenRevocations,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.revocations.refresh();
    this.schedule();
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.listeners.clear();
  }

  /** Calls `listener` after each look: the moment to cut connections whose credential no longer counts. */
  onLook(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Looks now, e.g. because this process itself has just revoked something. */
  async look(): Promise<void> {
    await this.keys.refresh();
    await this.revocations.refresh();
    this.tell();
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.round(), INTERVAL);
  }

  private async round(): Promise<void> {
    try {
      await this.look();
      if (++this.rounds % CLEAN_EVERY === 0) await this.revocations.deleteExpired();
    } catch (error) {
      this.logger.warn(`Could not look for revocations: ${String(error)}`);
      this.tell(); // expiry needs no database
    }
    if (this.timer) this.schedule();
  }

  private tell(): void {
    for (const listener of this.listeners) {
      try {
        listener();
      } catch (error) {
        this.logger.error(error);
      }
    }
  }
}

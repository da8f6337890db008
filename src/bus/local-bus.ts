import { Injectable, Logger } from '@nestjs/common';
import type { Hint } from '../kernel/events.js';
import { Bus, type HintListener } from './bus.js';

/** The bus of a single node: a map. Every other bus delivers on its own node through it. */
@Injectable()
export class LocalBus extends Bus {
  protected readonly logger = new Logger(this.constructor.name);
  private readonly lapseListeners: (() => void)[] = [];
  private readonly listeners = new Map<number, Set<HintListener>>();

  override publish(hint: Hint): void {
    this.deliver(hint);
  }

  override onLapse(listener: () => void): void {
    this.lapseListeners.push(listener);
  }

  /** Whether anybody on this node hears that user. */
  protected isHeard(userId: number): boolean {
    return this.listeners.has(userId);
  }

  protected lapse(): void {
    for (const listener of this.lapseListeners) listener();
  }

  protected deliver(hint: Hint): void {
    for (const listener of this.listeners.get(hint.userId) ?? []) {
      try {
        listener(hint);
      } catch (error) {
        this.logger.error(error);
      }
    }
  }

  override subscribe(userId: number, listener: HintListener): Promise<() => void> {
    const listeners = this.listeners.get(userId) ?? new Set();
    this.listeners.set(userId, listeners.add(listener));
    return Promise.resolve(() => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(userId) === listeners) this.listeners.delete(userId);
    });
  }
}

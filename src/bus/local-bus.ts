import { Injectable, Logger } from '@nestjs/common';
import type { Hint } from '../kernel/events.js';
import { Bus, type HintListener } from './bus.js';

/** The bus of a single node: a map. */
@Injectable()
export class LocalBus extends Bus {
  private readonly logger = new Logger(LocalBus.name);
  private readonly listeners = new Map<number, Set<HintListener>>();

  override publish(hint: Hint): void {
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

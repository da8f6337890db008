import { Injectable, Logger } from '@nestjs/common';
import { type Channel, channelOf, type Hint } from '../kernel/events.js';
import { Bus, type HintListener } from './bus.js';

/** The bus of a single node: a map. Every other bus delivers on its own node through it. */
@Injectable()
export class LocalBus extends Bus {
  protected readonly logger = new Logger(this.constructor.name);
  private readonly lapseListeners: (() => void)[] = [];
  private readonly listeners = new Map<Channel, Set<HintListener>>();

  override publish(hint: Hint): void {
    this.deliver(hint);
  }

  override onLapse(listener: () => void): void {
    this.lapseListeners.push(listener);
  }

  /** Whether anybody on this node hears that channel. */
  protected isHeard(channel: Channel): boolean {
    return this.listeners.has(channel);
  }

  protected lapse(): void {
    for (const listener of this.lapseListeners) listener();
  }

  protected deliver(hint: Hint): void {
    for (const listener of this.listeners.get(channelOf(hint)) ?? []) {
      try {
        listener(hint);
      } catch (error) {
        this.logger.error(error);
      }
    }
  }

  override subscribe(channel: Channel, listener: HintListener): Promise<() => void> {
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(listener));
    return Promise.resolve(() => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(channel) === listeners) this.listeners.delete(channel);
    });
  }
}

import type { Channel, Hint } from '../kernel/events.js';

export type HintListener = (hint: Hint) => void;

/**
 * Carries hints from whoever wrote to whoever follows.
 *
 * Promise: none. A hint may be lost, doubled or overtaken; followers read the log when in doubt (design, "The bus
 * carries hints"). `publish` never throws and never waits.
 */
export abstract class Bus {
  abstract publish(hint: Hint): void;

  /**
   * Hears the hints of a channel from now on: a platform user's, or an account's.
   *
   * @returns a function that ends it
   */
  abstract subscribe(channel: Channel, listener: HintListener): Promise<() => void>;

  /** `listener` hears that hints may have been lost (the bus was away): the moment to compare with the log. */
  abstract onLapse(listener: () => void): void;
}

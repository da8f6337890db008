import { Injectable } from '@nestjs/common';

/**
 * Which accounts have webhooks, as this node knows it: their messages are appended by the statement that records the
 * deliveries, too. Whoever keeps the endpoints says so here; the log asks.
 */
@Injectable()
export class Subscriptions {
  private accounts: ReadonlySet<number> = new Set();
  private listener: () => void = () => undefined;

  /** Whether messages of the account may have to be delivered somewhere. */
  has(accountId: number): boolean {
    return this.accounts.has(accountId);
  }

  /** From now on these, and no others. */
  replace(accounts: Iterable<number>): void {
    this.accounts = new Set(accounts);
  }

  /** Calls `listener` after each commit that may have recorded deliveries. There is one listener. */
  onRecorded(listener: () => void): void {
    this.listener = listener;
  }

  /** After the commit: there may be something to deliver. */
  tellRecorded(): void {
    this.listener();
  }
}

import type { Hint, TypingSignal } from '../kernel/events.js';

/** Where users are heard. */
export interface UserSource {
  subscribe(userId: number, listener: (hint: Hint) => void): Promise<() => void>;
  onTyping(userId: number, signal: TypingSignal): void;
  onError(error: unknown): void;
}

/** The platform users whose sessions agents here were told of or hold: hears when one of them is typing. */
export class UserWatch {
  private readonly watched = new Map<number, Promise<() => void>>();

  constructor(private readonly source: UserSource) {}

  /** Who is watched. */
  get users(): number[] {
    return [...this.watched.keys()];
  }

  add(userId: number): void {
    if (this.watched.has(userId)) return;
    const subscribed = this.source.subscribe(userId, (hint) => {
      if (hint.kind === 'typing' && hint.data.sender === 'user') this.source.onTyping(userId, hint);
    });
    this.watched.set(userId, subscribed);
    subscribed.catch((error: unknown) => {
      this.watched.delete(userId); // the next round tries again
      this.source.onError(error);
    });
  }

  /** From now on these users, and no others. */
  keep(users: ReadonlySet<number>): void {
    for (const userId of users) this.add(userId);
    for (const userId of this.users) if (!users.has(userId)) this.remove(userId);
  }

  private remove(userId: number): void {
    const subscribed = this.watched.get(userId);
    this.watched.delete(userId);
    subscribed?.then(
      (unsubscribe) => unsubscribe(),
      () => undefined,
    );
  }
}

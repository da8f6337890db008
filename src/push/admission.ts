import { Injectable } from '@nestjs/common';
import { toIso } from '../kernel/clock.js';
import type { Follower } from '../follow/follower.js';
import { Followers } from '../follow/followers.js';
import { Replay } from '../follow/replay.js';
import type { ConnectedUser } from '../auth/principal.js';
import { Epochs } from './epochs.js';
import type { LogEntry } from '../kernel/events.js';
import { type Outgoing, type Subscriber, toEvent } from './subscriber.js';

/** Somebody who has just connected, and where in the log they want to begin. */
export interface Newcomer extends Subscriber {
  readonly id: string;
  readonly data: ConnectedUser;
  readonly after: number | undefined;
  readonly epoch: string | undefined;
  /** Sends a page of a replay, in order, in as few writes as can be. */
  sendAll(events: readonly Outgoing[]): void;
  isOpen(): boolean;
  /** Bytes that were sent and not taken yet. */
  bufferedBytes(): number;
  /** From now on hears what the follower passes on. */
  enter(): void;
}

/** Brings a newcomer to its place in the log. */
@Injectable()
export class Admission {
  constructor(
    private readonly replay: Replay,
    private readonly followers: Followers,
    private readonly epochs: Epochs,
  ) {}

  /**
   * Sends what came after the position that the newcomer remembers, lets it enter in the same turn in which it has caught
   * up with the follower, then says `ready` and how much there is of answers that are arriving, in that turn too. So
   * nothing falls between replay and push, and nothing comes twice.
   */
  async admit(newcomer: Newcomer, follower: Follower): Promise<void> {
    const { after, epoch } = newcomer;
    const { userId } = newcomer.data;
    const known =
      after === undefined ||
      (this.epochs.isOf(userId, epoch) && (await this.replay.reaches(userId, follower, after)));
    const taker = {
      take: (entries: readonly LogEntry[]) => newcomer.sendAll(entries.map(toEvent)),
      isReady: () => hasTaken(newcomer),
      enter: () => {
        newcomer.enter();
        this.greet(newcomer, follower, !known);
      },
    };
    const from = known && after !== undefined ? after : follower.state.seq;
    await this.replay.run(userId, follower, from, taker);
  }

  private greet(newcomer: Newcomer, follower: Follower, reset: boolean): void {
    const { principal, platformUserId, userId } = newcomer.data;
    const ready = {
      platform_user_id: platformUserId,
      epoch: this.epochs.of(userId),
      ...follower.state,
      connection_id: newcomer.id,
      expires_at: principal.expiresAt === null ? null : toIso(principal.expiresAt),
      reset,
    };
    newcomer.send('ready', ready, ready.seq); // who has seen nothing else yet continues from here
    for (const delta of this.followers.liveTexts(userId)) newcomer.send('message:delta', delta);
  }
}

/** What may still be on its way when the next page of a replay is sent, in bytes. */
const LOW_WATER = 65_536;
/** How often a slow newcomer is looked at, in milliseconds. */
const LOOK_INTERVAL = 20;

/** Resolves when a newcomer has taken what it was sent, or is gone. @returns whether it is still there */
async function hasTaken(newcomer: Newcomer): Promise<boolean> {
  while (newcomer.isOpen() && newcomer.bufferedBytes() > LOW_WATER)
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
  return newcomer.isOpen();
}

import { Injectable } from '@nestjs/common';
import { ParleyError } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import { LogReader } from '../log/log-reader.js';
import type { Follower } from './follower.js';
import { CATCH_UP_PAGE } from './followers.js';

/** Who is brought up to date. */
export interface Taker {
  /** A page of what they missed, in order. */
  take(entries: readonly LogEntry[]): void;
  /** Resolves when what was sent has been taken. @returns whether anybody is still there */
  isReady(): Promise<boolean>;
  /** From now on hears what the follower passes on. */
  enter(): void;
}

/** Brings somebody who was away to where a follower stands. */
@Injectable()
export class Replay {
  constructor(private readonly reader: LogReader) {}

  /**
   * Whether the log has this position. One that another node has written, and of which this one has not heard yet, is
   * caught up with first.
   *
   * @throws ParleyError `service_unavailable` when it is there and cannot be reached
   */
  async reaches(userId: number, follower: Follower, position: number): Promise<boolean> {
    if (position <= follower.state.seq) return true;
    const head = (await this.reader.heads([userId])).get(userId);
    if (!head || position > head.seq) return false;
    await follower.reach(head);
    if (position > follower.state.seq) throw new ParleyError('service_unavailable');
    return true;
  }

  /**
   * Passes on the log after a position until the follower's is reached, and lets the taker enter in the very turn in which
   * it is: nothing falls between, nothing comes twice. A page is sent when the one before it was taken, so a slow reader
   * takes longer and is not cut for it.
   *
   * @returns whether the taker has entered; false when it left before
   */
  async run(userId: number, follower: Follower, after: number, taker: Taker): Promise<boolean> {
    for (let position = after; await taker.isReady();) {
      if (position >= follower.state.seq) {
        taker.enter(); // no await between the comparison and this
        return true;
      }
      const { entries } = await this.reader.after(userId, position, CATCH_UP_PAGE);
      if (!(await taker.isReady())) return false; // left while the page was read
      const upTo = follower.state.seq; // what comes after it, the follower passes on itself
      const due = entries.filter(({ seq }) => seq <= upTo);
      if (due.length > 0) taker.take(due);
      position = due.length < entries.length ? upTo : (due.at(-1)?.seq ?? upTo);
    }
    return false;
  }
}

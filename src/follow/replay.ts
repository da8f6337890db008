import { Injectable } from '@nestjs/common';
import { ParleyError } from '../kernel/errors.js';
import type { LogEntry } from '../kernel/events.js';
import { LogReader } from '../log/log-reader.js';
import type { Follower } from './follower.js';
import { CATCH_UP_PAGE } from './followers.js';

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
   * Passes on the log after a position until the follower's is reached. Whoever starts to listen in the same turn in
   * which this resolves has everything once: nothing falls between, nothing comes twice.
   *
   * @param onEntry takes the next entry
   * @param isWanted asked before each page: whether anybody is still there
   */
  async run(
    userId: number,
    follower: Follower,
    after: number,
    onEntry: (entry: LogEntry) => void,
    isWanted: () => boolean,
  ): Promise<void> {
    for (let position = after; isWanted() && position < follower.state.seq;) {
      const { entries } = await this.reader.after(userId, position, CATCH_UP_PAGE);
      const upTo = follower.state.seq; // what comes after it, the follower passes on itself
      const due = entries.filter(({ seq }) => seq <= upTo);
      for (const entry of due) onEntry(entry);
      position = due.length < entries.length ? upTo : (due.at(-1)?.seq ?? upTo);
    }
  }
}

import { Injectable } from '@nestjs/common';
import { toIso } from '../../kernel/clock.js';
import { LogReader } from '../../log/log-reader.js';
import { emitEntry } from '../audience.js';
import { Epochs } from '../epochs.js';
import type { Follower } from '../follower.js';
import { CATCH_UP_PAGE, Followers } from '../followers.js';
import type { Ready } from '../push.dto.js';
import { roomOf, type UserSocket } from './user-socket.js';

/** Brings a connection to its place in the log and into its room. */
@Injectable()
export class Admission {
  constructor(
    private readonly followers: Followers,
    private readonly reader: LogReader,
    private readonly epochs: Epochs,
  ) {}

  /**
   * Sends what `auth.after` asks for, then joins the room in the same turn in which the connection has caught up with
   * its follower, then says `ready`. So nothing falls between replay and push, and nothing comes twice.
   */
  async admit(socket: UserSocket): Promise<void> {
    const { userId } = socket.data;
    const follower = await this.followers.join(userId, socket.id);
    const { after, epoch } = socket.handshake.auth as { after?: number; epoch?: string };
    const known = after === undefined || this.epochs.knows(userId, follower.state.seq, after, epoch);
    if (after !== undefined && known) await this.replay(socket, follower, after);
    if (!socket.connected) return;
    void socket.join(roomOf(userId));
    socket.emit('ready', this.ready(socket, follower, !known));
  }

  private async replay(socket: UserSocket, follower: Follower, after: number): Promise<void> {
    for (let position = after; socket.connected && position < follower.state.seq;) {
      const { entries } = await this.reader.after(socket.data.userId, position, CATCH_UP_PAGE);
      const upTo = follower.state.seq; // what comes after it, the follower will pass on itself
      const due = entries.filter(({ seq }) => seq <= upTo);
      for (const entry of due) emitEntry(socket, entry);
      position = due.at(-1)?.seq ?? upTo;
      if (due.length < entries.length) position = upTo;
    }
  }

  private ready(socket: UserSocket, follower: Follower, reset: boolean): Ready {
    const { principal, platformUserId, userId } = socket.data;
    return {
      platform_user_id: platformUserId,
      epoch: this.epochs.of(userId),
      ...follower.state,
      connection_id: socket.id,
      expires_at: principal.expiresAt === null ? null : toIso(principal.expiresAt),
      reset,
    };
  }
}

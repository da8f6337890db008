import { Injectable } from '@nestjs/common';
import { Followers } from '../follow/followers.js';
import type { Follower } from '../follow/follower.js';
import type { LogListener } from '../follow/listener.js';
import type { Delta, LogEntry, TypingSignal } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';
import { sendEntry, type Subscriber } from './subscriber.js';

/** The rooms of this node; `except` is a connection that need not hear itself. */
export type Rooms = (userId: number, except?: string) => Subscriber | undefined;

/** The listeners of socket rooms: what a follower passes on is emitted once to each room, however many are in it. */
@Injectable()
export class Audience {
  private readonly listeners = new Map<number, RoomListener>();
  private rooms: Rooms = () => undefined;

  constructor(private readonly followers: Followers) {}

  /** Says where the rooms are. Called once, when the socket server is there. */
  open(rooms: Rooms): void {
    this.rooms = rooms;
  }

  /** A socket is about to enter its user's room. @returns the follower that the room hears */
  join(userId: number, socketId: string): Promise<Follower> {
    const listener = this.listeners.get(userId) ?? new RoomListener(userId, this.rooms);
    listener.members.add(socketId);
    this.listeners.set(userId, listener);
    return this.followers.join(userId, listener);
  }

  leave(userId: number, socketId: string): void {
    const listener = this.listeners.get(userId);
    if (!listener?.members.delete(socketId) || listener.members.size > 0) return;
    this.listeners.delete(userId);
    this.followers.leave(userId, listener);
  }
}

/** Passes what a follower passes on to one room. */
class RoomListener implements LogListener {
  readonly members = new Set<string>();

  constructor(
    private readonly userId: number,
    private readonly rooms: Rooms,
  ) {}

  onEntry(entry: LogEntry): void {
    const room = this.rooms(this.userId);
    if (room) sendEntry(room, entry);
  }

  onRead(state: ReadState): void {
    this.rooms(this.userId)?.send('read', state);
  }

  onDelta(delta: Delta): void {
    this.rooms(this.userId)?.send('message:delta', delta);
  }

  onTyping({ data, origin }: TypingSignal): void {
    this.rooms(this.userId, origin)?.send('typing', data);
  }
}

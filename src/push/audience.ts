import { Injectable } from '@nestjs/common';
import { Followers } from '../follow/followers.js';
import type { Follower } from '../follow/follower.js';
import type { LogListener } from '../follow/listener.js';
import { sendEntry, type Subscriber } from './subscriber.js';

/** The rooms of this node; `except` is a connection that need not hear itself. */
export type Rooms = (userId: number, except?: string) => Subscriber | undefined;

interface RoomListener extends LogListener {
  readonly members: Set<string>;
}

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
    const listener = this.listeners.get(userId) ?? this.newListener(userId);
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

  private newListener(userId: number): RoomListener {
    return {
      members: new Set(),
      onEntry: (entry) => {
        const room = this.rooms(userId);
        if (room) sendEntry(room, entry);
      },
      onRead: (state) => this.rooms(userId)?.send('read', state),
      onTyping: ({ data, origin }) => this.rooms(userId, origin)?.send('typing', data),
    };
  }
}

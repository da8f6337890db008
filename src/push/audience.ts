import { Injectable } from '@nestjs/common';
import type { LogEntry, TypingSignal } from '../kernel/events.js';
import type { ReadState } from '../kernel/wire.dto.js';
import type { ServerEvents } from './events.js';
import { withoutMemory } from './without-memory.js';

/** Somebody to emit to: a room of sockets. */
export interface Room {
  emit<E extends keyof ServerEvents>(event: E, data: ServerEvents[E]): void;
}

/** The rooms of this node; `except` is a connection that need not hear itself. */
export type Rooms = (userId: number, except?: string) => Room | undefined;

/** The one place that emits: turns what a follower passes on into wire events for the user's room on this node. */
@Injectable()
export class Audience {
  private rooms: Rooms = () => undefined;

  /** Says where the rooms are. Called once, when the socket server is there. */
  open(rooms: Rooms): void {
    this.rooms = rooms;
  }

  entry(userId: number, entry: LogEntry): void {
    emitEntry(this.rooms(userId), entry);
  }

  read(userId: number, state: ReadState): void {
    this.rooms(userId)?.emit('read', state);
  }

  typing(userId: number, { data, origin }: TypingSignal): void {
    this.rooms(userId, origin)?.emit('typing', data);
  }
}

/** One entry as its wire event, to a room or to one socket that is being brought up to date. */
export function emitEntry(room: Room | undefined, entry: LogEntry): void {
  if (entry.event === 'session') room?.emit('session', withoutMemory(entry.data));
  else room?.emit(entry.event, entry.data);
}

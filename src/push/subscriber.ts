import type { LogEntry } from '../kernel/events.js';
import type { ServerEvents } from './events.js';
import { sessionFor } from '../log/session-row.js';

/** Somebody to send to: a socket, a room of sockets, an event stream. */
export interface Subscriber {
  /** @param seq the position that whoever has this event has reached; none for events outside the log */
  send<E extends keyof ServerEvents>(event: E, data: ServerEvents[E], seq?: number): void;
}

/** An event of {@link ServerEvents} on its way, and the position that whoever has it has reached. */
export type Outgoing = {
  [E in keyof ServerEvents]: { readonly event: E; readonly data: ServerEvents[E]; readonly seq?: number };
}[keyof ServerEvents];

/** One entry of a log as its wire event. */
export function toEvent(entry: LogEntry): Outgoing {
  if (entry.event !== 'session') return entry;
  return { event: 'session', data: sessionFor('user_token', entry.data), seq: entry.seq };
}

/** Sends one entry of a log as its wire event. */
export function sendEntry(subscriber: Subscriber, entry: LogEntry): void {
  const { event, data, seq } = toEvent(entry);
  subscriber.send(event, data, seq);
}

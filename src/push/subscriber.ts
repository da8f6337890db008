import type { LogEntry } from '../kernel/events.js';
import type { ServerEvents } from './events.js';
import { sessionFor } from '../log/session-row.js';

/** Somebody to send to: a socket, a room of sockets, an event stream. */
export interface Subscriber {
  /** @param seq the position that whoever has this event has reached; none for events outside the log */
  send<E extends keyof ServerEvents>(event: E, data: ServerEvents[E], seq?: number): void;
}

/** Sends one entry of a log as its wire event. */
export function sendEntry(subscriber: Subscriber, entry: LogEntry): void {
  if (entry.event === 'session') subscriber.send('session', sessionFor('user_token', entry.data), entry.seq);
  else subscriber.send(entry.event, entry.data, entry.seq);
}

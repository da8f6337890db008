import type { DefaultEventsMap, Namespace, Server, Socket } from 'socket.io';
import type { ConnectedUser } from '../../auth/principal.js';
import type { EmittedEvents } from '../events.js';

/** What a connection of a platform user carries besides who it is. */
export interface UserSocketData extends ConnectedUser {
  /** What the handshake says of the client's place in the log. */
  after?: number;
  epoch?: string;
}

export type UserSocket = Socket<DefaultEventsMap, EmittedEvents, DefaultEventsMap, UserSocketData>;
export type UserServer = Server<DefaultEventsMap, EmittedEvents, DefaultEventsMap, UserSocketData>;
export type UserNamespace = Namespace<DefaultEventsMap, EmittedEvents, DefaultEventsMap, UserSocketData>;

/** The room of a platform user. Internal ids are unique over all accounts, so rooms cannot meet. */
export function roomOf(userId: number): string {
  return `user:${userId}`;
}

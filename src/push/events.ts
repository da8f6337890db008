import type { Delta, Typing } from '../kernel/events.js';
import type { JsonText } from '../kernel/json-text.js';
import type { Message, ReadState, Session } from '../kernel/wire.dto.js';
import type { Drain, Ready, TokenExpiring } from './push.dto.js';

/** What the server sends to platform users: event and data (contract section 3). A wrong pair does not compile. */
export interface ServerEvents {
  ready: Ready;
  message: JsonText<Message>;
  'message:updated': JsonText<Message>;
  'message:delta': Delta;
  read: ReadState;
  typing: Typing;
  session: Session;
  'token:expiring': TokenExpiring;
  drain: Drain;
}

/** The same in the form that socket.io's types want. */
export type EmittedEvents = { [E in keyof ServerEvents]: (data: ServerEvents[E]) => void };

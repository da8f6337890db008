import { Injectable, Logger } from '@nestjs/common';
import { forgetRequest } from '../../ws/transport.js';
import { UnknownCommands } from '../../ws/unknown-commands.js';
import { Admission } from '../admission.js';
import { Audience } from '../audience.js';
import { LiveConnections } from '../live-connections.js';
import type { FanOutAdapter } from './fan-out.adapter.js';
import { Handshake } from './handshake.js';
import { SocketConnection } from './socket-connection.js';
import { roomOf, type UserNamespace, type UserSocket } from './user-socket.js';

/** The commands that a platform user's client may send (contract section 3). */
const COMMANDS = new Set<unknown>([
  ...['message:receive', 'messages:read', 'message:stop'],
  ...['sync', 'typing', 'token:refresh'],
]);

/** The life of a socket: handshake, replay, room, end. */
@Injectable()
export class Connections {
  private readonly logger = new Logger(Connections.name);

  constructor(
    private readonly handshake: Handshake,
    private readonly live: LiveConnections,
    private readonly audience: Audience,
    private readonly admission: Admission,
    private readonly unknownCommands: UnknownCommands,
  ) {}

  serve(namespace: UserNamespace): void {
    namespace.use(this.handshake.middleware);
    const rooms = namespace.adapter as unknown as FanOutAdapter;
    this.audience.open((userId, except) => {
      const room = roomOf(userId);
      if (!rooms.rooms.has(room)) return undefined; // encoding for nobody costs 8 % of a node's CPU
      return { send: (event, data) => rooms.emit(room, event, data, except) };
    });
  }

  open(socket: UserSocket): void {
    forgetRequest(socket);
    this.unknownCommands.listen(socket, COMMANDS);
    const connection = new SocketConnection(socket);
    this.live.add(connection);
    socket.once('disconnect', () => {
      this.live.delete(connection);
      this.audience.leave(socket.data.userId, socket.id);
    });
    this.admit(socket, connection).catch((error: unknown) => {
      this.logger.warn(`A connection could not be admitted: ${String(error)}`);
      connection.leave();
    });
  }

  private async admit(socket: UserSocket, connection: SocketConnection): Promise<void> {
    const { id, data } = socket;
    const follower = await this.audience.join(data.userId, id);
    const { after, epoch } = data;
    const newcomer = {
      ...{ id, data, after, epoch },
      isOpen: () => socket.connected,
      enter: () => void socket.join(roomOf(data.userId)),
      bufferedBytes: () => connection.bufferedBytes(),
      send: connection.send.bind(connection),
      sendAll: connection.sendAll.bind(connection),
    };
    await this.admission.admit(newcomer, follower);
  }
}

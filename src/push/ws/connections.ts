import { Injectable, Logger } from '@nestjs/common';
import { Admission } from '../admission.js';
import { Audience } from '../audience.js';
import { LiveConnections } from '../live-connections.js';
import { Handshake } from './handshake.js';
import { SocketConnection } from './socket-connection.js';
import { UnknownCommands } from './unknown-commands.js';
import { roomOf, type UserNamespace, type UserSocket } from './user-socket.js';

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
    this.audience.open((userId, except) => {
      const room = roomOf(userId);
      if (!namespace.adapter.rooms.has(room)) return undefined; // encoding for nobody costs 8 % of a node's CPU
      const sockets = namespace.to(room);
      const emitter = (except === undefined ? sockets : sockets.except(except)) as unknown as Emitter;
      return { send: (event, data) => emitter.emit(event, data) };
    });
  }

  open(socket: UserSocket): void {
    forgetRequest(socket);
    this.unknownCommands.listen(socket);
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

interface Emitter {
  emit(event: string, data: unknown): unknown;
}

/**
 * What its handshake said has been read: the request, its headers and, after an upgrade, the connection that long polling
 * began with would stay in memory as long as the socket. Who connects once more over the same transport is still known
 * by address.
 */
function forgetRequest(socket: UserSocket): void {
  const { headers } = socket.request;
  const connection = { remoteAddress: socket.conn.remoteAddress };
  const forwarded = headers['x-forwarded-for'];
  const address = forwarded === undefined ? NOTHING : { 'x-forwarded-for': forwarded };
  const request = { headers: address, socket: connection, connection, url: '', _query: NOTHING };
  Object.assign(socket.conn, { request });
  Object.assign(socket, { handshake: NO_HANDSHAKE });
}

const NOTHING = Object.freeze({});
const NO_HANDSHAKE = Object.freeze({ headers: NOTHING, auth: NOTHING, query: NOTHING });

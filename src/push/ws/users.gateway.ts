import { Logger } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { CommandGateway } from '../../ws/command.decorator.js';
import { Audience, type Room } from '../audience.js';
import { Followers } from '../followers.js';
import { LiveCommands } from './live-commands.js';
import { RefreshDto, type RefreshedView, TypingDto } from '../push.dto.js';
import { Admission } from './admission.js';
import { Connections } from './connections.js';
import { roomOf, type UserServer, type UserSocket } from './user-socket.js';

/** Namespace `/`: connections of platform users (contract section 3). */
@WebSocketGateway()
@CommandGateway()
export class UsersGateway
  implements OnGatewayInit<UserServer>, OnGatewayConnection<UserSocket>, OnGatewayDisconnect<UserSocket>
{
  private readonly logger = new Logger(UsersGateway.name);

  constructor(
    private readonly connections: Connections,
    private readonly audience: Audience,
    private readonly admission: Admission,
    private readonly followers: Followers,
    private readonly commands: LiveCommands,
  ) {}

  afterInit(server: UserServer): void {
    const namespace = server.of('/');
    this.connections.guard(namespace);
    this.audience.open((userId, except) => {
      const room = roomOf(userId);
      if (!namespace.adapter.rooms.has(room)) return undefined; // encoding for nobody costs 8 % of a node's CPU
      const audience = except === undefined ? namespace.to(room) : namespace.to(room).except(except);
      return audience as unknown as Room; // the same events; socket.io's own type adds acknowledgements
    });
  }

  handleConnection(socket: UserSocket): void {
    this.admission.admit(socket).catch((error: unknown) => {
      this.logger.warn(`A connection could not be admitted: ${String(error)}`);
      socket.disconnect(true); // the client comes again
    });
  }

  handleDisconnect(socket: UserSocket): void {
    this.followers.leave(socket.data.userId, socket.id);
  }

  @SubscribeMessage('typing')
  typing(@ConnectedSocket() socket: UserSocket, @MessageBody() body: TypingDto): void {
    this.commands.typing(socket, body);
  }

  @SubscribeMessage('token:refresh')
  refresh(
    @ConnectedSocket() socket: UserSocket,
    @MessageBody() { token }: RefreshDto,
  ): Promise<RefreshedView> {
    socket.data.warned = false;
    return this.commands.refresh(socket, token);
  }
}

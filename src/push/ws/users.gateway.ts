import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import { CommandGateway } from '../../ws/command.decorator.js';
import { RefreshDto, type RefreshedView, TypingDto } from '../push.dto.js';
import { Connections } from './connections.js';
import { LiveCommands } from './live-commands.js';
import type { UserServer, UserSocket } from './user-socket.js';

/** Namespace `/`: connections of platform users (contract section 3). */
@WebSocketGateway()
@CommandGateway()
export class UsersGateway implements OnGatewayInit<UserServer>, OnGatewayConnection<UserSocket> {
  constructor(
    private readonly connections: Connections,
    private readonly commands: LiveCommands,
  ) {}

  afterInit(server: UserServer): void {
    this.connections.serve(server.of('/'));
  }

  handleConnection(socket: UserSocket): void {
    this.connections.open(socket);
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
    return this.commands.refresh(socket, token);
  }
}

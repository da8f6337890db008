import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Principal } from '../../auth/principal.js';
import { CommandGateway } from '../../ws/command.decorator.js';
import { SocketCaller } from '../../ws/connection.js';
import { SyncDto, type SyncView } from '../sync.dto.js';
import { SyncService } from '../sync.service.js';

/** The socket edge of sync. */
@WebSocketGateway()
@CommandGateway()
export class SyncGateway {
  constructor(private readonly syncing: SyncService) {}

  @SubscribeMessage('sync')
  sync(@SocketCaller() caller: Principal, @MessageBody() body: SyncDto): Promise<SyncView> {
    return this.syncing.sync(caller, body);
  }
}

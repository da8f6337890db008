import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Principal } from '../../auth/principal.js';
import { CommandGateway } from '../../ws/command.decorator.js';
import { SocketCaller } from '../../ws/connection.js';
import { StopService } from '../stop.service.js';
import { StopDto, type StopView } from '../stream.dto.js';

/** A platform user's side of a streaming answer. */
@WebSocketGateway()
@CommandGateway()
export class StopGateway {
  constructor(private readonly stops: StopService) {}

  @SubscribeMessage('message:stop')
  stop(@SocketCaller() caller: Principal, @MessageBody() { message_id }: StopDto): Promise<StopView> {
    return this.stops.stop(caller, message_id);
  }
}

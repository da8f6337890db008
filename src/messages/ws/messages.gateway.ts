import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Principal } from '../../auth/principal.js';
import type { Message, ReadState } from '../../kernel/wire.dto.js';
import { CommandGateway } from '../../ws/command.decorator.js';
import { SocketCaller } from '../../ws/connection.js';
import { ReceiveDto } from '../message.dto.js';
import { MessagesService } from '../messages.service.js';
import { ReadDto } from '../read.dto.js';

/** The socket edge of messages: the same service as REST. What it does is pushed by whoever follows the log. */
@WebSocketGateway()
@CommandGateway()
export class MessagesGateway {
  constructor(private readonly messages: MessagesService) {}

  @SubscribeMessage('message:receive')
  async receive(@SocketCaller() caller: Principal, @MessageBody() body: ReceiveDto): Promise<Message> {
    return (await this.messages.receive(caller, body)).message;
  }

  @SubscribeMessage('messages:read')
  read(@SocketCaller() caller: Principal, @MessageBody() body: ReadDto): Promise<ReadState> {
    return this.messages.read(caller, body);
  }
}

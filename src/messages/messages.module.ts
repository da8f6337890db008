import { Module } from '@nestjs/common';
import { SessionsModule } from '../sessions/sessions.module.js';
import { AliasController } from './http/alias.controller.js';
import { MessageController } from './http/message.controller.js';
import { MessagesController } from './http/messages.controller.js';
import { SessionHistoryController } from './http/session-history.controller.js';
import { MessageLists } from './message-lists.js';
import { MessagesService } from './messages.service.js';
import { Waiting } from './waiting.js';
import { MessagesGateway } from './ws/messages.gateway.js';

@Module({
  imports: [SessionsModule],
  controllers: [MessageController, MessagesController, AliasController, SessionHistoryController],
  providers: [MessagesService, MessageLists, Waiting, MessagesGateway],
})
export class MessagesModule {}

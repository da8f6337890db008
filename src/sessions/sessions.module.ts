import { Module } from '@nestjs/common';
import { SessionsController } from './http/sessions.controller.js';
import { SessionRepository } from './persistence/session.repository.js';
import { SessionsService } from './sessions.service.js';

@Module({
  controllers: [SessionsController],
  providers: [SessionRepository, SessionsService],
  exports: [SessionsService],
})
export class SessionsModule {}

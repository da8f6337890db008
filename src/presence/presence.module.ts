import { Module } from '@nestjs/common';
import { PresenceController } from './http/presence.controller.js';
import { NodePresence } from './node-presence.js';
import { PresenceRepository } from './persistence/presence.repository.js';
import { PresenceService } from './presence.service.js';

/** Who is connected to which node. */
@Module({
  controllers: [PresenceController],
  providers: [PresenceRepository, NodePresence, PresenceService],
  exports: [NodePresence, PresenceService],
})
export class PresenceModule {}

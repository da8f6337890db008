import { Module } from '@nestjs/common';
import { Announcer } from './announcer.js';
import { OpenBodies } from './http/open-bodies.js';
import { StreamController } from './http/stream.controller.js';
import { LiveStreams } from './live-streams.js';
import { StreamSaver } from './stream-saver.js';
import { StreamSweeper } from './stream-sweeper.js';
import { Streams } from './streams.js';
import { StopService } from './stop.service.js';
import { StreamRequest } from './stream-request.js';
import { TakeOvers } from './take-overs.js';
import { StopGateway } from './ws/stop.gateway.js';

/** Answers that arrive in pieces. */
@Module({
  controllers: [StreamController],
  providers: [
    StreamSaver,
    Announcer,
    LiveStreams,
    TakeOvers,
    Streams,
    StreamSweeper,
    StreamRequest,
    OpenBodies,
    StopService,
    StopGateway,
  ],
  exports: [Streams, LiveStreams],
})
export class StreamingModule {}

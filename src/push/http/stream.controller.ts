import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiHeader, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Query } from '../../wire/inputs.js';
import { parseRequest } from '../../wire/request.pipe.js';
import { EVENT_STREAM } from './event-stream.js';
import { StreamQuery } from './stream.dto.js';
import { Streams } from './streams.js';

@ApiTags('Push')
@Controller('v1/stream')
@NeedsScope('user')
export class StreamController {
  constructor(private readonly streams: Streams) {}

  /** The log as Server-Sent Events: the same events as over Socket.IO; `id` is the position. One unit of the rate limit. */
  @Get()
  @ApiProduces('text/event-stream')
  @ApiHeader({
    name: 'last-event-id',
    required: false,
    description: 'Sent by browsers that reconnect; wins over `after`.',
  })
  @Answers(200, String)
  async stream(
    @Caller() caller: Principal,
    @Query() query: StreamQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    // Fastify brings HEAD along with GET: it asks for the head alone, and would hold a stream without a body for ever.
    if (reply.request.method === 'HEAD') return void reply.type(EVENT_STREAM).send();
    const from = lastEventId ? parseRequest(StreamQuery, { ...query, after: lastEventId }) : query;
    const data = await this.streams.prepare(caller, from);
    reply.hijack();
    this.streams.open(data, from, reply.raw, reply.getHeaders() as Record<string, string>);
  }
}

import { Controller, Headers, HttpStatus, Inject, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiHeader,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller, NeedsScope } from '../../auth/http/principal.guard.js';
import type { Principal } from '../../auth/principal.js';
import { CONFIG, type Config } from '../../config/config.js';
import { BODY_IN_PIECES } from '../../http/json-body.js';
import { invalidParameter } from '../../kernel/errors.js';
import { randomId } from '../../kernel/ids.js';
import { Message } from '../../kernel/wire.dto.js';
import { Answers } from '../../wire/answers.decorator.js';
import { Query } from '../../wire/inputs.js';
import { parseRequest } from '../../wire/request.pipe.js';
import { StreamRequest } from '../stream-request.js';
import { StreamLineDto, StreamStartDto } from '../stream.dto.js';
import { OpenBodies } from './open-bodies.js';
import { NDJSON, readStream } from './stream-body.js';

const IDEMPOTENCY_HEADER = 'idempotency-key';
const OF_PLAIN_TEXT = {
  required: false,
  type: String,
  description: 'For plain text; lines say it themselves.',
};
const LINES = `The first line says to whom (\`StreamStartDto\`), each further one is \`{"delta": "…"}\`, the last may be
\`{"finish": {…}}\` (\`StreamLineDto\`). Plain text is the answer itself, and the query says to whom.
The message begins with the first piece that has text: a request that is refused before has written nothing. One that is
refused later, or whose key is revoked, leaves the text so far as a message that is \`incomplete\`, and the error names it: \`details.message_id\`,
\`details.status\`. To repeat one that was left \`incomplete\` is a \`resource_conflict\`: say it with another
\`client_message_id\`.`;

@ApiTags('Messages')
@Controller('v1/message')
export class StreamController {
  constructor(
    private readonly requests: StreamRequest,
    private readonly bodies: OpenBodies,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** An assistant says something piece by piece, in one request. One unit of the rate limit, however many pieces. */
  @Post('stream')
  @NeedsScope('agent')
  @RouteConfig(BODY_IN_PIECES)
  @ApiHeader({ name: IDEMPOTENCY_HEADER, required: false, description: 'The same as `client_message_id`.' })
  @ApiConsumes(NDJSON, 'text/plain')
  @ApiQuery({ name: 'client_message_id', ...OF_PLAIN_TEXT })
  @ApiQuery({ name: 'agent_session_id', ...OF_PLAIN_TEXT })
  @ApiQuery({ name: 'platform_user_id', ...OF_PLAIN_TEXT })
  @ApiExtraModels(StreamStartDto, StreamLineDto)
  @ApiBody({ description: LINES, schema: { type: 'string' } })
  @Answers(201, Message, 'resource_conflict')
  @ApiResponse({
    status: 200,
    description: 'A repeat of an earlier call: what that one wrote.',
    type: Message,
  })
  async stream(
    @Caller() caller: Principal,
    @Req() { body, headers }: FastifyRequest,
    @Query() query: Record<string, unknown>,
    @Headers(IDEMPOTENCY_HEADER) key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Message> {
    const arriving = this.bodies.open(caller);
    try {
      const limit = this.config.MAX_BODY_BYTES;
      const read = await readStream(body, headers['content-type'] ?? '', query, limit, arriving);
      arriving.isAddressed();
      const { accountId, keyId } = caller;
      const id = randomId('req');
      const source = { id, accountId, keyId, holder: null, onStop: () => arriving.end() };
      const start = withKey(read.start, key);
      const written = await this.requests.write(source, start, read.pieces, () => arriving.begin());
      if (written.replayed) reply.status(HttpStatus.OK).header('idempotent-replayed', 'true');
      return written.message;
    } finally {
      if (arriving.isAbandoned) reply.header('connection', 'close');
      arriving.close();
    }
  }
}

function withKey(start: StreamStartDto, key: string | undefined): StreamStartDto {
  if (key === undefined) return start;
  if (start.client_message_id !== undefined && start.client_message_id !== key)
    throw invalidParameter('client_message_id', 'must be the same as the Idempotency-Key header');
  return parseRequest(StreamStartDto, { ...start, client_message_id: key });
}

import type { ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { actingUser, type Principal, requireScope } from '../../auth/principal.js';
import { Followers } from '../../follow/followers.js';
import type { LogListener } from '../../follow/listener.js';
import { randomId } from '../../kernel/ids.js';
import { PlatformUsers } from '../../log/platform-users.js';
import type { ConnectedUser } from '../../auth/principal.js';
import { Admission } from '../admission.js';
import { LiveConnections } from '../live-connections.js';
import { sendEntry } from '../subscriber.js';
import { EventStream } from './event-stream.js';
import type { StreamQuery } from './stream.dto.js';

/** The life of an event stream: the same log as over a socket, for those who cannot open one. */
@Injectable()
export class Streams {
  private readonly logger = new Logger(Streams.name);

  constructor(
    private readonly users: PlatformUsers,
    private readonly live: LiveConnections,
    private readonly followers: Followers,
    private readonly admission: Admission,
  ) {}

  /** Who wants to stream what. @throws ParleyError before anything was sent, so that it can be answered as usual */
  async prepare(principal: Principal, query: StreamQuery): Promise<ConnectedUser> {
    requireScope(principal, 'user');
    const platformUserId = actingUser(principal, query.platform_user_id);
    const { userId } = await this.users.ensure(principal.accountId, platformUserId);
    this.live.reserve(userId);
    return { principal, platformUserId, userId };
  }

  open(
    data: ConnectedUser,
    { after, epoch }: StreamQuery,
    response: ServerResponse,
    headers: Record<string, string>,
  ): void {
    if (response.destroyed) return; // the client left while its stream was prepared
    const stream = new EventStream(data.userId, data.principal, response, headers);
    const entered = { yet: false };
    const listener = listenerOf(stream, entered);
    this.live.add(stream);
    response.once('close', () => {
      this.live.delete(stream);
      this.followers.leave(data.userId, listener);
    });
    const newcomer = {
      ...{ id: randomId('str'), data, after, epoch },
      isOpen: () => stream.isOpen(),
      enter: () => void (entered.yet = true),
      bufferedBytes: () => stream.bufferedBytes(),
      send: stream.send.bind(stream),
      sendAll: stream.sendAll.bind(stream),
    };
    this.followers
      .join(data.userId, listener)
      .then((follower) => this.admission.admit(newcomer, follower))
      .catch((error: unknown) => {
        this.logger.warn(`A stream could not be opened: ${String(error)}`);
        stream.leave();
      });
  }
}

/** Passes everything on once the stream has caught up. */
function listenerOf(stream: EventStream, entered: { yet: boolean }): LogListener {
  return {
    onEntry: (entry) => void (entered.yet && sendEntry(stream, entry)),
    onRead: (state) => void (entered.yet && stream.send('read', state)),
    onDelta: (delta) => void (entered.yet && stream.send('message:delta', delta)),
    onTyping: ({ data }) => void (entered.yet && stream.send('typing', data)),
  };
}

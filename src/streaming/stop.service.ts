import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { Bus } from '../bus/bus.js';
import { notFound } from '../kernel/errors.js';
import { parseMessageId } from '../kernel/ids.js';
import { LogReader } from '../log/log-reader.js';
import { PlatformUsers } from '../log/platform-users.js';
import { StreamWrites } from '../log/stream-writes.js';
import type { StopView } from './stream.dto.js';

/** Platform users who want no more of an answer. */
@Injectable()
export class StopService {
  constructor(
    private readonly users: PlatformUsers,
    private readonly reader: LogReader,
    private readonly writes: StreamWrites,
    private readonly bus: Bus,
  ) {}

  /**
   * Remembers the wish, and tells the node to which the pieces come: it ends the answer as `cancelled`. Should that node not
   * hear, it finds the wish when it saves; should it be gone, any node ends the answer.
   *
   * @throws ParleyError `resource_not_found` for anything but a message of the caller's own platform user
   */
  async stop(caller: Principal, messageId: string): Promise<StopView> {
    const address = parseMessageId(messageId);
    const owner = address && (await this.users.byId(address.userId));
    if (!owner || owner.accountId !== caller.accountId) throw notFound('message');
    if (caller.kind === 'user_token' && owner.platformUserId !== caller.platformUserId)
      throw notFound('message');
    if (await this.writes.stop(owner, address.seq)) {
      this.bus.publish({ kind: 'stop', userId: owner.userId, data: { message_id: messageId } });
      return { message_id: messageId, status: 'streaming' };
    }
    const { status } = await this.reader.message(owner, address.seq);
    return { message_id: messageId, status };
  }
}

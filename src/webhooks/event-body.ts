import { Injectable } from '@nestjs/common';
import { toIso } from '../kernel/clock.js';
import { ParleyError } from '../kernel/errors.js';
import { LogReader } from '../log/log-reader.js';
import type { DueDelivery } from './delivery.js';
import { PoolShare } from './persistence/pool-share.js';
import { SessionReads } from './persistence/session-reads.js';

/** Writes the body of a delivery: `{type, timestamp, data}`, as Standard Webhooks recommends. */
@Injectable()
export class EventBody {
  constructor(
    private readonly reader: LogReader,
    private readonly sessions: SessionReads,
    private readonly share: PoolShare,
  ) {}

  /**
   * The message and its session in their latest state: there is no second copy of a message.
   *
   * @returns JSON; `undefined` when the message does not exist any more
   */
  async of(delivery: DueDelivery): Promise<string | undefined> {
    const data = await this.share.run(() => this.data(delivery));
    return data && JSON.stringify({ type: delivery.event, timestamp: toIso(delivery.createdAt), data });
  }

  private async data(delivery: DueDelivery): Promise<object | undefined> {
    const { accountId, userId, seq, platformUserId } = delivery;
    if (userId === null || seq === null) return { webhook_id: delivery.endpointId };
    if (platformUserId === null) return undefined;
    try {
      const message = await this.reader.message({ accountId, userId, platformUserId }, seq);
      return { message, session: await this.sessions.find(accountId, message.agent_session_id) };
    } catch (error) {
      if (error instanceof ParleyError && error.code === 'resource_not_found') return undefined;
      throw error;
    }
  }
}

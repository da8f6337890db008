import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { notFound } from '../kernel/errors.js';
import { type MessageAddress, parseMessageId } from '../kernel/ids.js';
import type { Message } from '../kernel/wire.dto.js';
import { LogReader } from '../log/log-reader.js';
import type { LogOwner } from '../log/log-types.js';
import { PlatformUsers } from '../log/platform-users.js';
import { StreamAdmission } from '../log/stream-admission.js';
import { LiveStream } from './live-stream.js';
import { LiveStreams } from './live-streams.js';
import type { StreamSource } from './stream-source.js';

/** A stream that this node writes from now on, and whether its user has stopped it meanwhile. */
export interface TakenOver {
  readonly stream: LiveStream;
  readonly isStopped: boolean;
}

/** Streams that began at another node, or before this one was started. */
@Injectable()
export class TakeOvers {
  constructor(
    private readonly users: PlatformUsers,
    private readonly reader: LogReader,
    private readonly admission: StreamAdmission,
    private readonly live: LiveStreams,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Takes a stream over from whoever wrote it, with what was saved of it.
   *
   * @param isStarter whether it has repeated the start
   * @returns its message, when it is finished
   * @throws ParleyError `resource_not_found` when the account has no such message; as {@link StreamAdmission.admit}
   */
  async take(
    source: StreamSource,
    id: string,
    isStarter: boolean,
  ): Promise<TakenOver | { readonly message: Message }> {
    const { owner, address, message } = await this.find(source, id);
    if (message.status !== 'streaming') return { message };
    const { writer } = this.live;
    const taken = await this.admission.takeOver(owner, address.seq, source, isStarter, writer);
    if (!taken) return { message: await this.reader.message(owner, address.seq) };
    return { stream: this.streamOf(source, message, owner.userId, taken.text), isStopped: taken.stopped };
  }

  /** Its message, if it is finished. @throws ParleyError `resource_not_found` when the account has no such message */
  async finished(source: StreamSource, id: string): Promise<Message | undefined> {
    const { message } = await this.find(source, id);
    return message.status === 'streaming' ? undefined : message;
  }

  /** Lets a source go on with a stream whose pieces arrive here already. @throws as {@link StreamAdmission.admit} */
  async handOver(stream: LiveStream, source: StreamSource, isStarter: boolean): Promise<void> {
    const isAlone = stream.source.isOpen?.() === false;
    if (await this.admission.admit(stream.owner, stream.seq, source, isStarter, isAlone))
      stream.source = source;
    else this.live.forget(stream);
  }

  /** @param text what is known of it */
  streamOf(source: StreamSource, message: Message, userId: number, text: string): LiveStream {
    const { platform_user_id: platformUserId, agent_session_id: agentSessionId, seq, payload } = message;
    const limit = this.config.MAX_BODY_BYTES - Buffer.byteLength(JSON.stringify(payload));
    const owner = { accountId: source.accountId, platformUserId, userId };
    return new LiveStream({ owner, seq, agentSessionId, text, limit }, source);
  }

  private async find(
    { accountId }: StreamSource,
    id: string,
  ): Promise<{ owner: LogOwner; address: MessageAddress; message: Message }> {
    const address = parseMessageId(id);
    const owner = address && (await this.users.byId(address.userId));
    if (!owner || owner.accountId !== accountId) throw notFound('message');
    return { owner, address, message: await this.reader.message(owner, address.seq) };
  }
}

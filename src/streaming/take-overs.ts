import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { notFound } from '../kernel/errors.js';
import { parseMessageId } from '../kernel/ids.js';
import type { Message } from '../kernel/wire.dto.js';
import { LogReader } from '../log/log-reader.js';
import { PlatformUsers } from '../log/platform-users.js';
import { StreamAdmission } from '../log/stream-admission.js';
import { StreamTexts } from '../log/stream-texts.js';
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
    private readonly texts: StreamTexts,
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
    const address = parseMessageId(id);
    const owner = address && (await this.users.byId(address.userId));
    if (!owner || owner.accountId !== source.accountId) throw notFound('message');
    const message = await this.reader.message(owner, address.seq);
    if (message.status !== 'streaming') return { message };
    await this.admission.admit(owner, address.seq, source, isStarter, true);
    const taken = await this.texts.takeOver(address, this.live.writer);
    if (!taken) return { message: await this.reader.message(owner, address.seq) };
    return { stream: this.streamOf(source, message, owner.userId, taken.text), isStopped: taken.stopped };
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
}

import { Injectable } from '@nestjs/common';
import { conflict, type ParleyError } from '../kernel/errors.js';
import { Fence, type Holder } from './fence.js';
import { LogChanges } from './log-changes.js';
import type { LogOwner } from './log-types.js';
import { MOVE_CLAIM, SET_SOURCE, SOURCE } from './persistence/stream-source.sql.js';
import { StreamTexts } from './stream-texts.js';

/** Who writes an answer in pieces. */
export interface Source {
  /** Of the connection or the request. */
  readonly id: string;
  readonly keyId: string;
  /** As whom it claims sessions; null: a request, which claims none. */
  readonly holder: Holder | null;
}

interface SourceRow {
  agent_session_id: string;
  source: string | null;
  agent_id: string | null;
  key_id: string | null;
  is_fenced: boolean;
}

/** Whoever goes on with an answer that another connection began. */
@Injectable()
export class StreamAdmission {
  constructor(
    private readonly changes: LogChanges,
    private readonly fence: Fence,
    private readonly texts: StreamTexts,
  ) {}

  /**
   * Lets a source write a stream. An answer over a socket is written by whoever holds its session: the agent that began it
   * takes its claim along to a new connection, anybody else needs a claim of its own. An answer in a request is that
   * request's alone, until the request is repeated.
   *
   * @param isStarter whether it has repeated the start, with its `clientMessageId`
   * @param isAlone whether no connection is known that writes it now: then agents without an `agent_id`, which their key alone
   *   tells apart, may go on
   * @returns whether there is anything to write: not when it is finished
   * @throws ParleyError `resource_conflict`
   */
  async admit(
    owner: LogOwner,
    seq: number,
    source: Source,
    isStarter: boolean,
    isAlone: boolean,
  ): Promise<boolean> {
    const { holder } = source;
    const { result: sessionId } = await this.changes.change<string | undefined>(owner, async (tx) => {
      const [row] = await tx.query<SourceRow>(SOURCE, [owner.userId, seq]);
      if (!row) return { result: undefined, entries: [] };
      const { agent_session_id: id, source: before } = row;
      if (row.is_fenced !== (holder !== null)) throw notYours();
      if (before !== source.id) {
        const isSame = isStarter || isSameAgent(row, source, isAlone);
        if (!holder && !isSame) throw notYours();
        if (holder && isSame) await tx.query(MOVE_CLAIM, [owner.userId, id, before, holder.connectionId]);
        await tx.query(SET_SOURCE, [owner.userId, seq, source.id, holder?.agentId ?? null, source.keyId]);
      }
      if (holder) await this.fence.enter(tx, owner, id, holder);
      return { result: id, entries: [] };
    });
    if (holder && sessionId !== undefined) this.fence.announce(owner, sessionId);
    return sessionId !== undefined;
  }

  /**
   * Lets a source write a stream whose pieces arrived elsewhere.
   *
   * @param writer as whom its text is saved from now on, see {@link StreamTexts.takeOver}
   * @returns what was saved; nothing when it is finished
   * @throws as {@link admit}
   */
  async takeOver(
    owner: LogOwner,
    seq: number,
    source: Source,
    isStarter: boolean,
    writer: string,
  ): Promise<{ text: string; stopped: boolean } | undefined> {
    await this.admit(owner, seq, source, isStarter, true);
    return this.texts.takeOver({ userId: owner.userId, seq }, writer);
  }
}

function isSameAgent(row: SourceRow, { holder, keyId }: Source, isAlone: boolean): boolean {
  if (!holder || row.agent_id !== holder.agentId) return false;
  return row.agent_id !== null || (isAlone && row.key_id === keyId);
}

function notYours(): ParleyError {
  return conflict('Another connection or request writes this answer.', { field: 'message_id' });
}

import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import type { MessageAddress } from '../kernel/ids.js';
import * as sql from './persistence/stream.sql.js';

/** A streaming answer as it was saved last. */
export interface StreamText extends MessageAddress {
  readonly agentSessionId: string;
  readonly text: string;
}

/** What a stream has grown by since it was saved. Lengths in UTF-16 code units. */
export interface Growth extends MessageAddress {
  readonly from: number;
  readonly piece: string;
}

/** How long a stream is waited for, in milliseconds. */
export interface Patience {
  /** Without growth. */
  readonly timeout: number;
  /** Since its user stopped it. */
  readonly stopGrace: number;
  /** Since its start. */
  readonly maxAge: number;
}

interface TextRow {
  user_id: number;
  seq: number;
  agent_session_id: string;
  text: string;
}

/** The texts so far of streaming answers. Saved behind the pieces, so that another node can go on from there. */
@Injectable()
export class StreamTexts {
  constructor(private readonly database: Database) {}

  /**
   * From now on `writer` adds to it; whoever did before cannot.
   *
   * @returns `undefined` when it is finished
   */
  async takeOver(
    { userId, seq }: MessageAddress,
    writer: string,
  ): Promise<{ text: string; stopped: boolean } | undefined> {
    const values = [userId, seq, writer];
    return (await this.database.query<{ text: string; stopped: boolean }>(sql.TAKE_OVER, values))[0];
  }

  /**
   * Adds to many texts in one statement.
   *
   * @returns those that were saved, each with whether its user has stopped it; the others have another writer or are finished
   */
  async save(writer: string, all: readonly Growth[]): Promise<(MessageAddress & { stopped: boolean })[]> {
    const rows = await this.database.query<{ user_id: number; seq: number; stopped: boolean }>(
      sql.SAVE_TEXTS,
      [
        all.map(({ userId }) => userId),
        all.map(({ seq }) => seq),
        all.map(({ from }) => from),
        all.map(({ from, piece }) => from + piece.length),
        all.map(({ piece }) => piece),
        writer,
      ],
    );
    return rows.map(({ user_id: userId, seq, stopped }) => ({ userId, seq, stopped }));
  }

  /**
   * Streams that nobody finishes any more.
   *
   * @param limit most of them
   */
  async overdue({ timeout, stopGrace, maxAge }: Patience, limit: number): Promise<MessageAddress[]> {
    const rows = await this.database.query<{ user_id: number; seq: number }>(sql.OVERDUE, [
      timeout,
      stopGrace,
      maxAge,
      limit,
    ]);
    return rows.map(({ user_id: userId, seq }) => ({ userId, seq }));
  }

  /** The streams of these users, in the order of positions; a user without any is missing. */
  async of(userIds: readonly number[]): Promise<Map<number, StreamText[]>> {
    const rows = await this.database.query<TextRow>(sql.TEXTS, [userIds]);
    const found = new Map<number, StreamText[]>();
    for (const { user_id: userId, seq, agent_session_id: agentSessionId, text } of rows) {
      const texts = found.get(userId) ?? [];
      found.set(userId, texts);
      texts.push({ userId, seq, agentSessionId, text });
    }
    return found;
  }
}

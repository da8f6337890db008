import { conflict, invalidParameter, type ParleyError } from '../kernel/errors.js';
import { findJsonProblem } from '../kernel/json.js';
import type { Attachment, Message } from '../kernel/wire.dto.js';
import type { Told } from '../log/fence.js';
import type { NewMessage } from '../log/log-types.js';
import type { Ending } from '../log/stream-writes.js';

/** The caller's own fields of a payload, and what Parley knows of them. */
export interface StreamPayload {
  readonly attachments?: Attachment[];
}

/** An answer that is about to arrive in pieces. */
export interface StreamStart {
  readonly platformUserId: string;
  /** Without it: the user's most recent open session, else a new one. */
  readonly agentSessionId?: string;
  /** Makes the start safe to repeat: the stream goes on, or is finished already. */
  readonly clientMessageId?: string;
  /** Fields of the payload besides the text. */
  readonly payload?: StreamPayload;
  readonly metadata?: Record<string, unknown>;
  /** What of the user's messages is handled once it is finished; without it all before it. */
  readonly told?: Told;
}

export interface StreamStarted {
  readonly message: Message;
  /** Length of what is known of its text; 0 unless the start was repeated. */
  readonly offset: number;
  readonly replayed: boolean;
}

export interface StreamEnd {
  readonly status?: Ending;
  /** How long the text is, in UTF-16 code units: should something of it have been lost with a node, it is asked for. */
  readonly offset?: number;
  /** Replaces fields of the payload besides the text. */
  readonly payload?: StreamPayload;
  readonly metadata?: Record<string, unknown>;
}

export function messageOf({
  payload,
  agentSessionId,
  clientMessageId,
  metadata = {},
}: StreamStart): NewMessage {
  const begun = { attachments: [], ...payload, content: '', sender: 'assistant' as const };
  return { sender: begun.sender, payload: begun, metadata, agentSessionId, clientMessageId };
}

export function finished(status: string): ParleyError {
  return conflict(`This answer is ${status} already.`, { status });
}

/** What was taken and not saved goes with its node: its writer may not know of that yet. */
export function checkLength(text: string, { offset = text.length }: StreamEnd): void {
  if (offset !== text.length) throw conflict('The text has another length here.', { offset: text.length });
}

/** Whether an answer that ends so has nothing in it. */
export function isEmpty(text: string, { status = 'complete', payload }: StreamEnd): boolean {
  return status === 'complete' && text === '' && !payload?.attachments?.length;
}

export function nothingSaid(): ParleyError {
  return invalidParameter('content', 'is empty: nothing was appended');
}

/** @throws ParleyError `invalid_parameter` for text that no message may have */
export function refuseUnstorable(delta: string): void {
  const problem = findJsonProblem(delta);
  if (problem) throw invalidParameter('delta', problem.problem);
}

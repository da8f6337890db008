import type { FastifyReply } from 'fastify';
import type { JsonText } from '../../kernel/json-text.js';
import type { Message } from '../../kernel/wire.dto.js';
import type { Appended } from '../../log/log-types.js';

/** 201 for a new message; 200 and `Idempotent-Replayed: true` for one that was there already. */
export function markReplay(
  reply: FastifyReply,
  { message, json, replayed }: Appended,
): Message | JsonText<Message> {
  if (replayed) void reply.status(200).header('idempotent-replayed', 'true');
  return json ?? message;
}

import type { Payload, Sender } from '../kernel/wire.dto.js';
import type { PayloadDto } from './message.dto.js';

/** What a caller has sent as the payload of a message, with who says it. */
export function toPayload(sent: PayloadDto, sender: Sender): Payload {
  const payload: Payload = { content: sent.content, sender, attachments: sent.attachments ?? [] };
  for (const name in sent)
    if (!Object.hasOwn(payload, name)) payload[name] = (sent as PayloadDto & Record<string, unknown>)[name];
  return payload;
}

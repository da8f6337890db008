import type { Payload, Sender } from '../kernel/wire.dto.js';
import type { PayloadDto } from './message.dto.js';

/** What a caller has sent as the payload of a message, with who says it. */
export function toPayload(
  { content, sender: _, attachments = [], ...extra }: PayloadDto,
  sender: Sender,
): Payload {
  return { ...extra, content, sender, attachments };
}

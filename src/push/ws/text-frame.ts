/** FIN, and the opcode of text (RFC 6455 section 5.2). */
const FINAL_TEXT = 0x81;
/** The two lengths that say where the length really stands, and the longest that fits there. */
const IN_TWO_BYTES = 126;
const IN_EIGHT_BYTES = 127;
const MAX_IN_TWO_BYTES = 0xffff;

/**
 * A whole text message as a server sends it: one frame, unmasked, in one buffer (RFC 6455 section 5.2).
 *
 * @throws RangeError for text of 4 GiB or more
 */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < IN_TWO_BYTES ? 2 : length <= MAX_IN_TWO_BYTES ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = FINAL_TEXT;
  if (header === 2) frame[1] = length;
  else if (header === 4) {
    frame[1] = IN_TWO_BYTES;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = IN_EIGHT_BYTES;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.write(text, header);
  return frame;
}

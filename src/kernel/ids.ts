import { randomBytes } from 'node:crypto';

/** Crockford's base 32, lower case: no i, l, o, u. */
export const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
export const USER_DIGITS = 11; // 53 bits
export const SEQ_DIGITS = 9; // 45 bits
const MESSAGE_ID = new RegExp(`^msg_[${ALPHABET}]{${USER_DIGITS + SEQ_DIGITS}}$`);

/** Where a message lies: its platform user's internal id, and its position in that user's log. */
export interface MessageAddress {
  userId: number;
  seq: number;
}

/**
 * A message id is its address (decision 0001): no id column, no id index, and ids of one user sort in log order.
 * The user part is random, so an id tells nothing but what the message itself tells.
 */
export function messageId({ userId, seq }: MessageAddress): string {
  return `msg_${toBase32(userId, USER_DIGITS)}${toBase32(seq, SEQ_DIGITS)}`;
}

/** The address in a message id, or `undefined` for a string that is no message id. */
export function parseMessageId(id: string): MessageAddress | undefined {
  if (!MESSAGE_ID.test(id)) return undefined;
  const digits = id.slice(4);
  const address = {
    userId: fromBase32(digits.slice(0, USER_DIGITS)),
    seq: fromBase32(digits.slice(USER_DIGITS)),
  };
  return Number.isSafeInteger(address.userId) ? address : undefined;
}

/** A random internal id of a platform user: 1 to 2^53 - 1, so that it is exact in JavaScript and in PostgreSQL. */
export function randomUserId(): number {
  const bytes = randomBytes(8);
  return Number(bytes.readBigUInt64BE() >> 11n) || 1;
}

/** A random id with a prefix that tells its kind, e.g. `ses_9k3…` (100 random bits). */
export function randomId(prefix: string): string {
  return `${prefix}_${Array.from(randomBytes(20), (byte) => ALPHABET[byte & 31]).join('')}`;
}

/** Every pair of digits: a message id is made for each message, and a pair costs what a digit does. */
const PAIRS = Array.from({ length: 1024 }, (_, i) => `${ALPHABET[i >> 5]}${ALPHABET[i & 31]}`);

/** @param digits an odd number of them */
function toBase32(value: number, digits: number): string {
  let text = '';
  let rest = value;
  for (let i = 1; i < digits; i += 2) {
    const high = Math.floor(rest / 1024);
    text = PAIRS[rest - high * 1024] + text;
    rest = high;
  }
  return ALPHABET[rest % 32] + text;
}

function fromBase32(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 32 + ALPHABET.indexOf(digit);
  return value;
}

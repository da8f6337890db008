import { hash, randomBytes } from 'node:crypto';

/** Characters of a key that lists and logs may show. */
const PREFIX_LENGTH = 12;

/** A new API key: `parley_` and 256 random bits. */
export function newSecret(): string {
  return `parley_${randomBytes(32).toString('base64url')}`;
}

/** What is stored of it: SHA-256, enough for a secret that nobody can guess. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** What may be shown of it. */
export function secretPrefix(secret: string): string {
  return secret.slice(0, Math.min(PREFIX_LENGTH, Math.floor(secret.length / 4)));
}

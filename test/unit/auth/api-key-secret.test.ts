import fc from 'fast-check';
import { hashSecret, newSecret, secretPrefix } from '../../../src/auth/api-key-secret.js';

describe('the secret of an API key', () => {
  it('has 256 random bits and fits in a header as it is', () => {
    const secrets = Array.from({ length: 500 }, newSecret);
    expect(new Set(secrets).size).toBe(secrets.length);
    for (const secret of secrets) {
      expect(secret).toMatch(/^parley_[\w-]{43}$/);
      expect(Buffer.from(secret.slice('parley_'.length), 'base64url')).toHaveLength(32);
    }
  });

  it('is stored as SHA-256', () => {
    // `printf abc | sha256sum`
    expect(hashSecret('abc').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('shows of itself 12 characters at most, and never more than a quarter', () => {
    expect(secretPrefix('parley_0123456789abcdef0123456789abcdef0123456789')).toBe('parley_01234');
    fc.assert(
      fc.property(fc.string({ minLength: 16, maxLength: 200 }), (secret) => {
        const prefix = secretPrefix(secret);
        expect(secret.startsWith(prefix)).toBe(true);
        expect(prefix.length).toBeLessThanOrEqual(Math.min(12, secret.length / 4));
      }),
    );
  });
});

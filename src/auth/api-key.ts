import type { Scope } from './principal.js';

/** A key as it is stored: never the key itself. */
export interface ApiKey {
  id: string;
  accountId: number;
  name: string;
  prefix: string;
  scopes: Scope[];
  rateLimitPerHour: number | null;
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

export type NewApiKey = Omit<ApiKey, 'createdAt' | 'revokedAt'> & { hash: Buffer };

import { Injectable } from '@nestjs/common';
import { Database, type Statement } from './database.js';

const READ: Statement = { name: 'settings.read', text: 'SELECT value FROM settings WHERE name = $1' };
const OFFER: Statement = {
  name: 'settings.offer',
  text: 'INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
};

/**
 * Names a database among all. Its epoch does not: a copy of it (a restored backup) has the same. Digits only but for the
 * epoch, so that it may stand in a Redis key beside a hash tag.
 */
const INSTALLATION: Statement = {
  name: 'settings.installation',
  text: `
SELECT concat_ws('-', (SELECT value FROM settings WHERE name = 'epoch'), system_identifier,
                 (SELECT oid FROM pg_database WHERE datname = current_database())) AS name
FROM pg_control_system()`,
};

/** What the installation remembers about itself, shared by its nodes. */
@Injectable()
export class Settings {
  constructor(private readonly database: Database) {}

  /** The value of `name`; the first node to ask decides it. */
  async getOrCreate(name: string, make: () => string): Promise<string> {
    const known = await this.get(name);
    if (known !== undefined) return known;
    await this.database.query(OFFER, [name, make()]);
    return (await this.get(name)) ?? '';
  }

  /** A name that no other database has, not even a copy of this one elsewhere: for what several may share, as a Redis. */
  async installation(): Promise<string> {
    const [row] = await this.database.query<{ name: string }>(INSTALLATION);
    return row?.name ?? '';
  }

  async get(name: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ value: string }>(READ, [name]);
    return row?.value;
  }
}

import { Injectable } from '@nestjs/common';
import { Database, type Statement } from './database.js';

const READ: Statement = { name: 'settings.read', text: 'SELECT value FROM settings WHERE name = $1' };
const OFFER: Statement = {
  name: 'settings.offer',
  text: 'INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING',
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

  async get(name: string): Promise<string | undefined> {
    const [row] = await this.database.query<{ value: string }>(READ, [name]);
    return row?.value;
  }
}

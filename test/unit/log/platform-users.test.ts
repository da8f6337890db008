import type { Database } from '../../../src/database/database.js';
import { PlatformUsers } from '../../../src/log/platform-users.js';

/** More turns of the microtask queue than any way through `ensure` takes. */
const TURNS = 12;

/** As whoever appends does: an owner who is known is not waited for. */
async function arrival(users: PlatformUsers, name: string, arrived: string[]): Promise<void> {
  const asked = users.ensure(1, 'ann');
  if (asked instanceof Promise) await asked;
  arrived.push(name);
}

describe('the owner of a log', () => {
  it.each(Array.from({ length: TURNS }, (_, turns) => turns))(
    'is told in the order of asking, also to who asks %i turns after the database has answered',
    async (turns) => {
      let answer: (rows: { id: number }[]) => void = () => undefined;
      const rows = new Promise<{ id: number }[]>((resolve) => (answer = resolve));
      const users = new PlatformUsers({ query: () => rows } as unknown as Database);
      const arrived: string[] = [];
      const [first, second] = ['first', 'second'].map((name) => arrival(users, name, arrived));
      answer([{ id: 5 }]);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const late = arrival(users, 'late', arrived);
      await Promise.all([first, second, late]);
      expect(arrived).toEqual(['first', 'second', 'late']);
    },
  );
});

import { startFailure } from '../../src/start-failure.js';

const failure = (code: string, message = 'as it says'): Error => Object.assign(new Error(message), { code });

describe('a start that failed', () => {
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EHOSTUNREACH'])(
    'says of %s where nobody answered, in one sentence',
    (code) => {
      expect(startFailure(failure(code))).toBe(
        'Parley could not start: PostgreSQL cannot be reached (as it says); check DATABASE_URL.',
      );
    },
  );

  it('says which limits to change when PostgreSQL has no connection left', () => {
    expect(startFailure(failure('53300', 'too many connections'))).toBe(
      'Parley could not start: PostgreSQL has no connection left (too many connections); ' +
        'raise its max_connections, or lower DATABASE_POOL_SIZE.',
    );
  });

  it('shows the stack of what it does not know', () => {
    expect(startFailure(new Error('odd'))).toMatch(/^Parley could not start: Error: odd\n {4}at /);
  });
});

import fc from 'fast-check';
import type { Session } from '../../../src/kernel/wire.dto.js';
import { fromCursor, toCursor } from '../../../src/sessions/session-cursor.js';

const aSession = (fields: Partial<Session> = {}) =>
  ({ created_at: '2026-01-02T03:04:05.678Z', agent_session_id: 'session123', ...fields }) as Session;
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('the cursor of a list of sessions', () => {
  it('is where the page ended, whatever the id is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 255 }).filter((id) => !/\p{Cc}/u.test(id)),
        fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date(Date.UTC(9999, 11, 31)) }),
        (agent_session_id, date) => {
          const created_at = date.toISOString();
          const cursor = toCursor(aSession({ agent_session_id, created_at }));
          expect(fromCursor(cursor)).toEqual({ createdAt: created_at, agentSessionId: agent_session_id });
          expect(cursor).toMatch(/^[\w-]+$/);
        },
      ),
    );
  });

  it.each([
    ['nothing', ''],
    ['noise', 'x'.repeat(50)],
    ['no list', encoded({ createdAt: '2026-01-02T03:04:05.678Z' })],
    ['null', encoded(null)],
    ['a list with too little', encoded(['2026-01-02T03:04:05.678Z'])],
    ['no time', encoded(['yesterday', 'session123'])],
    ['a year that PostgreSQL does not read', encoded(['+099999-01-01T00:00:00.000Z', 'session123'])],
    ['a year before the first', encoded(['-000001-01-01T00:00:00.000Z', 'session123'])],
    ['the year 0', encoded(['0000-01-01T00:00:00.000Z', 'session123'])],
    ['a number', encoded([1, 'session123'])],
    ['an id that is none', encoded(['2026-01-02T03:04:05.678Z', 7])],
    ['an id that PostgreSQL refuses', encoded(['2026-01-02T03:04:05.678Z', 'a\0b'])],
  ])('is not %s', (_, cursor) => {
    expect(() => fromCursor(cursor)).toThrow(
      expect.objectContaining({ code: 'invalid_parameter', message: expect.stringMatching(/^cursor /) }),
    );
  });
});

import fc from 'fast-check';
import { LiveTexts } from '../../../src/follow/live-texts.js';
import type { Delta, LogEntry } from '../../../src/kernel/events.js';
import { messageId } from '../../../src/kernel/ids.js';
import { JsonText } from '../../../src/kernel/json-text.js';
import type { Message, MessageStatus } from '../../../src/kernel/wire.dto.js';

const USER = 1;
const SEQ = 7;
const ID = messageId({ userId: USER, seq: SEQ });

function entry(status: MessageStatus, seq = SEQ): LogEntry {
  const event = seq === SEQ ? 'message' : 'message:updated';
  const message = { id: ID, seq: SEQ, agent_session_id: 's', status } as Message;
  return { seq, event, data: JsonText.write(message) };
}

const piece = (offset: number, delta: string): Delta => ({
  message_id: ID,
  agent_session_id: 's',
  offset,
  delta,
});
const saved = (text: string): { userId: number; seq: number; agentSessionId: string; text: string } => ({
  userId: USER,
  seq: SEQ,
  agentSessionId: 's',
  text,
});

/** A log that is followed, and whoever hears of it. */
class Followed {
  gaps = 0;
  text = '';
  readonly texts = new LiveTexts({
    onDelta: ({ offset, delta }) => {
      expect(offset).toBe(this.text.length); // no gap, no overlap
      expect(delta).not.toBe('');
      this.text += delta;
    },
    onGap: () => void this.gaps++,
  });
}

describe('the texts of a log that is followed', () => {
  it('wait for their message', () => {
    const { texts, ...followed } = new Followed();
    texts.delta(piece(0, 'early '), SEQ - 1);
    expect([followed.text, texts.soFar()]).toEqual(['', []]);
  });

  it('come with their message, and what came before it with it', () => {
    const followed = new Followed();
    followed.texts.delta(piece(0, 'early '), SEQ - 1);
    followed.texts.entry(entry('streaming'));
    followed.texts.delta(piece(6, 'late'), SEQ);
    expect(followed.text).toBe('early late');
    expect(followed.texts.soFar()).toEqual([piece(0, 'early late')]);
  });

  it('end with the end of their message: what is still on its way is heard by nobody', () => {
    const followed = new Followed();
    followed.texts.entry(entry('streaming'));
    followed.texts.delta(piece(0, 'all'), SEQ);
    followed.texts.entry(entry('complete', SEQ + 1));
    followed.texts.delta(piece(3, ' and more'), SEQ + 1);
    followed.texts.repair([saved('all and more')]);
    expect([followed.text, followed.texts.size, followed.texts.soFar()]).toEqual(['all', 0, []]);
  });

  it('that are under way when the log begins to be followed are known from their beginning', () => {
    const followed = new Followed();
    followed.texts.begin([saved('so far')], SEQ);
    expect(followed.texts.soFar()).toEqual([piece(0, 'so far')]);
    followed.text = 'so far'; // whoever enters is told
    followed.texts.delta(piece(3, 'far, so good'), SEQ);
    expect(followed.text).toBe('so far, so good');
  });

  it('that began behind the head that was read wait for their message', () => {
    const followed = new Followed();
    followed.texts.begin([saved('so far')], SEQ - 1);
    expect(followed.texts.soFar()).toEqual([]);
    followed.texts.entry(entry('streaming'));
    expect(followed.text).toBe('so far');
  });

  it('ask for repair at a gap', () => {
    const followed = new Followed();
    followed.texts.entry(entry('streaming'));
    followed.texts.delta(piece(3, 'def'), SEQ);
    expect([followed.text, followed.gaps, followed.texts.hasGap]).toEqual(['', 1, true]);
    followed.texts.repair([saved('abcd')]);
    expect([followed.text, followed.texts.hasGap]).toEqual(['abcdef', false]);
  });

  it('are heard whole and once, whatever pieces are lost, doubled, cut anew or reordered', () => {
    const hint = fc.record({
      from: fc.nat(60),
      length: fc.nat(20),
      kind: fc.constantFrom('piece', 'piece', 'piece', 'saved', 'message'),
    });
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 60 }),
        fc.array(hint, { maxLength: 60 }),
        (text, hints) => {
          const followed = new Followed();
          for (const { from, length, kind } of hints) {
            const offset = Math.min(from, text.length);
            if (kind === 'piece')
              followed.texts.delta(piece(offset, text.slice(offset, offset + length)), SEQ - 1);
            if (kind === 'saved') followed.texts.repair([saved(text.slice(0, offset))]);
            if (kind === 'message') followed.texts.entry(entry('streaming'));
            expect(text.startsWith(followed.text)).toBe(true);
          }
          followed.texts.entry(entry('streaming'));
          followed.texts.repair([saved(text)]);
          expect(followed.text).toBe(text);
          expect(followed.texts.soFar()).toEqual([piece(0, text)]);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

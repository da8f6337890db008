import { Holds } from '../../../src/agents/holds.js';

const owner = { accountId: 1, userId: 1, platformUserId: 'user' };
const hold = (connectionId: string, expiresAt = 100) => ({ connectionId, owner, expiresAt });

it('What a connection holds is taken away by itself alone, by its end, or by the end in time', () => {
  const holds = new Holds();
  holds.set('s1', hold('ann'));
  holds.delete('s1', 'ben');
  expect(holds.get('s1')).toEqual(hold('ann'));
  holds.delete('s1', 'ann');
  expect(holds.get('s1')).toBeUndefined();
  holds.set('s2', hold('ann'));
  holds.set('s3', hold('ben', 101));
  holds.set('s4', hold('ben', 100));
  holds.deleteOf('ann');
  holds.expire(100);
  expect([...holds.entries()].map(([id]) => id)).toEqual(['s3']);
});

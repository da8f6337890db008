import { type Api, startApi } from '../../support/api.js';

let api: Api;
beforeAll(async () => {
  api = await startApi({ RATE_LIMIT_PER_HOUR: '3', TRUST_PROXY: '1' });
});
afterAll(() => api?.stop());

/** Three requests spend the budget of an address: whether a fourth one, with this header, has another. */
async function isOther(first: string, fourth: string): Promise<boolean> {
  const call = (address: string) =>
    api.get('/v1/api-keys', { key: null, headers: { 'X-Forwarded-For': address } });
  for (let i = 0; i < 3; i++) expect((await call(first)).status).toBe(401);
  expect((await call(first)).status).toBe(429);
  return (await call(fourth)).status === 401;
}

describe('TRUST_PROXY=1', () => {
  it('takes the address from the one proxy in front', async () => {
    expect(await isOther('203.0.113.1', '203.0.113.2')).toBe(true);
  });

  it('believes what that proxy added, not what the client wrote before it', async () => {
    expect(await isOther('1.1.1.1, 203.0.113.3', '2.2.2.2, 203.0.113.3')).toBe(false);
    expect(await isOther('1.1.1.1, 203.0.113.4', '1.1.1.1, 203.0.113.5')).toBe(true);
  });

  it('counts a /64 of IPv6 as one address', async () => {
    expect(await isOther('2001:db8:1:1::1', '2001:db8:1:1:ffff::2')).toBe(false);
    expect(await isOther('2001:db8:1:2::1', '2001:db8:1:3::1')).toBe(true);
  });

  it('counts an IPv4 address the same however it is written', async () => {
    expect(await isOther('203.0.113.9', '::ffff:203.0.113.9')).toBe(false);
  });
});

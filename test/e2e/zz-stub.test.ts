import { startServer } from '../support/server.js';
it('works', async () => {
  const s = await startServer({ databaseUrl: 'postgres://x', main: '/tmp/emb/main-stub.mjs' });
  console.log(s.url, s.output());
  expect((await fetch(s.url + '/x')).status).toBe(404);
  expect(await s.stop()).toBe(0);
  await expect(startServer({ dataDir: '/tmp/x', env: { FAIL: '1' }, main: '/tmp/emb/main-stub.mjs' })).rejects.toThrow('PORT is bad');
});
it('leaks a server', async () => { await startServer({ databaseUrl: 'postgres://x', main: '/tmp/emb/main-stub.mjs' }); });

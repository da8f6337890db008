import { Accounts } from '../auth/accounts.js';
import { runCommand } from './command.js';

await runCommand({
  usage: `usage:
  npm run --silent account -- create NAME   makes an account
  npm run --silent account -- list          lists them`,
  actions: { create: 1, list: 0 },
  options: [],
  async run(app, { action, words: [name = ''] }) {
    const accounts = app.get(Accounts);
    if (action === 'create') console.log(`account ${(await accounts.create(name)).name} created`);
    else for (const account of await accounts.list()) console.log(account.name);
  },
});

import { Accounts } from '../auth/accounts.js';
import { command } from './command.js';

const USAGE = `usage:
  npm run account -- create NAME   makes an account
  npm run account -- list          lists them`;

await command(async (app, { positionals: [action, name] }) => {
  const accounts = app.get(Accounts);
  if (action === 'create' && name !== undefined)
    console.log(`account ${(await accounts.create(name)).name} created`);
  else if (action === 'list') for (const account of await accounts.list()) console.log(account.name);
  else throw new Error(USAGE);
});

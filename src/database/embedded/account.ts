import { readFile } from 'node:fs/promises';
import { cannotRun } from './errors.js';

/** An operating-system account that PostgreSQL runs under. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** Who runs PostgreSQL when Parley is root, in order of preference. */
const SERVICE_ACCOUNTS = ['postgres', 'nobody'] as const;

/** The first of `names` that the text of /etc/passwd knows and that is not root. */
export function findAccount(passwd: string, names: readonly string[]): Account | undefined {
  const accounts = passwd.split('\n').flatMap(parseEntry);
  return names
    .map((name) => accounts.find((account) => account.name === name && account.uid !== 0))
    .find((account) => account !== undefined);
}

function parseEntry(line: string): Account[] {
  const [name, , uid, gid] = line.split(':');
  if (!name || !uid || !gid || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return [];
  return [{ name, uid: Number(uid), gid: Number(gid) }];
}

/** Who that is, in a sentence: the name that /etc/passwd has for it, and the number. */
export async function userName(uid: number): Promise<string> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const name = passwd
    .split('\n')
    .flatMap(parseEntry)
    .find((account) => account.uid === uid)?.name;
  return name === undefined ? `user ${uid}` : `user ${name} (${uid})`;
}

/** Whether this process is root, whom PostgreSQL refuses to serve. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The account for a new cluster when this process is root. initdb insists on one that has a passwd entry. */
export async function serviceAccount(): Promise<Account> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const account = findAccount(passwd, SERVICE_ACCOUNTS);
  if (account !== undefined) return account;
  throw cannotRun(
    `PostgreSQL refuses to run as root, and /etc/passwd has no user "${SERVICE_ACCOUNTS.join('" or "')}" to run it as`,
    'start Parley as an ordinary user',
  );
}

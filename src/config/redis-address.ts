/** Where a Redis server listens. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
}

/** What a `REDIS_URL` says: one server, the nodes of a Redis Cluster to begin with, or the Sentinels of a master. */
export interface RedisAddress {
  readonly kind: 'server' | 'cluster' | 'sentinel';
  readonly places: readonly RedisPlace[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Number of the database; a cluster has only 0. */
  readonly database: number;
  /** The name under which the Sentinels watch the master; empty for the other kinds. */
  readonly master: string;
}

const FORM = /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^/?#]*))?$/;
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;
const MASTER_NAME = /^[\w.-]+$/;

/**
 * Reads `redis://user:password@host:port/database`, `redis+cluster://h1:p1,h2:p2` or
 * `redis+sentinel://h1:p1,h2:p2/master`; `rediss` instead of `redis` speaks TLS.
 *
 * @throws Error saying what a value must be; it does not repeat the value, which may hold a password
 */
export function parseRedisUrl(url: string): RedisAddress {
  const [, scheme, kind = 'server', credentials, hosts = '', path = ''] = FORM.exec(url) ?? [];
  if (scheme === undefined) throw new Error(FORM_PROBLEM);
  const fallback = kind === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT;
  const places = hosts.split(',').map((host) => parsePlace(host, fallback));
  const problem = problemOf(kind, places.length, path);
  if (problem) throw new Error(problem);
  return {
    kind: kind as RedisAddress['kind'],
    places,
    tls: scheme === 'rediss',
    ...parseCredentials(credentials),
    database: kind === 'server' ? Number(path) : 0,
    master: kind === 'sentinel' ? path : '',
  };
}

function problemOf(kind: string, servers: number, path: string): string | undefined {
  if (kind === 'cluster') return path === '' ? undefined : DATABASE_PROBLEM;
  if (kind === 'sentinel') return MASTER_NAME.test(path) ? undefined : MASTER_PROBLEM;
  if (servers > 1) return HOSTS_PROBLEM;
  return /^\d{0,5}$/.test(path) ? undefined : FORM_PROBLEM;
}

function parsePlace(text: string, fallback: number): RedisPlace {
  const address = `http://${text}`;
  if (!URL.canParse(address)) throw new Error(FORM_PROBLEM);
  const [, port = String(fallback)] = /:(\d+)$/.exec(text) ?? []; // URL keeps no port 80
  if (Number(port) === 0) throw new Error(FORM_PROBLEM);
  return { host: new URL(address).hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function parseCredentials(text = ''): Pick<RedisAddress, 'username' | 'password'> {
  const [, username = '', password = ''] = /^([^:]*):?(.*)$/s.exec(text) ?? [];
  try {
    return {
      username: decodeURIComponent(username) || undefined,
      password: decodeURIComponent(password) || undefined,
    };
  } catch {
    throw new Error(FORM_PROBLEM);
  }
}

const FORM_PROBLEM =
  'must be redis://user:password@host:port/database (rediss:// with TLS), redis+cluster://h1:p1,h2:p2 or redis+sentinel://h1:p1,h2:p2/master';
const HOSTS_PROBLEM = 'must be redis+cluster:// or redis+sentinel:// when it names several servers';
const DATABASE_PROBLEM = 'must not name a database for a cluster, which has only one';
const MASTER_PROBLEM =
  'must end with the name under which the Sentinels watch the master: redis+sentinel://h1:p1,h2:p2/master';

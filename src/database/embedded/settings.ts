/** The superuser of the cluster. Only who can enter the cluster's directory can connect at all. */
export const SUPERUSER = 'parley';
/** The database Parley lives in. */
export const DATABASE = 'parley';
/** Only a part of the socket's file name: nothing listens on a network. */
export const PORT = 5432;

/** A socket path must fit in `sun_path`: 104 bytes with its end on macOS, 108 on Linux. */
const LONGEST_SOCKET_PATH = 103;

/** Whether a socket in this directory has a path that the operating system takes. */
export function socketFits(directory: string): boolean {
  return Buffer.byteLength(`${directory}/.s.PGSQL.${PORT}`) <= LONGEST_SOCKET_PATH;
}

/** What initdb writes into postgresql.conf, where it can be changed later. */
const INITIAL_SETTINGS = {
  max_connections: '100',
  shared_buffers: '128MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/**
 * What holds at each start. The log keeps a week, one file a day, and neither statements nor the errors that are
 * reported to the client anyway: they would carry people's messages.
 */
const FIXED_SETTINGS = {
  port: String(PORT),
  listen_addresses: '',
  unix_socket_permissions: '0700',
  cluster_name: 'parley',
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'postgresql-%a.log',
  log_rotation_age: '1d',
  log_rotation_size: '0',
  log_truncate_on_rotation: 'on',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
};

/** Arguments of initdb for a new cluster in `directory`. */
export function initdbArguments(directory: string): string[] {
  return [
    ...['-D', directory, '-U', SUPERUSER, '--auth=trust', '--no-instructions'],
    ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ...asOptions(INITIAL_SETTINGS),
  ];
}

/** Arguments of postgres. `socketDirectory` may be `.`, the cluster itself: then a running cluster can be moved. */
export function postgresArguments(cluster: string, socketDirectory: string): string[] {
  const listElement = `"${socketDirectory.replaceAll('"', '""')}"`;
  return ['-D', cluster, ...asOptions({ ...FIXED_SETTINGS, unix_socket_directories: listElement })];
}

function asOptions(settings: Record<string, string>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

import { findAccount } from '../../../src/database/embedded/account.js';
import { EmbeddedDatabaseError, fileFailure, serverFailure } from '../../../src/database/embedded/errors.js';
import { parsePidFile } from '../../../src/database/embedded/pid-file.js';
import { initdbArguments, postgresArguments, socketFits } from '../../../src/database/embedded/settings.js';

describe('the account for PostgreSQL', () => {
  const passwd = [
    'root:x:0:0:root:/root:/bin/bash',
    '# a comment',
    'toor:x:0:0::/:/bin/sh',
    'broken:x:twelve:0::/:',
    'nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin',
    'postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash',
  ].join('\n');

  it('is the first of the wanted names that exists', () => {
    expect(findAccount(passwd, ['postgres', 'nobody'])).toEqual({ name: 'postgres', uid: 101, gid: 104 });
    expect(findAccount(passwd, ['pgsql', 'nobody'])).toEqual({ name: 'nobody', uid: 65534, gid: 65533 });
  });

  it('is never root, nor an entry that makes no sense', () => {
    expect(findAccount(passwd, ['toor', 'root', 'broken', ''])).toBeUndefined();
    expect(findAccount('', ['nobody'])).toBeUndefined();
  });
});

describe('postmaster.pid', () => {
  it('tells who runs where', () => {
    const text = '4242\n/data/postgres\n1763877465\n5432\n/tmp/sockets\n\n 1 2\nready   \n';
    expect(parsePidFile(text)).toEqual({
      pid: 4242,
      port: 5432,
      socketDirectory: '/tmp/sockets',
      status: 'ready',
    });
  });

  it.each([
    ['nothing', ''],
    ['no number', 'x\n/data'],
  ])('is nobody’s with %s in it', (_, text) => {
    expect(parsePidFile(text)).toBeUndefined();
  });

  it('may be half written', () => {
    expect(parsePidFile('4242\n/data')).toEqual({ pid: 4242, port: 0, socketDirectory: '', status: '' });
  });

  it('has a minus before the id of a process in single-user mode', () => {
    expect(parsePidFile('-4242\n/data')?.pid).toBe(4242);
  });
});

describe('the arguments', () => {
  it('quote a socket directory for the list it is an element of', () => {
    expect(postgresArguments('/data', '/tmp/a "b", c')).toContain(
      'unix_socket_directories="/tmp/a ""b"", c"',
    );
  });

  it('keep PostgreSQL off the network and statements out of its log', () => {
    expect(postgresArguments('/data', '.')).toEqual(
      expect.arrayContaining(['listen_addresses=', 'log_min_messages=log', 'log_min_error_statement=panic']),
    );
  });

  it('make a cluster whose sorting does not depend on the machine', () => {
    expect(initdbArguments('/data')).toEqual(
      expect.arrayContaining(['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']),
    );
  });

  it('count a socket path in bytes', () => {
    expect(socketFits('/' + 'x'.repeat(88))).toBe(true);
    expect(socketFits('/' + 'x'.repeat(89))).toBe(false);
    expect(socketFits('/' + 'é'.repeat(45))).toBe(false);
  });
});

describe('a failure is one sentence with reason, remedy and DATABASE_URL', () => {
  it.each([
    ['ENOSPC', /the disk that holds \/data is full; free some space/],
    ['EROFS', /\/data cannot be written \(EROFS\)/],
    ['ENOTDIR', /\/data is not a directory/],
    ['EIO', /\/data cannot be used \(EIO\)/],
  ])('for %s', (code, expected) => {
    const { message } = fileFailure('/data', Object.assign(new Error('x'), { code }));
    expect(message).toMatch(expected);
    expect(message).toMatch(/^The embedded PostgreSQL cannot run: .*, or set DATABASE_URL to .*\.$/);
  });

  it.each([
    ['initdb: error: could not write file: No space left on device', /disk that holds \/data is full/],
    ['FATAL:  could not map anonymous shared memory: Cannot allocate memory', /too little \(shared\) memory/],
    ['initdb: error: could not access directory "/data": Permission denied', /may not read or write \/data/],
    [
      'LOG:  hello\nFATAL:  bogus control file\nit ended with code 1',
      /failed in \/data \(FATAL: {2}bogus control file\)/,
    ],
    ['', /it said nothing/],
  ])('for %j', (output, expected) => {
    const { message } = serverFailure('postgres', '/data', output);
    expect(message).toMatch(expected);
    expect(message).toMatch(/, or set DATABASE_URL to .*\.$/);
  });

  it('is told once, not wrapped again', () => {
    const failure = new EmbeddedDatabaseError('why');
    expect(fileFailure('/data', failure)).toBe(failure);
  });
});

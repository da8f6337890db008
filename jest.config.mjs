/**
 * Four kinds of test. `unit` is pure and needs no build; `integration` and `e2e` run the built program (dist/) and
 * share one real PostgreSQL, started before the first and stopped after the last; `cluster` starts all that it needs for
 * each of its tests.
 *
 * Everything is CommonJS in here, though the program is ESM: Jest's ESM support cannot load @nestjs/throttler, a
 * CommonJS package that requires ESM ones. The tests that start the built server cover the ESM side.
 */
const toCommonJs = {
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
  },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

const base = {
  testEnvironment: '<rootDir>/test/support/environment.cjs',
  transform: { '^.+\\.[cm]?[tj]s$': ['@swc/jest', toCommonJs] },
  // ESM-only packages that the tested code imports.
  transformIgnorePatterns: ['/node_modules/(?!(@nestjs|jose)/)'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  setupFiles: ['reflect-metadata'],
  setupFilesAfterEnv: ['<rootDir>/test/support/json-text-equality.ts'],
};

const withDatabase = {
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
};

const project = (name, extra = {}) => ({
  ...base,
  ...extra,
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
});

export default {
  maxWorkers: 2,
  testTimeout: 30_000,
  projects: [
    project('unit'),
    project('integration', withDatabase),
    project('e2e', withDatabase),
    project('cluster'),
    // Has no end of its own: `npm run soak` asks for it.
    ...(process.env.PARLEY_SOAK_MINUTES
      ? [{ ...project('soak'), testMatch: ['<rootDir>/test/cluster/*.soak.ts'] }]
      : []),
  ],
};

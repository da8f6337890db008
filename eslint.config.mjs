// @ts-check
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Globals of the plain JavaScript files; TypeScript checks its own. */
const nodeGlobals = Object.fromEntries(
  [
    'AbortController',
    'AbortSignal',
    'Buffer',
    'clearInterval',
    'clearTimeout',
    'console',
    'fetch',
    'performance',
  ]
    .concat(['process', 'queueMicrotask', 'setImmediate', 'setInterval', 'setTimeout', 'structuredClone'])
    .concat(['TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'globalThis'])
    .map((name) => [name, 'readonly']),
);

const httpExceptions = [
  ...['HttpException', 'BadRequestException', 'UnauthorizedException', 'ForbiddenException'],
  ...['NotFoundException', 'ConflictException', 'GoneException', 'PayloadTooLargeException'],
  ...['UnprocessableEntityException', 'InternalServerErrorException', 'ServiceUnavailableException'],
];

/** `no-restricted-imports` does not merge between blocks, so each block names its whole list. */
const restrictedImports = (...paths) => ({
  'no-restricted-imports': [
    'error',
    {
      paths: [
        {
          name: '@nestjs/common',
          importNames: ['forwardRef'],
          message: 'A cycle is a design error here: move what both sides need one level down.',
        },
        ...paths,
      ],
    },
  ],
});

const noEnvImport = ['process', 'node:process'].map((name) => ({
  name,
  importNames: ['env'],
  message: 'Only src/config reads the environment: inject the typed configuration.',
}));

const noHttpException = {
  name: '@nestjs/common',
  importNames: httpExceptions,
  message: 'Throw an error of the kernel table: only an http edge knows status codes.',
};

const noUncheckedInput = {
  name: '@nestjs/common',
  importNames: ['Body', 'Query', 'Param'],
  message: 'What a caller sends is checked: take the decorators of src/wire/inputs.ts.',
};

const noPipe = {
  name: '@nestjs/common',
  importNames: ['UsePipes'],
  message: 'src/wire/inputs.ts checks what a caller sends; a pipe would run beside it.',
};

const noEnvProperty = {
  'no-restricted-properties': [
    'error',
    {
      object: 'process',
      property: 'env',
      message: 'Only src/config reads the environment: inject the typed configuration.',
    },
  ],
};

export default tseslint.config(
  {
    ignores: ['**/dist/', '**/.dist-*/', '**/node_modules/', 'coverage/', 'data/', '**/*.d.ts'],
  },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['**/*.ts', '**/*.mts', '**/*.cts'],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.test.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // The rule leaves files with decorators alone when emitDecoratorMetadata is on: there the compiler needs
      // the value import for injection and DTO metadata (TS1272 covers the other direction).
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all', ignoreRestSiblings: true },
      ],
      // An async method without await still turns a throw into a rejection, which async interfaces promise.
      '@typescript-eslint/require-await': 'off',
      // undefined, null, objects and never in a template are mistakes; numbers are not.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 200, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 15],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportAllDeclaration',
          message: 'No barrel files: import from where the thing is defined.',
        },
        {
          selector: 'MethodDefinition[kind="constructor"] > FunctionExpression[params.length>5]',
          message: 'More than five dependencies: this class does more than one thing.',
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/max-params': ['error', { max: 6 }],
      'no-console': 'error',
      ...noEnvProperty,
      ...restrictedImports(noHttpException, noUncheckedInput, ...noEnvImport),
    },
  },
  {
    // What checks the input.
    files: ['src/wire/inputs.ts'],
    rules: restrictedImports(noHttpException, ...noEnvImport),
  },
  {
    // The http edge and the wiring speak HTTP.
    files: ['src/**/http/**/*.ts', 'src/*.ts', 'src/docs/**/*.ts'],
    rules: restrictedImports(noUncheckedInput, noPipe, ...noEnvImport),
  },
  {
    // The one reader of the environment.
    files: ['src/config/**/*.ts'],
    rules: { 'no-restricted-properties': 'off', ...restrictedImports(noHttpException) },
  },
  {
    // Programs a person runs in a terminal print to it.
    files: ['src/main.ts', 'src/cli/**/*.ts', 'src/docs/write.ts', 'src/database/dump-schema.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    // A migration is a list of SQL statements; splitting it would hide the order.
    files: ['src/database/migrations/**/*.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
  {
    // A test reads bodies that came over the wire, and a describe block is as long as its cases.
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: nodeGlobals },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { module: 'writable', require: 'readonly', __dirname: 'readonly' },
    },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  prettier,
);

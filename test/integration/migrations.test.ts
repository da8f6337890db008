import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { createDataSource, dataSourceOptions } from '../../src/database/data-source.js';
import { describeSchema } from '../../src/database/describe-schema.js';
import { FirstSchema1763856000000 } from '../../src/database/migrations/1763856000000-first-schema.js';
import { migrate, migrateDatabase } from '../../src/database/migrate.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.js';
import { startNode } from '../support/process.js';

const ROOT = join(__dirname, '../..');

describe('the migrations', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeEach(async () => {
    database = await createEmptyDatabase();
    dataSource = await createDataSource(database.connection).initialize();
  });
  afterEach(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it('make the schema that schema.sql shows', async () => {
    await migrate(dataSource);
    expect(await describeSchema(dataSource)).toBe(readFileSync(join(ROOT, 'schema.sql'), 'utf8'));
  });

  it('up, down, up gives the same schema, and down leaves nothing', async () => {
    const nothing = await describeSchema(dataSource);
    await migrate(dataSource);
    const schema = await describeSchema(dataSource);
    for (const _ of dataSource.migrations) await dataSource.undoLastMigration();
    expect(await describeSchema(dataSource)).toBe(nothing);
    await migrate(dataSource);
    expect(await describeSchema(dataSource)).toBe(schema);
    expect(schema).not.toBe(nothing);
  });

  it('bring a database of the first release to the present, and what is in it', async () => {
    await dataSource.destroy();
    dataSource = await withMigrations(database, [FirstSchema1763856000000]).initialize();
    await migrate(dataSource);
    await dataSource.query(`INSERT INTO accounts (name) VALUES ('one')`);
    await dataSource.query(
      `INSERT INTO platform_users (id, account_id, platform_user_id) SELECT 7, id, 'ann' FROM accounts`,
    );
    await dataSource.query(
      `INSERT INTO sessions (account_id, agent_session_id, user_id, updated_seq) SELECT id, 'first', 7, 1 FROM accounts`,
    );
    await migrateDatabase(database.connection);
    expect(await describeSchema(dataSource)).toBe(readFileSync(join(ROOT, 'schema.sql'), 'utf8'));
    expect(await dataSource.query('SELECT agent_session_id, counted_seq, counted FROM sessions')).toEqual([
      { agent_session_id: 'first', counted_seq: 0, counted: 0 },
    ]);
  });

  it('make what the entities say: TypeORM would change nothing', async () => {
    await migrate(dataSource);
    const { upQueries, downQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
    expect(downQueries.map(({ query }) => query)).toEqual([]);
  });

  it('notice an entity that differs', async () => {
    await migrate(dataSource);
    await dataSource.query('ALTER TABLE sessions ALTER COLUMN title SET NOT NULL');
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries).not.toEqual([]);
  });

  it('run once when five processes start together, and once more changes nothing', async () => {
    const script = `
      const { migrateDatabase } = await import(${JSON.stringify(`file://${ROOT}/dist/database/migrate.js`)});
      await migrateDatabase(${JSON.stringify(database.connection)});
      console.log('migrated');`;
    const processes = Array.from({ length: 5 }, () => startNode(['--input-type=module', '-e', script], {}));
    const codes = await Promise.all(processes.map(({ ended }) => ended));
    expect(processes.map((each) => each.output())).toEqual(Array(5).fill('migrated\n'));
    expect(codes).toEqual([0, 0, 0, 0, 0]);
    await migrateDatabase(database.connection);
    const applied: { name: string }[] = await dataSource.query('SELECT name FROM migrations ORDER BY id');
    expect(applied.map(({ name }) => name)).toEqual(dataSource.migrations.map(({ name }) => name));
    expect(await describeSchema(dataSource)).toBe(readFileSync(join(ROOT, 'schema.sql'), 'utf8'));
  });

  it('may take longer than a statement of the server', async () => {
    await dataSource.destroy();
    dataSource = await withMigrations(database, [AskForTimeout1]).initialize();
    await migrate(dataSource);
    expect(seenTimeout).toBe('0');
    const rows: { statement_timeout: string }[] = await dataSource.query('SHOW statement_timeout');
    expect(rows).toEqual([{ statement_timeout: '15s' }]);
  });

  it('leave nothing of one that fails, and the next start tries again', async () => {
    await dataSource.destroy();
    dataSource = await withMigrations(database, [FailHalfWay1]).initialize();
    const said = jest.spyOn(console, 'log').mockImplementation(() => undefined); // TypeORM's own line
    await expect(migrate(dataSource)).rejects.toThrow('half way');
    expect(await dataSource.query("SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
    await expect(migrate(dataSource)).rejects.toThrow('half way');
    said.mockRestore();
  });

  it('are what a test database is a copy of', async () => {
    await migrate(dataSource);
    const copy = await createTestDatabase();
    const source = await createDataSource(copy.connection).initialize();
    expect(await describeSchema(source)).toBe(await describeSchema(dataSource));
    await source.destroy();
    await copy.drop();
  });
});

let seenTimeout = '';

class AskForTimeout1 implements MigrationInterface {
  name = 'AskForTimeout1000000000001';
  async up(runner: QueryRunner): Promise<void> {
    const rows = (await runner.query('SHOW statement_timeout')) as { statement_timeout: string }[];
    seenTimeout = rows[0]?.statement_timeout ?? '';
  }
  async down(): Promise<void> {}
}

class FailHalfWay1 implements MigrationInterface {
  name = 'FailHalfWay1000000000002';
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half (id integer)');
    throw new Error('half way');
  }
  async down(): Promise<void> {}
}

function withMigrations(database: TestDatabase, migrations: (new () => MigrationInterface)[]): DataSource {
  return new DataSource({ ...dataSourceOptions(database.connection), migrations });
}

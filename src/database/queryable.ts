/** A prepared statement: PostgreSQL parses and plans it once for each connection, under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Something that runs prepared statements: the pool, a pipeline, or one transaction. Passed explicitly to whatever reads or writes. */
export interface Queryable {
  /** @throws ParleyError `service_unavailable` when the database is away; a `DatabaseError` of `pg` otherwise */
  query<Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
}

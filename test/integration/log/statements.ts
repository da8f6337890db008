import pg from 'pg';
import type { LogNode } from '../../support/log-node.js';

/** A prepared statement that the product ran, with the values of its last call. */
export interface Ran {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A node of a plan that ran. */
export interface PlanNode {
  'Node Type': string;
  'Actual Loops': number;
  'Relation Name'?: string;
  'Index Cond'?: string;
  Plans?: PlanNode[];
}

/** Every prepared statement that this process runs while `work` does: nothing is replaced, all of it reaches PostgreSQL. */
export async function statementsOf(work: () => Promise<void>): Promise<Ran[]> {
  const ran = new Map<string, Ran>();
  const query = jest.spyOn(pg.Client.prototype, 'query');
  try {
    await work();
    for (const [config] of query.mock.calls as unknown as [Partial<Ran> | string][])
      if (typeof config === 'object' && config.name !== undefined)
        ran.set(config.name, { name: config.name, text: config.text ?? '', values: config.values ?? [] });
  } finally {
    query.mockRestore();
  }
  return [...ran.values()];
}

/** Runs a statement again with the plan that the product has (a generic one), takes it back, and gives the plan. */
export async function planOf({ dataSource }: LogNode, { text, values }: Ran): Promise<PlanNode[]> {
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  try {
    await runner.query(`PREPARE explained AS ${text}`);
    const given = values.length > 0 ? `(${values.map(literal).join(', ')})` : '';
    const [row] = (await runner.query(`EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE explained${given}`)) as {
      'QUERY PLAN': [{ Plan: PlanNode }];
    }[];
    return nodesOf(row?.['QUERY PLAN'][0].Plan);
  } finally {
    await runner.rollbackTransaction();
    await runner.query('DEALLOCATE ALL');
    await runner.release();
  }
}

/** A value as `pg` sends it, as a literal of whatever type its parameter has. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return pg.escapeLiteral(Array.isArray(value) ? `{${value.map(element).join(',')}}` : textOf(value));
}

function element(value: unknown): string {
  return value === null || value === undefined
    ? 'NULL'
    : `"${textOf(value).replace(/[\\"]/g, String.raw`\$&`)}"`;
}

function textOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function nodesOf(plan: PlanNode | undefined): PlanNode[] {
  return plan ? [plan, ...(plan.Plans ?? []).flatMap(nodesOf)] : [];
}

import { sqlState } from './errors.js';

/** What a start says when statements of one connection run on several. */
export const TRANSACTION_POOLER =
  'DATABASE_URL leads to a pooler in transaction mode (PgBouncer, most often), and Parley needs connections of its own ' +
  '(LISTEN, prepared statements): use a direct connection or session mode.';

const START_UP_PARAMETERS =
  'DATABASE_URL leads to a pooler that refuses what Parley sets when it connects: use a direct connection, or session ' +
  'mode with "ignore_startup_parameters = options,statement_timeout" in PgBouncer.';

/** SQLSTATE of a prepared statement that is there before it was made, or gone after. */
const STRANGE_STATEMENT = /^(42P05|26000)$/;

/** Whether a pooler that does not fit is the reason of a failure, as one sentence; `undefined` when it is not. */
export function poolerProblem(error: unknown): string | undefined {
  if (STRANGE_STATEMENT.test(sqlState(error) ?? '')) return TRANSACTION_POOLER;
  return /unsupported startup parameter/.test(String(error)) ? START_UP_PARAMETERS : undefined;
}

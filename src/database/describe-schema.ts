import type { DataSource } from 'typeorm';

/** Everything that has a definition in the public schema, as the statements that would make it. */
const QUERIES = [
  `SELECT format(E'CREATE TABLE %I (\\n%s\\n)%s;', c.relname,
     string_agg(format('  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
       CASE WHEN a.attidentity = 'a' THEN ' GENERATED ALWAYS AS IDENTITY'
            WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END),
       E',\\n' ORDER BY a.attnum),
     coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')) AS line
   FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'migrations'
   GROUP BY c.oid ORDER BY c.relname COLLATE "C"`,
  `SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s;', c.relname, k.conname, pg_get_constraintdef(k.oid)) AS line
   FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
   WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'migrations' AND k.contype IN ('p', 'u', 'f', 'c')
   ORDER BY c.relname COLLATE "C", k.conname COLLATE "C"`,
  `SELECT pg_get_indexdef(i.indexrelid) || ';' AS line
   FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
   WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'migrations'
     AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
   ORDER BY n.relname COLLATE "C"`,
];

/** The schema as SQL, in an order that does not depend on how it came about: what `schema.sql` holds. */
export async function describeSchema(dataSource: DataSource): Promise<string> {
  const parts: string[] = [];
  for (const query of QUERIES) {
    const rows: { line: string }[] = await dataSource.query(query);
    parts.push(rows.map(({ line }) => line).join('\n'));
  }
  return `-- The schema that the migrations make. Written by \`npm run generate\`; do not edit.\n\n${parts.join('\n\n')}\n`;
}

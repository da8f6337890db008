import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';

const ROOT = join(__dirname, '../../..');

/** A file of this repository. */
export function fileText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The documents of a YAML file. @throws YAMLException when it is none */
export function yamlDocuments(path: string): any[] {
  return loadAll(fileText(path));
}

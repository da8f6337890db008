import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileText } from './yaml.js';

const MODEL = join(__dirname, '../../../bench/model.mjs');

it('docs/scaling.md shows what the model computes', () => {
  const text = fileText('docs/scaling.md');
  const shown = /<!-- test:model -->\n```\n([\s\S]*?)\n```\n<!-- \/test:model -->/.exec(text)?.[1];
  expect(shown).toBe(execFileSync(process.execPath, [MODEL], { encoding: 'utf8' }).trimEnd());
});

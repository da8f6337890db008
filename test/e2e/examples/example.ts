import { join } from 'node:path';
import { eventually } from '../../support/eventually.js';
import { startNode, type TestProcess } from '../../support/process.js';

const EXAMPLES = join(__dirname, '../../../examples');
const running = new Set<TestProcess>();

/** Starts a program of examples/ as a reader would. */
export function startExample(name: string, env: Record<string, string>): TestProcess {
  const example = startNode([join(EXAMPLES, name)], env, { cwd: '/' });
  running.add(example);
  return example;
}

/** Waits until a program has said this. */
export async function said(example: TestProcess, text: string): Promise<void> {
  await eventually(
    () => {
      if (!example.output().includes(text))
        throw new Error(`it did not say "${text}", but: ${example.output()}`);
    },
    { timeoutMs: 10_000 },
  );
}

/** Kills all that run: for `afterEach`. */
export async function killExamples(): Promise<void> {
  await Promise.all([...running].map((example) => example.kill()));
  running.clear();
}

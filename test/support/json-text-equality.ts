import { JsonText } from '../../src/kernel/json-text.js';

type Equals = (one: unknown, other: unknown, testers: unknown) => boolean;

/** A `JsonText` equals what says the same, however either is kept. */
function sayTheSame(this: { equals: Equals }, one: unknown, other: unknown, testers: unknown) {
  if (!(one instanceof JsonText) && !(other instanceof JsonText)) return undefined;
  return this.equals(plain(one), plain(other), testers);
}

const plain = (value: unknown): unknown => (value instanceof JsonText ? value.parse() : value);

// https://jestjs.io/docs/expect#expectaddequalitytesterstesters, which the types do not have yet
(expect as unknown as { addEqualityTesters(testers: unknown[]): void }).addEqualityTesters([sayTheSame]);

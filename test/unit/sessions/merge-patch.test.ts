import fc from 'fast-check';
import { findJsonProblem } from '../../../src/kernel/json.js';
import { mergePatch } from '../../../src/sessions/merge-patch.js';

const parsed = (text: string): unknown => JSON.parse(text);

/** What reaches it: a body with a `__proto__` key is refused before. */
const json = fc.jsonValue().filter((value) => findJsonProblem(value) === undefined);

describe('a merge patch', () => {
  // RFC 7396, appendix A, all of it.
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('of %s with %s is %s', (target, patch, result) => {
    expect(mergePatch(parsed(target), parsed(patch))).toEqual(parsed(result));
  });

  it('changes neither what it is given', () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        mergePatch(target, patch);
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });

  it('is the same twice', () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const once = mergePatch(target, patch);
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  it.each(['toString', 'constructor', 'hasOwnProperty', 'valueOf'])(
    'merges a field named %s like any other',
    (name) => {
      const patch = { [name]: { inner: 1, gone: null } };
      const result = mergePatch({}, patch) as object;
      expect(Object.entries(result)).toEqual([[name, { inner: 1 }]]);
    },
  );
});

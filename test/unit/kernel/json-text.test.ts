import fc from 'fast-check';
import { JsonText, toJson } from '../../../src/kernel/json-text.js';

const answers = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });

describe('JSON that is text already', () => {
  it('goes out as if it had been a value', () => {
    fc.assert(
      fc.property(answers, fc.jsonValue(), fc.string(), (answer, value, name) => {
        const written = { ...answer, [name]: new JsonText(JSON.stringify(value)) };
        expect(toJson(written)).toBe(JSON.stringify({ ...answer, [name]: value }));
        expect(JSON.stringify([written])).toBe(JSON.stringify([{ ...answer, [name]: value }]));
      }),
    );
  });

  it('is not written anew', () => {
    expect(toJson({ messages: new JsonText('[ 1.0 ]'), total: 1 })).toBe('{"messages":[ 1.0 ],"total":1}');
  });

  it('changes nothing for an answer without it', () => {
    for (const answer of [{}, [], { a: undefined, b: [{ c: new Date(0) }] }, ['text', null]])
      expect(toJson(answer)).toBe(JSON.stringify(answer));
  });

  it('leaves out a field that has no value', () => {
    expect(toJson({ messages: new JsonText('[]'), next_after: undefined })).toBe('{"messages":[]}');
  });
});

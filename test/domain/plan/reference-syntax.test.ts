import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseReference, parseReferences } from '../../../src/domain/plan/reference-syntax.ts';

describe('a reference is read', () => {
  test.each([
    ['input', { root: 'input', path: [] }],
    [' input.a[0].b ', { root: 'input', path: ['a', 0, 'b'] }],
    ['input[3]', { root: 'input', path: [3] }],
    ['steps.a.output', { root: 'steps', step: 'a', field: 'output', path: [] }],
    ['steps.a.result.b', { root: 'steps', step: 'a', field: 'output', path: ['b'] }],
    ['steps[2].output', { root: 'steps', step: 2, field: 'output', path: [] }],
    ['steps[0].result[1]', { root: 'steps', step: 0, field: 'output', path: [1] }],
    ['steps.a.failure.code', { root: 'steps', step: 'a', field: 'failure', path: ['code'] }],
    ['previous.output.x', { root: 'previous', path: ['x'] }],
    ['previous.result', { root: 'previous', path: [] }],
    ['secrets.TOKEN', { root: 'secrets', name: 'TOKEN' }],
    ['input.content-type', { root: 'input', path: ['content-type'] }],
    ['input.ключ.$#"', { root: 'input', path: ['ключ', '$#"'] }],
  ])('%j', (text, expected) => {
    const parsed = parseReference(text);
    expect(parsed).toMatchObject({ kind: 'reference', reference: expected });
  });
});

describe('a path under a known root is malformed', () => {
  test.each([
    'input.',
    'input..a',
    'input.a b',
    'input | json',
    'input[',
    'input[]',
    'input[-1]',
    'input[1.5]',
    'input[01]',
    'input[9999999999999999]',
    'input["a"]',
    'input]',
    'steps',
    'steps.a',
    'steps.a.b',
    'steps[x].output',
    'previous',
    'previous.failure',
    'secrets',
    'secrets.A.b',
    'secrets[0]',
  ])('%j', (text) => {
    expect(parseReference(text).kind).toBe('malformed');
  });
});

test.each(['', 'name', 'Input', 'inputs.a', 'env.HOME', '.input', 'this is prose'])(
  '%j belongs to another root',
  (text) => {
    expect(parseReference(text).kind).toBe('unknown_root');
  },
);

const kindsAndTexts = (text: string) =>
  parseReferences(text).map((part) => {
    if (part.kind === 'text') return part.text;
    return `<${part.kind} ${part.kind === 'reference' ? part.reference.source : part.source}>`;
  });

describe('a string falls into text and references', () => {
  test.each([
    ['', []],
    ['plain {x} }} {', ['plain {x} }} {']],
    ['{{input}}', ['<reference input>']],
    ['a {{ input.b }} c', ['a ', '<reference input.b>', ' c']],
    ['{{input.a}}{{input.b}}', ['<reference input.a>', '<reference input.b>']],
    ['{{{input}}}', ['{', '<reference input>', '}']],
    ['\\{{input}}', ['{{input}}']],
    ['\\{{ {{input}}', ['{{ ', '<reference input>']],
    ['{{name}} x', ['<unknown_root name>', '{{name}} x']],
    ['{{ name }}', ['<unknown_root name>', '{{ name }}']],
    ['{{steps.a}}', ['<malformed steps.a>', '{{steps.a}}']],
    ['say {{input and more', ['say ', '<malformed input and more>', '{{input and more']],
    ['{{ {{input}}', ['{{ ', '<reference input>']],
    ['{{a} }}', ['{{a} }}']],
    ['{{a \\{{input}}', ['{{a {{input}}']],
    ['{{input.a\\b}}', ['<reference input.a\\b>']],
  ])('%j', (text, expected) => {
    expect(kindsAndTexts(text)).toEqual(expected);
  });
});

test('no text is lost, whatever it is made of', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '{{',
    '}}',
    '\\',
    'input',
    '.a',
    '[0]',
    ' ',
    'steps',
    'x',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      const rebuilt = parseReferences(text).map((part) => {
        if (part.kind === 'text') return part.text;
        return part.kind === 'reference' ? `{{${part.reference.source}}}` : '';
      });
      const withoutSpaces = (value: string) => value.replaceAll(' ', '');
      expect(withoutSpaces(rebuilt.join(''))).toBe(withoutSpaces(text.replaceAll('\\{{', '{{')));
    }),
    { numRuns: 1000 },
  );
});

test.each(['{{', '{{a ', '{{input', '{{input.a.', '\\{{', '{{{', '{{}}'])(
  'a megabyte of %j is read quickly',
  (piece) => {
    const start = performance.now();
    parseReferences(piece.repeat(1_000_000 / piece.length));
    expect(performance.now() - start).toBeLessThan(5000);
  },
);

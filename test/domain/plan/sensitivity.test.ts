import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ResolvedStep } from '../../../src/contracts/plan.ts';
import { sensitiveByReading } from '../../../src/domain/plan/sensitivity.ts';

const idOf = (index: number): string => `s${index}`;

/** The ways in which a step comes to read the output of another one, which it waits for alone where it must. */
const WAYS = [
  'exact',
  'inside a text',
  'nested',
  'by index',
  'by its older name',
  'in the fallback',
  'in the compensation',
  'in the condition',
  'in the condition, in braces',
  'as previous',
  'flowing in',
  'flowing into the fallback',
] as const;
type Way = (typeof WAYS)[number];
/** And those in which it only seems to. */
const SEEMING = ['its failure', 'as literal text', 'a key', 'waits for it'] as const;
type Seeming = (typeof SEEMING)[number];

interface Draft {
  isSensitive: boolean;
  reads: { of: number; way: Way | Seeming }[];
}

const alternative = (params: ResolvedStep['params'], more: object = {}) => ({
  skill: 'x',
  skill_version: '1',
  params,
  ...more,
});

/** Several ways at once, of which those that need the one dependency are about the same step. */
function toStep({ isSensitive, reads }: Draft, index: number): ResolvedStep {
  const only = reads[0]?.of;
  const step: ResolvedStep = {
    ...alternative({}),
    id: idOf(index),
    index,
    depends_on: only === undefined ? [] : [idOf(only)],
    inline: false,
    policy: { max_attempts: 1, backoff_ms: 1, max_backoff_ms: 1, on_error: 'fail' },
    ...(isSensitive && { sensitive: true }),
  };
  for (const [n, { of, way }] of reads.entries()) {
    const key = `p${n}`;
    const reference = `{{steps.${idOf(of)}.output.a}}`;
    const put: Record<Way | Seeming, () => unknown> = {
      exact: () => (step.params[key] = reference),
      'inside a text': () => (step.params[key] = `is ${reference}!`),
      nested: () => (step.params[key] = [{ deep: [reference] }]),
      'by index': () => (step.params[key] = `{{ steps[${of}].result }}`),
      'by its older name': () => (step.params[key] = `{{steps.${idOf(of)}.result}}`),
      'in the fallback': () => (step.fallback = alternative({ [key]: reference })),
      'in the compensation': () => (step.compensate = alternative({ [key]: reference })),
      'in the condition': () => (step.when = { ref: `steps.${idOf(of)}.output`, op: 'exists' }),
      'in the condition, in braces': () => (step.when = { ref: reference, op: 'exists' }),
      'as previous': () => (step.params[key] = '{{previous.output}}'),
      'flowing in': () => (step.previous_into = 'data'),
      'flowing into the fallback': () =>
        (step.fallback = alternative({}, { previous_into: 'data' })),
      'its failure': () => (step.params[key] = `{{steps.${idOf(of)}.failure.code}}`),
      'as literal text': () => (step.params[key] = `\\{{steps.${idOf(of)}.output}}`),
      'a key': () => (step.params[reference] = key),
      'waits for it': () => undefined,
    };
    put[way]();
  }
  return step;
}

const NEEDS_PREVIOUS: ReadonlySet<string> = new Set([
  'as previous',
  'flowing in',
  'flowing into the fallback',
]);
/** Each of these is in the same place of the step, so that a step has one of them. */
const PLACE_OF: Readonly<Record<string, string>> = {
  'in the fallback': 'fallback',
  'flowing into the fallback': 'fallback',
  'in the compensation': 'compensate',
  'in the condition': 'when',
  'in the condition, in braces': 'when',
};

const drafts: fc.Arbitrary<Draft[]> = fc.integer({ min: 1, max: 9 }).chain((count) =>
  fc.tuple(
    ...Array.from({ length: count }, (_, index) =>
      fc.record({
        isSensitive: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
        reads:
          index === 0
            ? fc.constant<Draft['reads']>([])
            : fc
                .array(
                  fc.record({
                    of: fc.integer({ min: 0, max: index - 1 }),
                    way: fc.constantFrom<(Way | Seeming)[]>(...WAYS, ...SEEMING),
                  }),
                  { maxLength: 3 },
                )
                .map((reads) => {
                  const apart = reads.filter(
                    ({ way }, n) =>
                      PLACE_OF[way] === undefined ||
                      reads.findIndex((each) => PLACE_OF[each.way] === PLACE_OF[way]) === n,
                  );
                  return apart.map((read) =>
                    NEEDS_PREVIOUS.has(read.way) ? { ...read, of: apart[0]!.of } : read,
                  );
                }),
      }),
    ),
  ),
);

const isSeeming = (way: Way | Seeming): boolean => SEEMING.some((each) => each === way);

/** By the definition, step by step: each reads only steps before it. */
function expectedOf(list: readonly Draft[]): boolean[] {
  const sensitive: boolean[] = [];
  for (const { isSensitive, reads } of list)
    sensitive.push(isSensitive || reads.some(({ of, way }) => !isSeeming(way) && sensitive[of]!));
  return sensitive;
}

describe('a step is sensitive by what it reads', () => {
  test('exactly where it reads, itself or through others, the output of one that is; whatever the order of the list', () => {
    let found = 0;
    fc.assert(
      fc.property(drafts, fc.boolean(), (list, isReversed) => {
        const steps = list.map(toStep);
        const ids = list.map((_, index) => idOf(index));
        const from = sensitiveByReading(isReversed ? steps.toReversed() : steps, ids);
        const expected = expectedOf(list);
        found += from.size;
        expect(list.map(({ isSensitive }, n) => isSensitive || from.has(idOf(n)))).toEqual(
          expected,
        );
        for (const [id, source] of from) {
          const reader = ids.indexOf(id);
          expect(list[reader]!.isSensitive).toBe(false);
          expect(expected[ids.indexOf(source)]).toBe(true);
          expect(
            list[reader]!.reads.some(({ of, way }) => idOf(of) === source && !isSeeming(way)),
          ).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
    expect(found).toBeGreaterThan(1000);
  });

  test.each([...WAYS])('%s', (way) => {
    const steps = [
      toStep({ isSensitive: true, reads: [] }, 0),
      toStep({ isSensitive: false, reads: [{ of: 0, way }] }, 1),
    ];
    expect([...sensitiveByReading(steps, ['s0', 's1'])]).toEqual([['s1', 's0']]);
  });

  test('and ends where steps read each other, which no plan may', () => {
    const circle = [1, 2, 0].map((of, index) =>
      toStep({ isSensitive: index === 0, reads: [{ of, way: 'exact' }] }, index),
    );
    expect([...sensitiveByReading(circle, ['s0', 's1', 's2'])]).toEqual([
      ['s2', 's0'],
      ['s1', 's2'],
    ]);
  });
});

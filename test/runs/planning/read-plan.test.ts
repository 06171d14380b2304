import { expect, test } from '@jest/globals';
import { readPlan } from '../../../src/runs/planning/read-plan.ts';

const PLAN = { steps: [{ skill: 'json_transform', params: { query: '"}"' } }] };
const TEXT = JSON.stringify(PLAN);

test.each([
  ['the bare object', TEXT],
  ['with spaces and a byte order mark', `\ufeff\n ${TEXT} \n`],
  ['in a code fence', `\`\`\`json\n${JSON.stringify(PLAN, null, 2)}\n\`\`\``],
  ['between words', `Sure! Here is the plan:\n\n${TEXT}\n\nLet me know what you think.`],
  ['behind thoughts', `<think>Maybe {"steps": []}? No.</think>\n${TEXT}`],
])('a plan is found %s', (_, answer) => {
  expect(readPlan(answer)).toEqual(PLAN);
});

test('a bare list of steps is found too, between words', () => {
  expect(readPlan(`The steps are ${JSON.stringify(PLAN.steps)}.`)).toEqual(PLAN.steps);
});

test.each(['', 'I cannot do that.', '42', '"steps"', 'null', '{"steps": [', '}{', ']['])(
  'there is no plan in %j',
  (answer) => {
    expect(readPlan(answer)).toBeUndefined();
  },
);

test('a long answer without a plan is done with at once', () => {
  for (const answer of ['{'.repeat(1_000_000), '[}'.repeat(500_000), '</think>'.repeat(200_000)])
    expect(readPlan(answer)).toBeUndefined();
});

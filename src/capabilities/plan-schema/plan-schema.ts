import { z } from 'zod';
import type { JsonObject } from '../../contracts/json.ts';
import { STEPS_PER_PLAN_MAX } from '../../contracts/limits.ts';
import { Condition, Plan, RetryWish, Step, STEP_ID_PATTERN } from '../../contracts/plan.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { needsParams, paramsSchemaOf } from './params.ts';
import { REFERENCE_DEFS, refTo } from './references.ts';

type Contracts = ReadonlyMap<string, SkillContract>;

const propertiesOf = (schema: z.ZodObject): JsonObject =>
  (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonObject)[
    'properties'
  ] as JsonObject;

/**
 * A JSON Schema (2020-12) of what the check of plans takes, for models that write them and whoever checks theirs. What a
 * schema cannot say (that references lead to steps before, that dependencies make no circle) is left to the check.
 */
export function createPlanSchema(contracts: Contracts): JsonObject {
  const { steps: _steps, ...planFields } = propertiesOf(Plan);
  const steps = { type: 'array', items: refTo('step'), minItems: 1, maxItems: STEPS_PER_PLAN_MAX };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A plan of AOS',
    description:
      'Steps, each one call of a skill. They run in their order, or where any has `depends_on`, each after those that it names.',
    anyOf: [
      { ...steps, description: 'The steps alone.' },
      {
        type: 'object',
        properties: { ...planFields, on_budget: { const: 'fail' }, steps },
        required: ['steps'],
      },
    ],
    $defs: {
      ...REFERENCE_DEFS,
      step: stepSchema(contracts),
      call: callSchema(contracts),
      condition: conditionSchema(),
      retry: { type: 'object', properties: propertiesOf(RetryWish) },
      ...Object.fromEntries(
        [...contracts.values()].map((contract) => [paramsName(contract), paramsSchemaOf(contract)]),
      ),
    },
  };
}

const paramsName = ({ id }: SkillContract): string => `params_of_${id}`;

/** What a later version does of itself; a plan with one of them is refused. */
const LATER = { ask: false, approve: false, wait: false };

function stepSchema(contracts: Contracts): JsonObject {
  const { skill: _skill, params: _params, ...fields } = propertiesOf(Step);
  const call = callSchema(contracts);
  return {
    ...call,
    properties: {
      ...fields,
      ...(call['properties'] as JsonObject),
      ...LATER,
      id: { type: 'string', pattern: STEP_ID_PATTERN.source },
      depends_on: { type: 'array', items: { type: 'string' }, maxItems: STEPS_PER_PLAN_MAX },
      when: refTo('condition'),
      retry: refTo('retry'),
      on_error: { enum: ['fail', 'skip', 'fallback'] },
      fallback: refTo('call'),
      compensate: refTo('call'),
    },
    anyOf: [
      { required: ['fallback'] },
      { not: { properties: { on_error: { const: 'fallback' } }, required: ['on_error'] } },
    ],
  };
}

/** A call of a skill, whose params go by the skill. */
const callSchema = (contracts: Contracts): JsonObject => ({
  type: 'object',
  properties: {
    skill: { enum: [...contracts.keys()] },
    params: { type: 'object' },
    description: { type: 'string' },
  },
  required: ['skill'],
  oneOf: [...contracts.values()].map((contract) => ({
    properties: { skill: { const: contract.id }, params: refTo(paramsName(contract)) },
    required: needsParams(contract) ? ['skill', 'params'] : ['skill'],
  })),
});

const conditionSchema = (): JsonObject => ({
  type: 'object',
  properties: { ...propertiesOf(Condition), value: true },
  required: ['ref', 'op'],
  anyOf: [{ properties: { op: { enum: ['exists', 'not_exists'] } } }, { required: ['value'] }],
});

import { z } from 'zod';
import { isJsonObject } from '../../contracts/json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { HOLDS_REFERENCE } from './references.ts';

/** What JSON Schema cannot take from a refinement of zod, by the skills that have one. */
const RULES: Readonly<Record<string, (strict: JsonObject) => JsonObject>> = {
  // The check of the two comes after that of each param: one that waits for its value puts it off.
  json_transform: (strict) => ({
    anyOf: [
      { oneOf: [{ required: ['query'] }, { required: ['jq'] }] },
      { properties: { query: HOLDS_REFERENCE }, required: ['query'] },
      { not: strict },
    ],
  }),
  llm_invoke: () => ({
    anyOf: [{ oneOf: [{ required: ['prompt'] }, { required: ['messages'] }] }, HOLDS_REFERENCE],
  }),
  email_send: () => ({
    anyOf: [
      { required: ['text'] },
      { required: ['body'] },
      { required: ['html'] },
      HOLDS_REFERENCE,
    ],
  }),
};

/** Decides before the call, so it cannot wait for a value. */
const LITERAL_PARAMS: ReadonlySet<string> = new Set(['retry']);

/**
 * The schema of a skill's params in a plan: each may hold references in place of its value, and what flows in from the
 * step before may be left out. Unknown keys are warned about, so they are allowed.
 */
export function paramsSchemaOf(contract: SkillContract): JsonObject {
  const whole = z.toJSONSchema(contract.params, {
    io: 'input',
    unrepresentable: 'any',
  }) as JsonObject;
  const { $schema: _, required = [], ...strict } = openUp(whole) as JsonObject;
  const properties = Object.entries(strict['properties'] as JsonObject).map(
    ([name, schema]): [string, Json] => [
      name,
      LITERAL_PARAMS.has(name) ? schema : orReference(schema),
    ],
  );
  const flowing = contract.takes_previous?.into;
  const rule = RULES[contract.id];
  return {
    ...strict,
    description: contract.description,
    properties: Object.fromEntries(properties),
    required: (required as string[]).filter((name) => name !== flowing),
    ...rule?.(strict),
  };
}

/** Whether a step must give params: whether none would be refused. */
export const needsParams = ({ params, takes_previous: takes }: SkillContract): boolean =>
  !params.safeParse(takes ? { [takes.into]: null } : {}).success;

function orReference(schema: Json): Json {
  if (!isJsonObject(schema)) return schema;
  const { description, ...rest } = schema;
  const told = description === undefined ? {} : { description };
  // Any JSON takes references as it is.
  if (Object.keys(rest).length === 0) return schema;
  return { ...told, anyOf: [rest, HOLDS_REFERENCE] };
}

/** The schema without refusals of keys that it does not name. */
function openUp(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(openUp);
  if (!isJsonObject(schema)) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) =>
      !(key === 'additionalProperties' && value === false) && key !== 'propertyNames',
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, openUp(value)]));
}

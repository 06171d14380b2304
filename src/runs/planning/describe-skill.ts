import { isJsonObject } from '../../contracts/json.ts';
import type { Json } from '../../contracts/json.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { viewSkill } from '../../skills/view-skill.ts';

/** What a schema says only for a machine. */
const isBare = (key: string, value: Json): boolean =>
  key === '$schema' ||
  key === 'propertyNames' ||
  (key === 'additionalProperties' && !(isJsonObject(value) && Object.keys(value).length > 0)) ||
  (typeof value === 'number' && Math.abs(value) === Number.MAX_SAFE_INTEGER);

function compact(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(compact);
  if (!isJsonObject(schema)) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => !isBare(key, value));
  return Object.fromEntries(kept.map(([key, value]) => [key, compact(value)]));
}

/** A contract in one line of JSON: what a model needs to call the skill. */
export function describeSkill(contract: SkillContract): string {
  const { id, description, input_schema, output_schema, cost_model } = viewSkill(contract);
  return JSON.stringify({
    skill: id,
    description,
    params: compact(input_schema),
    output: compact(output_schema),
    cost: cost_model.note,
    side_effects: contract.side_effects,
    ...(contract.takes_previous && { takes_previous_output_into: contract.takes_previous.into }),
    ...(contract.passes_on !== undefined && { passes_on_of_its_output: contract.passes_on }),
  });
}

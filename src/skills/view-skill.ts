import { z } from 'zod';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { Json } from '../contracts/json.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { SkillContract, SkillView } from '../contracts/skill.ts';

/** Shows a contract with its schemas as JSON Schema. */
export function viewSkill(contract: SkillContract): SkillView {
  const input = z.toJSONSchema(contract.params, { io: 'input', unrepresentable: 'any' }) as Json;
  const output = z.toJSONSchema(contract.output, { unrepresentable: 'any' }) as Json;
  const baseCents = centsFromMicroCents(contract.cost.base_micro_cents);
  return {
    id: contract.id,
    skill_id: contract.id,
    name: contract.name,
    version: contract.version,
    description: contract.description,
    available: contract.lacks === undefined,
    ...(contract.lacks && { availability: contract.lacks }),
    annotations: annotationsOf(contract),
    input_schema: input,
    output_schema: output,
    params_schema: input,
    return_schema: output,
    cost_model: {
      per: contract.cost.per,
      base_cents: baseCents,
      fixed_cents: baseCents,
      note: contract.cost.note,
    },
    latency: contract.latency,
    timeout: contract.timeout,
    retry: contract.retry,
    constraints: contract.limits,
    limits: contract.limits,
    side_effects: contract.side_effects,
    idempotent: contract.idempotent,
    inline: contract.inline,
    failure_modes: contract.failure_modes.map(({ code, description, probability }) => ({
      code,
      category: FAILURE_CODES[code].category,
      description,
      retryable: FAILURE_CODES[code].retryable,
      probability,
    })),
  };
}

/** The hints that MCP has for a tool, as true as one word for all calls of a skill can be. */
function annotationsOf(contract: SkillContract): SkillView['annotations'] {
  const { side_effects: effects, hints } = contract;
  const readOnlyHint = hints?.readOnly ?? (effects === 'none' || effects === 'reads');
  return {
    title: contract.name,
    readOnlyHint,
    destructiveHint: hints?.destructive ?? !readOnlyHint,
    idempotentHint: hints?.idempotent ?? contract.idempotent === 'always',
    openWorldHint: effects === 'outside',
  };
}

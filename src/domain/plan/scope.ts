import { isJsonObject } from '../../contracts/json.ts';
import type { Json } from '../../contracts/json.ts';
import type { PathPart, Reference } from './reference-syntax.ts';
import { clip, quote, quoteSome } from './wording.ts';

/** What a step's references can see: the run's input and the values of finished steps. */
export interface Scope {
  input: Json;
  /** The ids of the plan's steps, by their index. */
  stepIds: readonly string[];
  steps: ReadonlyMap<string, { output?: Json; failure?: Json }>;
  /** The step's one dependency, when it has exactly one. */
  previousId?: string;
  /** What stands for a secret in a call; absent where none may be used. */
  tokenOf?: (name: string) => string;
}

export type Found = { found: true; value: Json } | { found: false; message: string };

const missing = (reference: Reference, why: string): Found => ({
  found: false,
  message: `\`{{${clip(reference.source, 200)}}}\`: ${why}`,
});

/** The id of the step that a reference reads, if it reads one. */
export function stepIdOf(
  reference: Reference,
  stepIds: readonly string[],
  previousId: string | undefined,
): string | undefined {
  if (reference.root === 'previous') return previousId;
  if (reference.root !== 'steps') return undefined;
  return typeof reference.step === 'number' ? stepIds[reference.step] : reference.step;
}

function describe(value: Json): string {
  if (Array.isArray(value)) return `is a list of ${value.length} items`;
  if (!isJsonObject(value)) return value === null ? 'is null' : `is a ${typeof value}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? 'is an empty object' : `is an object with the keys ${quoteSome(keys)}`;
}

const spell = (part: PathPart): string => (typeof part === 'number' ? `[${part}]` : `.${part}`);

function follow(reference: Reference, start: Json, startName: string): Found {
  let value = start;
  let name = startName;
  for (const part of reference.path) {
    // Own properties of objects and items of lists, nothing that a prototype lends.
    if (typeof part === 'number' && Array.isArray(value) && part < value.length) {
      value = value[part]!;
    } else if (typeof part === 'string' && isJsonObject(value) && Object.hasOwn(value, part)) {
      value = value[part]!;
    } else {
      return missing(
        reference,
        `\`${clip(name, 200)}\` ${describe(value)}, so it has no ${quote(spell(part))}. Correct the path.`,
      );
    }
    name += spell(part);
  }
  return { found: true, value };
}

/** The value a reference stands for, or which part of it is missing and what is there instead. */
export function lookUp(reference: Reference, scope: Scope): Found {
  if (reference.root === 'input') return follow(reference, scope.input, 'input');
  if (reference.root === 'secrets') {
    if (!scope.tokenOf) return missing(reference, 'secrets cannot be read here.');
    return { found: true, value: scope.tokenOf(reference.name) };
  }
  const id = stepIdOf(reference, scope.stepIds, scope.previousId);
  if (id === undefined) return missing(reference, 'there is no such step.');
  const field = reference.root === 'steps' ? reference.field : 'output';
  const value = scope.steps.get(id)?.[field];
  if (value !== undefined) return follow(reference, value, `steps.${id}.${field}`);
  const why =
    field === 'failure'
      ? `step ${quote(id)} has no failure. Guard this step with \`when\` and \`exists\`.`
      : `step ${quote(id)} was skipped or has no output. Guard this step with \`when\` and \`exists\`.`;
  return missing(reference, why);
}

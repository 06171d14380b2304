import { isJsonObject } from '../../contracts/json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { keepKnown } from './known-keys.ts';
import type { PlanContext } from './plan-context.ts';
import { childPointer, pointerOf } from './pointer.ts';
import { issuesOf } from './schema-issues.ts';
import { isUnsettled, unsettledIn } from './unsettled.ts';
import { quote } from './wording.ts';

/** Tells what the skill's schema says about the literal part of the params; answers the paths it told of. */
export function checkParams(
  context: PlanContext,
  contract: SkillContract,
  pointer: string,
  params: JsonObject,
  previousInto: string | undefined,
  meant: ReadonlySet<string>,
): ReadonlySet<string> {
  const told = new Set<string>();
  // Null stands in for what will flow in, so that a schema which asks for a value there finds one.
  const judged = previousInto === undefined ? params : { ...params, [previousInto]: null };
  const parsed = contract.params.safeParse(judged);
  if (parsed.success) return told;
  const unsettled = unsettledIn(params);
  for (const { path, message, isMissing } of issuesOf(parsed.error, judged)) {
    if (previousInto !== undefined && path[0] === previousInto) continue;
    if (isUnsettled(unsettled, path)) continue;
    if (isMissing && path.length === 1 && meant.has(String(path[0]))) continue;
    told.add(path.join('/'));
    context.problems.add(
      () => pointerOf(pointer, path),
      'PARAMS_INVALID',
      () => {
        const name = path.length === 0 ? 'params' : quote(path.join('.'));
        return `${name} of ${quote(contract.id)}: ${message}`;
      },
    );
  }
  return told;
}

interface ZodNode {
  type: string;
  innerType?: { def: ZodNode };
  shape?: object;
  catchall?: { def: ZodNode };
}

/** The keys of a param that is an object with fixed keys; undefined for a free map or any other value. */
function closedKeysOf(contract: SkillContract, key: string): string[] | undefined {
  let node = contract.params.shape[key]?._zod.def as ZodNode | undefined;
  while (node?.innerType) node = node.innerType.def;
  const isOpen = node?.catchall !== undefined && node.catchall.def.type !== 'never';
  return node?.shape && !isOpen ? Object.keys(node.shape) : undefined;
}

/** Keeps the params that the skill knows, and what it knows inside a param with fixed keys. */
export function keepKnownParams(
  context: PlanContext,
  contract: SkillContract,
  pointer: string,
  params: JsonObject,
): { params: JsonObject; meant: ReadonlySet<string> } {
  const noun = `the skill ${quote(contract.id)}`;
  const known = keepKnown(params, Object.keys(contract.params.shape), pointer, noun, context);
  const entries = Object.entries(known.entries).map(([key, value]): [string, Json] => {
    const keys = isJsonObject(value) ? closedKeysOf(contract, key) : undefined;
    if (!keys || !isJsonObject(value)) return [key, value];
    const at = childPointer(pointer, key);
    return [key, keepKnown(value, keys, at, quote(key), context).entries];
  });
  return { params: Object.fromEntries(entries), meant: known.meant };
}

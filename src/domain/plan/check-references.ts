import type { Json } from '../../contracts/json.ts';
import { nearest } from '../near-miss.ts';
import { SECRET_NAME_PATTERN as SECRET_NAME } from '../../contracts/secret-name.ts';
import type { PlanContext, StepPlace } from './plan-context.ts';
import { REFERENCE_ROOTS } from './reference-syntax.ts';
import type { ParsedReference, Reference } from './reference-syntax.ts';
import { bracedPartsOf } from './references.ts';
import { clip, didYouMean, quote } from './wording.ts';

const show = (source: string): string => `\`{{${clip(source, 200)}}}\``;

function checkStepReference(
  context: PlanContext,
  place: StepPlace,
  pointer: string | (() => string),
  reference: Reference & { root: 'steps' },
): void {
  const { problems, ids, indexOf } = context;
  const { step, source } = reference;
  const other = typeof step === 'string' ? indexOf.get(step) : step < ids.length ? step : undefined;
  if (other === undefined) {
    const near = (): string | undefined =>
      typeof step === 'string' ? nearest(step, ids) : undefined;
    problems.add(
      pointer,
      'REFERENCE_UNKNOWN_STEP',
      () =>
        typeof step === 'string'
          ? `${show(source)}: the plan has no step ${quote(step)}${didYouMean(near())}`
          : `${show(source)}: the plan has ${ids.length} steps, so \`[N]\` goes from 0 to ${ids.length - 1}.`,
      near,
    );
    return;
  }
  const id = quote(ids[other]!);
  if (other === place.index) {
    if (place.readsItself === true) return;
    problems.add(
      pointer,
      'REFERENCE_NOT_BEFORE',
      () => `${show(source)}: step ${id} cannot read its own ${reference.field}.`,
    );
  } else if (context.ancestors.has(place.index, other) === false) {
    problems.add(
      pointer,
      'REFERENCE_NOT_BEFORE',
      () =>
        `${show(source)}: step ${id} need not be done before this one. Add it to \`depends_on\`.`,
    );
  }
}

function checkSecretReference(
  { problems }: PlanContext,
  pointer: string | (() => string),
  { name, source }: Reference & { root: 'secrets' },
  isSecretParam: boolean,
): void {
  if (!isSecretParam) {
    problems.add(
      pointer,
      'SECRET_MISPLACED',
      () =>
        `${show(source)}: a secret may stand only in \`headers\`, \`query\` or \`body\` of \`http_call\`. Move it there.`,
    );
  } else if (!SECRET_NAME.test(name)) {
    problems.add(
      pointer,
      'REFERENCE_INVALID',
      () =>
        `${show(source)}: ${quote(name)} is no name of a secret: a letter, then up to 63 letters, digits, \`_\` or \`-\`.`,
    );
  }
}

/** Checks one reference, or what was meant as one. */
export function checkReference(
  context: PlanContext,
  place: StepPlace,
  pointer: string | (() => string),
  part: Exclude<ParsedReference, { kind: 'unknown_root' }>,
  isSecretParam = false,
): void {
  const { problems } = context;
  if (part.kind === 'malformed') {
    problems.add(
      pointer,
      'REFERENCE_INVALID',
      () =>
        `${quote(part.source)} is not a valid reference: ${part.why}. Literal braces are written \`\\{{\`.`,
    );
    return;
  }
  const { reference } = part;
  if (reference.root === 'secrets') {
    checkSecretReference(context, pointer, reference, isSecretParam);
  } else if (reference.root === 'previous') {
    const count = place.dependencies.length;
    if (count === 1 || place.isUncertain) return;
    problems.add(
      pointer,
      'PREVIOUS_AMBIGUOUS',
      () =>
        `${show(reference.source)} needs exactly one dependency, but the step has ${count}. Name the step: \`{{steps.ID.output}}\`.`,
    );
  } else if (reference.root === 'steps') {
    checkStepReference(context, place, pointer, reference);
  }
}

/** Checks every reference in a value; what a string says twice is told once. */
export function checkReferences(
  context: PlanContext,
  place: StepPlace,
  pointer: string,
  value: Json,
  secretParams: readonly string[] = [],
): void {
  const isInSecretParam = (part: ParsedReference, at: () => string): boolean =>
    part.kind === 'reference' &&
    part.reference.root === 'secrets' &&
    secretParams.some((param) => `${at()}/`.startsWith(`${pointer}/${param}/`));
  for (const { pointer: at, parts } of bracedPartsOf(value, pointer)) {
    const bySource = new Map(parts.map((part) => [sourceOf(part), part]));
    for (const part of bySource.values()) {
      if (part.kind !== 'unknown_root')
        checkReference(context, place, at, part, isInSecretParam(part, at));
      else warnOfRoot(context, at, part.source, part.root);
    }
  }
}

const sourceOf = (part: ParsedReference): string =>
  part.kind === 'reference' ? part.reference.source : part.source;

function warnOfRoot(
  { warnings }: PlanContext,
  pointer: () => string,
  source: string,
  root: string,
): void {
  warnings.add(
    pointer,
    'NOT_A_REFERENCE',
    () =>
      `${show(source)} stays text: ${quote(root)} is no root of a reference${didYouMean(nearest(root, REFERENCE_ROOTS))}`,
  );
}

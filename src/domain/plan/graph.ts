export interface GraphStep {
  id: string;
  depends_on?: readonly string[] | undefined;
}

/** A fault of one entry of a `depends_on`, both named by their index. */
export interface GraphFault {
  kind: 'unknown' | 'self' | 'duplicate';
  step: number;
  entry: number;
  id: string;
}

export interface Dependencies {
  /** For each step the indexes of those it waits for: known, each once, in the plan's own order of writing. */
  lists: number[][];
  faults: GraphFault[];
}

/** In order: every step waits for the one before it. */
export const dependenciesInOrder = (stepCount: number): Dependencies => ({
  lists: Array.from({ length: stepCount }, (_, index) => (index === 0 ? [] : [index - 1])),
  faults: [],
});

/** As the steps say; a step without `depends_on` waits for none. */
export function dependenciesAsWritten(
  steps: readonly GraphStep[],
  indexOf: ReadonlyMap<string, number>,
): Dependencies {
  const faults: GraphFault[] = [];
  const lists = steps.map((step, index) => {
    const known = new Set<number>();
    for (const [entry, id] of (step.depends_on ?? []).entries()) {
      const dependency = indexOf.get(id);
      const fault = { step: index, entry, id };
      if (dependency === undefined) faults.push({ kind: 'unknown', ...fault });
      else if (dependency === index) faults.push({ kind: 'self', ...fault });
      else if (known.has(dependency)) faults.push({ kind: 'duplicate', ...fault });
      else known.add(dependency);
    }
    return [...known];
  });
  return { lists, faults };
}

/** The steps in an order in which each comes after all it waits for; steps in or behind a cycle are left out. */
export function topologicalOrder(lists: readonly (readonly number[])[]): number[] {
  const dependants: number[][] = lists.map(() => []);
  const waitingFor = lists.map((list) => list.length);
  for (const [step, list] of lists.entries()) {
    for (const dependency of list) dependants[dependency]!.push(step);
  }
  const order = [...lists.keys()].filter((step) => waitingFor[step] === 0);
  for (const step of order) {
    for (const dependant of dependants[step]!) {
      waitingFor[dependant]! -= 1;
      if (waitingFor[dependant] === 0) order.push(dependant);
    }
  }
  return order;
}

/** At least one cycle of every knot, each beginning with its first step of the plan and going on to what that waits for. */
export function findCycles(lists: readonly (readonly number[])[]): number[][] {
  const ordered = new Set(topologicalOrder(lists));
  const walkOf = new Map<number, number>();
  const cycles: number[][] = [];
  for (const start of lists.keys()) {
    const walk: number[] = [];
    let step: number | undefined = start;
    // Every step that is left waits for another one that is left, so the walk ends in a cycle or in an earlier walk.
    while (step !== undefined && !ordered.has(step) && !walkOf.has(step)) {
      walkOf.set(step, start);
      walk.push(step);
      step = lists[step]!.find((dependency) => !ordered.has(dependency));
    }
    if (step === undefined || walkOf.get(step) !== start || walk.length === 0) continue;
    const cycle = walk.slice(walk.indexOf(step));
    const first = cycle.indexOf(Math.min(...cycle));
    cycles.push([...cycle.slice(first), ...cycle.slice(0, first)]);
  }
  return cycles;
}

export interface Ancestors {
  /** Whether `other` must be done before `step` starts; undefined for a step in or behind a cycle. */
  has(step: number, other: number): boolean | undefined;
}

/** All that each step waits for, directly or through others, as one set of bits a step. */
export function ancestorsOf(lists: readonly (readonly number[])[]): Ancestors {
  const words = Math.ceil(lists.length / 32);
  const sets = new Map<number, Uint32Array>();
  for (const step of topologicalOrder(lists)) {
    const bits = new Uint32Array(words);
    for (const dependency of lists[step]!) {
      const inherited = sets.get(dependency)!;
      for (let word = 0; word < words; word += 1) bits[word]! |= inherited[word]!;
      bits[dependency >>> 5]! |= 1 << (dependency & 31);
    }
    sets.set(step, bits);
  }
  return {
    has(step, other) {
      const bits = sets.get(step);
      return bits && (bits[other >>> 5]! & (1 << (other & 31))) !== 0;
    },
  };
}

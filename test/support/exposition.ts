export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  type: string;
  help: string;
  samples: Sample[];
}

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;
const ENDINGS: Record<string, readonly string[]> = { histogram: ['_bucket', '_sum', '_count'] };

/**
 * Reads Prometheus' text format 0.0.4 as strictly as its own tools do: a family is in one piece, with one HELP and one
 * TYPE before its samples; no series comes twice; a histogram's buckets grow and end with its count. Throws otherwise.
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the text does not end with a line break');
  const families = new Map<string, Family>();
  let current: [string, Family] | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, word, commented, rest] = COMMENT.exec(line) ?? [];
    if (word === 'HELP') {
      if (families.has(commented!)) throw new Error(`${commented} comes twice`);
      current = [commented!, { type: '', help: rest!, samples: [] }];
      families.set(...current);
    } else if (word === 'TYPE') {
      if (current?.[0] !== commented || current![1].type !== '') throw new Error(`stray ${line}`);
      current![1].type = rest!;
    } else {
      const sample = parseSample(line);
      const [name, family] = current ?? ['', undefined];
      const names = (ENDINGS[family?.type ?? ''] ?? ['']).map((ending) => name + ending);
      if (!names.includes(sample.name)) throw new Error(`stray ${line}`);
      family!.samples.push(sample);
    }
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function parseSample(line: string): Sample {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  const found: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < labels.length) {
    const match = LABEL.exec(labels);
    if (!match || match[1]! in found) throw new Error(`bad labels: ${line}`);
    found[match[1]!] = match[2]!;
  }
  const number = value === '+Inf' ? Infinity : Number(value);
  // A mean of nothing is none, in whatever case.
  if (Number.isNaN(number) && !/^nan$/i.test(value!)) throw new Error(`no number: ${line}`);
  return { name, labels: found, value: number };
}

/** The same text for the same labels, in whatever order they come. */
const keyOfLabels = (labels: Sample['labels']): string =>
  Object.keys(labels)
    .toSorted()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`)
    .join();
const keyOf = ({ name, labels }: Sample): string => `${name} ${keyOfLabels(labels)}`;

function checkFamily(name: string, { type, samples }: Family): void {
  if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`${name} is a ${type}`);
  const keys = samples.map(keyOf);
  if (new Set(keys).size !== keys.length) throw new Error(`${name} has a series twice`);
  if (type !== 'histogram') return;
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = keyOfLabels(labels);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name.endsWith('_bucket'));
    const counts = buckets.map((bucket) => bucket.value);
    const last = buckets.at(-1);
    const count = group.find((sample) => sample.name.endsWith('_count'));
    const isGrowing = counts.every((value, index) => value >= (counts[index - 1] ?? 0));
    if (!isGrowing || last?.labels['le'] !== '+Inf' || last.value !== count?.value)
      throw new Error(`${name} has bad buckets`);
  }
}

/** The value of the one series with exactly these labels, 0 when there is none. */
export function valueOf(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(count|sum|bucket)$/, ''));
  const key = keyOf({ name, labels, value: 0 });
  return family?.samples.find((sample) => keyOf(sample) === key)?.value ?? 0;
}

const SHORT_WORD_LETTERS = 6;

const spelling = (word: string): string => word.toLowerCase().replaceAll(/[_-]/g, '');

/** Edits that turn the rest of one word into the rest of the other, two swapped neighbours being one; Infinity when above `max`. */
function editDistance(left: string, right: string, max: number, at = 0, against = 0): number {
  let i = at;
  let j = against;
  while (i < left.length && left[i] === right[j]) {
    i += 1;
    j += 1;
  }
  const leftRest = left.length - i;
  const rightRest = right.length - j;
  if (leftRest === 0 && rightRest === 0) return 0;
  if (max === 0 || Math.abs(leftRest - rightRest) > max) return Infinity;
  const after = (leftSteps: number, rightSteps: number): number =>
    leftSteps > leftRest || rightSteps > rightRest
      ? Infinity
      : 1 + editDistance(left, right, max - 1, i + leftSteps, j + rightSteps);
  const isSwapped = leftRest > 1 && left[i] === right[j + 1] && left[i + 1] === right[j];
  return Math.min(after(1, 1), after(1, 0), after(0, 1), isSwapped ? after(2, 2) : Infinity);
}

/** The known word that `word` was probably meant to be: the closest within two edits, one for short words. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const lowered = word.toLowerCase();
  const spelled = spelling(word);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    if (candidate === word) return candidate;
    const max = Math.min(word.length, candidate.length) < SHORT_WORD_LETTERS ? 1 : 2;
    const edits = editDistance(lowered, candidate.toLowerCase(), max);
    const distance = edits === Infinity && spelled === spelling(candidate) ? max : edits;
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

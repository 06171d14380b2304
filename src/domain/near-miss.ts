const SHORT_WORD_LETTERS = 6;

const spelling = (word: string): string => word.toLowerCase().replaceAll(/[_-]/g, '');

/** Edits that turn one word into the other; two swapped neighbours count as one. Infinity when above `max`. */
function editDistance(left: string, right: string, max: number): number {
  if (Math.abs(left.length - right.length) > max) return Infinity;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        previous[column]! + 1,
        current[column - 1]! + 1,
        previous[column - 1]! + (same ? 0 : 1),
      );
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, beforePrevious[column - 2]! + 1);
      current.push(cost);
    }
    if (Math.min(...current) > max) return Infinity;
    beforePrevious = previous;
    previous = current;
  }
  const distance = previous[right.length]!;
  return distance > max ? Infinity : distance;
}

function distanceBetween(left: string, right: string): number {
  if (left === right) return 0;
  const max = Math.min(left.length, right.length) < SHORT_WORD_LETTERS ? 1 : 2;
  if (Math.abs(left.length - right.length) <= max) {
    const distance = editDistance(left.toLowerCase(), right.toLowerCase(), max);
    if (distance !== Infinity) return distance;
  }
  return spelling(left) === spelling(right) ? 0 : Infinity;
}

/** The known word that `word` was probably meant to be: the closest within two edits, one for short words. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = distanceBetween(word, candidate);
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

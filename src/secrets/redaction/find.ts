const HEAD_LENGTH = 8;

/** A text that is looked for, and by how many characters around it is known too little to show them. */
export interface Needle {
  text: string;
  before: number;
  after: number;
}

/** For every length of a beginning, the longest shorter beginning that it ends with (Knuth, Morris and Pratt). */
function fallbacksOf(text: string): Uint32Array {
  const fallbacks = new Uint32Array(text.length);
  let length = 0;
  for (let at = 1; at < text.length; at += 1) {
    while (length > 0 && text[at] !== text[length]) length = fallbacks[length - 1]!;
    if (text[at] === text[length]) length += 1;
    fallbacks[at] = length;
  }
  return fallbacks;
}

/** Tells every place of a needle in a text, in their order, in a time that grows with the text alone. */
export type Find = (text: string, tell: (from: number, to: number) => void) => void;

/** Looks for the beginning natively, and from there on by the automaton, so that no text makes it slow. */
export function createFind({ text: sought, before, after }: Needle): Find {
  const head = sought.slice(0, HEAD_LENGTH);
  const fallbacks = fallbacksOf(sought);
  return (text, tell) => {
    let start = text.indexOf(head);
    while (start !== -1) {
      let at = start + head.length;
      let matched = head.length;
      while (matched > 0) {
        if (matched === sought.length) {
          tell(Math.max(0, at - matched - before), Math.min(text.length, at + after));
          matched = fallbacks[matched - 1]!;
        } else if (at === text.length) {
          return;
        } else if (text.charCodeAt(at) === sought.charCodeAt(matched)) {
          at += 1;
          matched += 1;
        } else {
          matched = fallbacks[matched - 1]!;
        }
      }
      start = text.indexOf(head, at);
    }
  };
}

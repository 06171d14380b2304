import { once } from 'node:events';
import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Reads one answer from the front of what a socket has received; undefined while it is not whole. */
function parseAnswer(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first, ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const length = Number(headers.get('content-length'));
  const body = text.slice(end + 4);
  return body.length < length
    ? undefined
    : { status: Number(first!.split(' ')[1]), headers, body: body.slice(0, length) };
}

/** One connection: each part is sent, and its answer awaited, after the one before. */
export async function converse(url: string, parts: (string | Buffer)[]): Promise<RawAnswer[]> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const answers: RawAnswer[] = [];
  try {
    await once(socket, 'connect');
    for (const part of parts) {
      let received = '';
      socket.write(part);
      let answer: RawAnswer | undefined;
      while (!answer) {
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        received += chunk.toString('latin1');
        answer = parseAnswer(received);
      }
      answers.push(answer);
    }
  } finally {
    socket.destroy();
  }
  return answers;
}

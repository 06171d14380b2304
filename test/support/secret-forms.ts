const hex = (code: number): string => code.toString(16).padStart(2, '0');

function base64Cores(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const first = offset === 0 ? 0 : offset + 1;
    const core = padded.toString('base64').slice(first, Math.floor((8 * padded.length) / 6));
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Every way of writing a secret in which somebody who looks for it would know it, in lower case. */
function formsOf(secret: string): string[] {
  const units = [...Array(secret.length).keys()].map((at) => secret.charCodeAt(at));
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const percent = encodeURIComponent(secret);
  return [
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    percent,
    encodeURIComponent(percent),
    new URLSearchParams({ v: secret }).toString().slice(2),
    secret
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;'),
    units.map((unit) => `&#${unit};`).join(''),
    units.map((unit) => String.raw`\u${unit.toString(16).padStart(4, '0')}`).join(''),
    [...bytes].map((byte) => `%${hex(byte)}`).join(''),
    bytes.toString('latin1'),
    bytes.toString('hex'),
    Buffer.from(secret, 'utf16le').toString('hex'),
    ...base64Cores(bytes),
    ...base64Cores(Buffer.from(json)),
  ].map((form) => form.toLowerCase());
}

const AROUND = 80;

/** The forms of secrets that a text holds, each with what stands around it. */
export function secretFormsIn(text: string, secrets: readonly string[]): string[] {
  const lower = text.toLowerCase();
  return secrets.flatMap(formsOf).flatMap((form) => {
    const at = lower.indexOf(form);
    return at === -1 ? [] : [`${form}: ${text.slice(Math.max(0, at - AROUND), at + AROUND)}`];
  });
}

import { AosError } from '../contracts/failures.ts';
import { RESOLVED_PARAMS_BYTES_MAX } from '../contracts/limits.ts';
import { quoteSome } from '../domain/plan/wording.ts';
import { isSecretHost, secretHostRefusal } from '../domain/secret-hosts.ts';
import { createRedactor } from './redaction/redactor.ts';
import type { KnownSecret, Redactor } from './redaction/redactor.ts';
import type { RequestSecrets } from '../skills/skill.ts';

/** A secret that a call carries, opened. */
export interface OpenSecret extends KnownSecret {
  token: string;
  hosts: readonly string[];
}

/** Gives the secrets that a server may know beside those that are known. */
export type FindOthers = (url: URL, known: ReadonlySet<string>) => Promise<KnownSecret[]>;

/**
 * Creates what a call knows of secrets: its own, and those of every server that it meets, which may have been sent there
 * by another call and come back in this one.
 */
export function createCallSecrets(
  own: readonly OpenSecret[],
  findOthers: FindOthers,
): RequestSecrets {
  const byToken = new Map(own.map((secret) => [secret.token, secret]));
  // Tokens are letters and digits; without any, nothing is a token.
  const anyToken = new RegExp(own.map(({ token }) => token).join('|') || '(?!)', 'g');
  const known: KnownSecret[] = [...own];
  let redactor: Redactor | undefined;
  const hiding = (): Redactor => (redactor ??= createRedactor(known));

  return {
    knowsAny: () => known.length > 0,
    text: (text) => hiding().text(text),
    json: (value) => hiding().json(value),
    bytes: (bytes) => hiding().bytes(bytes),
    longest: () => hiding().longest,

    async meet(url) {
      const others = await findOthers(url, new Set(known.map(({ name }) => name)));
      if (others.length === 0) return;
      known.push(...others);
      redactor = undefined;
    },

    refusalOf(url, isRedirect) {
      const refusing = own.find(({ hosts }) => !isSecretHost(url, hosts));
      if (!refusing) return undefined;
      const { name, hosts } = refusing;
      // The place of a redirect is text from outside, and may be made of the secret.
      const message = isRedirect
        ? `A redirect leads to a host that the secret \`${name}\` may not be sent to. Its hosts are ${quoteSome(hosts, 30)}.`
        : secretHostRefusal(url, name, hosts)!;
      return new AosError('SECRET_HOST_NOT_ALLOWED', message);
    },

    fill(text, write = (value) => value) {
      const written = new Map([...byToken].map(([token, { value }]) => [token, write(value)]));
      let length = text.length;
      for (const [token] of text.matchAll(anyToken)) length += written.get(token)!.length;
      if (length > RESOLVED_PARAMS_BYTES_MAX) {
        throw new AosError(
          'PARAMS_TOO_LARGE',
          `With its secrets the request exceeds ${RESOLVED_PARAMS_BYTES_MAX} bytes. Name each secret once.`,
        );
      }
      return text.replaceAll(anyToken, (token) => written.get(token)!);
    },
  };
}

import { AosError } from '../contracts/failures.ts';
import { RESOLVED_PARAMS_BYTES_MAX } from '../contracts/limits.ts';
import { quoteSome } from '../domain/plan/wording.ts';
import { isSecretHost, secretHostRefusal } from '../domain/secret-hosts.ts';
import { createRedactor } from './redaction/redactor.ts';
import type { KnownSecret, Redactor } from './redaction/redactor.ts';

/** A secret of a call, opened. */
export interface OpenSecret extends KnownSecret {
  hosts: readonly string[];
}

/** The secrets of one call: sent where they may be, and hidden in all that comes back. */
export interface CallSecrets extends Redactor {
  /** Why what carries them may not go to a URL. */
  refusalOf(url: URL, isRedirect: boolean): AosError | undefined;
  /** Puts the values in place of their tokens, each as its place has it written. Errors: PARAMS_TOO_LARGE. */
  fill(text: string, write?: (value: string) => string): string;
}

/** Creates what a call knows of its secrets. */
export function createCallSecrets(secrets: readonly OpenSecret[]): CallSecrets {
  const byToken = new Map(secrets.map((secret) => [secret.token, secret]));
  // Tokens are letters and digits.
  const anyToken = new RegExp(secrets.map(({ token }) => token).join('|'), 'g');
  return {
    ...createRedactor(secrets),

    refusalOf(url, isRedirect) {
      const refusing = secrets.find(({ hosts }) => !isSecretHost(url, hosts));
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

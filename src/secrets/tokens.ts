import { randomBytes } from 'node:crypto';

/** Texts that stand for the secrets of one call until it is sent; nobody can guess one. */
export interface SecretTokens {
  /** By the names of the secrets. */
  tokens: ReadonlyMap<string, string>;
  tokenOf: (name: string) => string;
}

/** Makes the tokens of a call: letters and digits, which no way of writing changes. */
export function createSecretTokens(): SecretTokens {
  let prefix: string | undefined;
  const tokens = new Map<string, string>();
  return {
    tokens,
    tokenOf(name) {
      prefix ??= `aosSecret${randomBytes(16).toString('hex')}n`;
      const token = tokens.get(name) ?? `${prefix}${tokens.size}e`;
      tokens.set(name, token);
      return token;
    },
  };
}

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** The first byte of what is sealed: another one would be another way of sealing. */
const VERSION = 1;

/** Seals texts and opens them again. `place` says where the sealed text belongs: moved to another place it stays shut. */
export interface Cipher {
  seal(text: string, place: string): Buffer;
  /** Throws when it was sealed by another key, for another place, or has been changed. */
  open(sealed: Buffer, place: string): string;
}

/** Where the value of a tenant's secret belongs. */
export const sealedPlaceOf = (tenantId: string, name: string): string =>
  `secret/${tenantId}/${name}`;

/**
 * AES-256-GCM under a key derived from the setting by HKDF-SHA-256 (RFC 5869); a random nonce for each text, the place
 * as additional data. Sealed: version, nonce, tag, ciphertext.
 */
export function createCipher(secretsKey: string): Cipher {
  const key = Buffer.from(hkdfSync('sha256', secretsKey, '', 'aos/secrets/1', 32));
  return {
    seal(text, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(place));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), sealed]);
    },
    open(sealed, place) {
      if (sealed[0] !== VERSION) throw new Error('sealed in a way that this version does not know');
      const nonceEnd = 1 + NONCE_BYTES;
      const tagEnd = nonceEnd + TAG_BYTES;
      const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(1, nonceEnd), {
        authTagLength: TAG_BYTES,
      })
        .setAAD(Buffer.from(place))
        .setAuthTag(sealed.subarray(nonceEnd, tagEnd));
      return decipher.update(sealed.subarray(tagEnd), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}

import type { Problem } from '../../contracts/failures.ts';
import { secretHostRefusal } from '../secret-hosts.ts';
import { callsOf, hostOf } from './check-permissions.ts';
import type { CallingStep } from './check-permissions.ts';
import { findReferences } from './references.ts';
import { quote } from './wording.ts';

/** Where the secrets that a plan names may be sent; a name that is missing is that of no secret. */
export type SecretHosts = ReadonlyMap<string, readonly string[]>;

/** A secret that cannot be used as the plan says. */
export interface SecretRefusal extends Problem {
  code: 'SECRET_NOT_FOUND' | 'SECRET_HOST_NOT_ALLOWED';
}

/**
 * Every use of a secret that would fail; `secretHosts` are those of all that the plan names, absent when it names none.
 * Where a reference fills in the host, the call tells.
 */
export function checkSecrets(
  { steps }: { steps: readonly CallingStep[] },
  secretHosts: SecretHosts | undefined,
  pointer: string,
): SecretRefusal[] {
  if (!secretHosts) return [];
  return steps
    .flatMap((step) => callsOf(step, pointer))
    .flatMap((call) => {
      const url = hostOf(call);
      return findReferences(call.params, `${call.pointer}/params`).flatMap(
        ({ pointer: at, reference }): SecretRefusal[] => {
          if (reference.root !== 'secrets') return [];
          const { name } = reference;
          const hosts = secretHosts.get(name);
          if (!hosts) {
            const message = `there is no secret ${quote(name)}.`;
            return [{ pointer: at, code: 'SECRET_NOT_FOUND', message }];
          }
          const message = url && secretHostRefusal(url, name, hosts);
          return message ? [{ pointer: at, code: 'SECRET_HOST_NOT_ALLOWED', message }] : [];
        },
      );
    });
}

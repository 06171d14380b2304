import type { Asker } from '../../src/capabilities/load-standing.ts';
import type { AosContext } from '../state.ts';

/** Who asks, now, about an agent or none. */
export const askerOf = ({ state }: AosContext, agentId: string | null): Asker => ({
  key: state.key,
  rate: state.rate!,
  agentId,
  at: new Date(),
});

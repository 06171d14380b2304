import type { Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../contracts/messages.ts';

/** temporal.api.enums.v1.INDEXED_VALUE_TYPE_KEYWORD */
const KEYWORD = 2;

/** Registers what AOS filters by, once at start; throws when a name stands with another type, or may not be added. */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  const { operatorService } = client.connection as unknown as {
    operatorService: {
      listSearchAttributes(
        request: object,
      ): Promise<{ customAttributes?: Record<string, number> | null }>;
      addSearchAttributes(request: object): Promise<unknown>;
    };
  };
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const names = Object.values(SEARCH_ATTRIBUTES);
  const missing = names.filter((name) => customAttributes?.[name] === undefined);
  const wrong = names.filter((name) => (customAttributes?.[name] ?? KEYWORD) !== KEYWORD);
  if (wrong.length > 0) {
    throw new Error(
      `The search attributes ${wrong.join(', ')} of namespace ${namespace} must be of type Keyword.`,
    );
  }
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
  await operatorService.addSearchAttributes({ namespace, searchAttributes });
}

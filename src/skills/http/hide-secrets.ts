import type { JsonObject } from '../../contracts/json.ts';
import type { SkillResult } from '../../contracts/skill.ts';
import type { RequestSecrets } from '../skill.ts';
import { isSoundText, viewBody } from './body.ts';
import type { BodyView } from './body.ts';

/** What came from outside, as a step's output shows it. */
export interface ForeignView extends BodyView {
  headers: JsonObject;
  url: string;
}

/** Shows a response without the secrets that may be in it. */
export async function viewForeign(
  headers: ReadonlyMap<string, string | string[]>,
  url: URL,
  view: (contentType: string) => BodyView | Promise<BodyView>,
  secrets: RequestSecrets | undefined,
): Promise<ForeignView> {
  const foreign = {
    headers: Object.fromEntries(headers),
    ...(await view(String(headers.get('content-type') ?? ''))),
    url: url.href,
  };
  if (!secrets?.knowsAny()) return foreign;
  return {
    ...foreign,
    headers: (await secrets.json(foreign.headers)) as JsonObject,
    body: await secrets.json(foreign.body),
    url: secrets.text(foreign.url),
  };
}

/** Shows a body; where its text would be torn by its charset, what is looked for is hidden in the bytes first. */
export const viewHidden = async (
  bytes: Buffer,
  contentType: string,
  secrets: RequestSecrets | undefined,
): Promise<BodyView> => {
  const isTorn = secrets?.knowsAny() === true && !isSoundText(bytes, contentType);
  return viewBody(isTorn ? await secrets.bytes(bytes) : bytes, contentType);
};

/** What a server says, or where it leads to, stands in failures too. */
export function hideInFailure(
  result: SkillResult,
  secrets: RequestSecrets | undefined,
): SkillResult {
  if (result.ok || !secrets?.knowsAny()) return result;
  const { message, limit } = result.failure;
  const asked = typeof limit?.asked === 'string' ? secrets.text(limit.asked) : limit?.asked;
  const failure = {
    ...result.failure,
    message: secrets.text(message),
    ...(limit && asked !== undefined && { limit: { ...limit, asked } }),
  };
  return { ...result, failure };
}

import { HTTP_URL_LENGTH_MAX } from '../../contracts/limits.ts';
import type { RequestSecrets } from '../skill.ts';
import { paramsInvalid } from './params.ts';
import { isHeaderValue, headerValueRefusal } from './request.ts';
import type { HttpRequest } from './request.ts';

const asJson = (value: string): string => JSON.stringify(value).slice(1, -1);
const asQuery = (value: string): string => new URLSearchParams({ v: value }).toString().slice(2);

/** The request as it goes out, with its secrets in header values, query and body; never kept, shown or named. */
export function fillRequest(request: HttpRequest, secrets: RequestSecrets): HttpRequest {
  const { url: written, body } = request;
  const url = new URL(written);
  if (url.search !== '') url.search = secrets.fill(url.search, asQuery);
  if (url.href.length > HTTP_URL_LENGTH_MAX) {
    throw paramsInvalid(
      `The URL with its secrets has more than ${HTTP_URL_LENGTH_MAX} characters. Send the data in the body.`,
    );
  }
  const headers = new Map<string, string>();
  for (const [name, value] of request.headers) {
    const filled = secrets.fill(value);
    if (!isHeaderValue(filled)) throw headerValueRefusal(name);
    headers.set(name, filled);
  }
  const write = request.isJsonBody === true ? asJson : undefined;
  return { ...request, url, headers, body: body === undefined ? body : secrets.fill(body, write) };
}

import type { Json, JsonObject } from '../../contracts/json.ts';
import type { SkillResult, SkillUsage } from '../../contracts/skill.ts';
import type { Meter } from './exchange.ts';
import { toSkillFailure } from './failures.ts';
import type { HttpPrices } from './prices.ts';

/** What one call is metered by. */
export interface MeteredCall {
  skillId: string;
  params: JsonObject;
  prices: HttpPrices;
  responseBytesMax: number;
}

/** The most that one call can cost, in micro-cents. */
export function worstCaseOf({ params, prices, responseBytesMax }: MeteredCall): number {
  const url = urlOf(params);
  return url === undefined ? 0 : prices.worstCase(url, responseBytesMax);
}

/** Does the work of a skill and says what it cost, however it ends; what it throws becomes the failure. */
export async function callMetered(
  metered: MeteredCall,
  work: (meter: Meter) => Promise<Json>,
): Promise<SkillResult> {
  const meter: Meter = { requestsSent: 0, bytesReceived: 0 };
  const usage = (): SkillUsage => ({ cost_micro_cents: costOf(metered, meter) });
  try {
    const output = await work(meter);
    return { ok: true, output, usage: usage() };
  } catch (error) {
    return { ok: false, failure: toSkillFailure(error, metered.skillId), usage: usage() };
  }
}

function costOf({ params, prices, responseBytesMax }: MeteredCall, meter: Meter): number {
  const url = urlOf(params);
  if (url === undefined || meter.requestsSent === 0) return 0;
  return prices.actual(url, Math.min(meter.bytesReceived, responseBytesMax));
}

function urlOf({ url }: JsonObject): URL | undefined {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
}

import { createHash } from 'node:crypto';

/** W3C Trace Context: version, trace id, the caller's span, flags; a later version may have more behind. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NOTHING = /^0+$/;
const SAMPLED = 1;
const SPAN_ID_BYTES = 8;

/**
 * A `traceparent` as this version of the standard (00) writes it, or undefined when it is none: the standard has an
 * invalid one ignored. Source: https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function parseTraceparent(text: string): string | undefined {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(text.trim()) ?? [];
  if (!version || !traceId || !spanId || !flags) return undefined;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (NOTHING.test(traceId) || NOTHING.test(spanId)) return undefined;
  return write(traceId, spanId, flags);
}

/**
 * What an effect carries on of its run's trace: the same trace, and a span of its own that follows from the effect
 * key, so that every try and every worker sends the same one.
 */
export function traceparentOfEffect(traceparent: string, effectKey: string): string | undefined {
  const [, traceId, , flags] = parseTraceparent(traceparent)?.split('-') ?? [];
  if (!traceId || !flags) return undefined;
  const digest = createHash('sha256').update(effectKey).digest('hex');
  const spanId = digest.slice(0, 2 * SPAN_ID_BYTES);
  // All zero would say that there is no span.
  return write(traceId, NOTHING.test(spanId) ? spanId.replace(/0$/, '1') : spanId, flags);
}

const write = (traceId: string, spanId: string, flags: string): string =>
  `00-${traceId}-${spanId}-0${Number.parseInt(flags, 16) & SAMPLED}`;

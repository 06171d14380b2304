import koaHelmet from 'koa-helmet';
import type { Middleware } from 'koa';
import type { AosState } from '../state.ts';

/** An answer in JSON is no page: it loads nothing and nothing frames it. */
const FOR_DATA = {
  defaultSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** The reference is a page with a script of its own, which styles it inline. */
const FOR_REFERENCE = {
  ...FOR_DATA,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
};

const REFERENCE = /^\/docs\/?$/i;

/** What browsers are told to keep from doing with an answer, on every one. */
export function setSecurityHeaders(): Middleware<AosState> {
  const headersWith = (directives: Record<string, string[]>) =>
    koaHelmet({
      contentSecurityPolicy: { useDefaults: false, directives },
      xFrameOptions: { action: 'deny' },
    });
  const forData = headersWith(FOR_DATA);
  const forReference = headersWith(FOR_REFERENCE);
  return (ctx, next) => (REFERENCE.test(ctx.path) ? forReference : forData)(ctx, next);
}

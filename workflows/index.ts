export { deliverWebhook } from './deliver-webhook.ts';
export { runPlan } from './run-plan.ts';

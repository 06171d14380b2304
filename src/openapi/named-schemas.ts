import { z } from 'zod';
import * as account from '../contracts/account.ts';
import * as agent from '../contracts/agent.ts';
import * as audit from '../contracts/audit.ts';
import * as budget from '../contracts/budget.ts';
import * as capabilities from '../contracts/capabilities.ts';
import * as compat from '../contracts/compat.ts';
import * as event from '../contracts/event.ts';
import * as failures from '../contracts/failures.ts';
import * as key from '../contracts/key.ts';
import * as ledger from '../contracts/ledger.ts';
import * as limitsView from '../contracts/limits-view.ts';
import * as live from '../contracts/live.ts';
import * as plan from '../contracts/plan.ts';
import * as question from '../contracts/question.ts';
import * as runQuestions from '../contracts/run-questions.ts';
import * as runtimeRoutes from '../contracts/routes/runtime.ts';
import * as systemRoutes from '../contracts/routes/system.ts';
import * as run from '../contracts/run.ts';
import * as runQuery from '../contracts/run-query.ts';
import * as secret from '../contracts/secret.ts';
import * as simulation from '../contracts/simulation.ts';
import * as skill from '../contracts/skill.ts';
import * as typedQuery from '../contracts/typed-query.ts';
import * as validation from '../contracts/validation.ts';
import * as webhook from '../contracts/webhook.ts';
import * as webhookDelivery from '../contracts/webhook-delivery.ts';
import * as webhookSecret from '../contracts/webhook-secret.ts';

const MODULES = [
  account,
  agent,
  audit,
  budget,
  capabilities,
  compat,
  event,
  failures,
  key,
  ledger,
  limitsView,
  live,
  plan,
  question,
  run,
  runQuery,
  runQuestions,
  runtimeRoutes,
  secret,
  simulation,
  skill,
  systemRoutes,
  typedQuery,
  validation,
  webhook,
  webhookDelivery,
  webhookSecret,
];

/** The schemas of the contracts, by the names under which they are exported. */
export function namedSchemas(): Map<string, z.ZodType> {
  const schemas = new Map<string, z.ZodType>();
  for (const [name, value] of MODULES.flatMap((module) => Object.entries(module))) {
    if (!(value instanceof z.ZodType)) continue;
    if (schemas.has(name)) throw new Error(`Two contracts export a schema ${name}.`);
    schemas.set(name, value);
  }
  return schemas;
}

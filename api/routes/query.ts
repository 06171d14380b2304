import { isJsonObject } from '../../src/contracts/json.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { AskQuestion, QUESTION_NAMES } from '../../src/contracts/question.ts';
import type { QuestionAnswer } from '../../src/contracts/question.ts';
import type { PLAN_ROUTES } from '../../src/contracts/routes/plans.ts';
import type { TypedAnswer } from '../../src/contracts/typed-query.ts';
import { keepKnown } from '../../src/domain/plan/known-keys.ts';
import { pointerOf } from '../../src/domain/plan/pointer.ts';
import { createProblemList, createWarningList } from '../../src/domain/plan/problem-list.ts';
import { quote } from '../../src/domain/plan/wording.ts';
import { findSubject } from '../../src/questions/find-subject.ts';
import type { Question, QuestionResult, Subject } from '../../src/questions/question.ts';
import { questionNamed } from '../../src/questions/questions.ts';
import { checkQuery } from '../../src/query/check/check-query.ts';
import { createPlaces } from '../../src/query/places.ts';
import { runQuery } from '../../src/query/run-query.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handler, Handlers } from '../handlers.ts';
import { askedAgent } from '../requests/asked-agent.ts';
import { parseBody, refused } from '../requests/parse.ts';
import type { ParsedBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';

/** Questions that are asked by their name, or written in the typed language. */
export const createQueryHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof PLAN_ROUTES, 'askQuestion'>> => {
  const places = createPlaces();
  const askQuestion: Handler = async (ctx) => {
    const { pool } = deps;
    const { key } = ctx.state;
    const asking = await readJson(ctx.req);
    const isGone = (): boolean => ctx.res.destroyed;
    if (isTyped(asking)) {
      const checked = checkQuery(asking);
      if ('problems' in checked) throw refused(checked.problems);
      const { query, warnings } = checked;
      const viewer = { tenantId: key.tenant_id, agentId: key.agent_id };
      const answer = () => runQuery(pool, query, viewer, { warnings });
      const body: TypedAnswer = await places.take(key.tenant_id, answer, isGone);
      ctx.body = body;
      return;
    }
    const { value, warnings } = parseBody(AskQuestion, asking);
    const question = questionNamed(value.query_type);
    const params = question && paramsOf(question, (value.params ?? {}) as JsonObject);
    const asked = await askedAgent(pool, key, value.agent_id ?? null);
    const named = { ...asked, runId: value.run_id ?? null };
    const subject = await findSubject(pool, key, named, new Date());
    const answer = async (): Promise<QuestionResult> =>
      question
        ? question.answer(deps, subject, params!.value)
        : unknownQuestion(value.query_type, subject);
    const body: QuestionAnswer = {
      query_type: value.query_type,
      result: question?.isLong ? await places.take(key.tenant_id, answer, isGone) : await answer(),
      supported_queries: [...QUESTION_NAMES],
      warnings: [...warnings, ...(params?.warnings ?? [])],
    };
    ctx.body = body;
  };
  return { askQuestion };
};

/** A body with `query_type` is a named question, whatever else it has: so older clients ask. */
const isTyped = (body: Json): body is JsonObject =>
  isJsonObject(body) && body['query_type'] === undefined && body['from'] !== undefined;

/** Errors: INVALID_REQUEST. */
function paramsOf({ params: schema }: Question, given: JsonObject): ParsedBody<JsonObject> {
  const findings = { problems: createProblemList(), warnings: createWarningList() };
  keepKnown(given, Object.keys(schema.shape), '/params', 'the question', findings);
  const parsed = schema.safeParse(given);
  for (const { path, message } of parsed.error?.issues ?? []) {
    findings.problems.add(
      () => pointerOf('/params', path),
      'INVALID_TYPE',
      () => message,
    );
  }
  if (!parsed.success || !findings.problems.isEmpty())
    throw refused(findings.problems.toProblems());
  return { value: parsed.data as JsonObject, warnings: findings.warnings.toProblems() };
}

const unknownQuestion = (name: string, { warnings }: Subject): QuestionResult => ({
  error: `There is no question ${quote(name)}. There are: ${QUESTION_NAMES.join(', ')}.`,
  supported: [...QUESTION_NAMES],
  warnings,
});

import type { JsonObject } from '../../src/contracts/json.ts';
import { AskQuestion, QUESTION_NAMES } from '../../src/contracts/question.ts';
import type { QuestionAnswer } from '../../src/contracts/question.ts';
import type { PLAN_ROUTES } from '../../src/contracts/routes/plans.ts';
import { keepKnown } from '../../src/domain/plan/known-keys.ts';
import { pointerOf } from '../../src/domain/plan/pointer.ts';
import { createProblemList, createWarningList } from '../../src/domain/plan/problem-list.ts';
import { quote } from '../../src/domain/plan/wording.ts';
import { findSubject } from '../../src/questions/find-subject.ts';
import type { Question, QuestionResult, Subject } from '../../src/questions/question.ts';
import { questionNamed } from '../../src/questions/questions.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { askedAgent } from '../requests/asked-agent.ts';
import { parseBody, refused } from '../requests/parse.ts';
import type { ParsedBody } from '../requests/parse.ts';
import { readJson } from '../requests/read-json.ts';

/** Questions that are asked by their name. */
export const createQueryHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof PLAN_ROUTES, 'askQuestion'>> => ({
  async askQuestion(ctx) {
    const { pool } = deps;
    const { key } = ctx.state;
    const { value, warnings } = parseBody(AskQuestion, await readJson(ctx.req));
    const question = questionNamed(value.query_type);
    const params = question && paramsOf(question, (value.params ?? {}) as JsonObject);
    const asked = await askedAgent(pool, key, value.agent_id ?? null);
    const named = { ...asked, runId: value.run_id ?? null };
    const subject = await findSubject(pool, key, named, new Date());
    const body: QuestionAnswer = {
      query_type: value.query_type,
      result: question
        ? await question.answer(deps, subject, params!.value)
        : unknownQuestion(value.query_type, subject),
      supported_queries: [...QUESTION_NAMES],
      warnings: [...warnings, ...(params?.warnings ?? [])],
    };
    ctx.body = body;
  },
});

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

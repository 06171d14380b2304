import { QUESTION_NAMES } from '../contracts/question.ts';
import type { QuestionName } from '../contracts/question.ts';
import { allowedSkills } from './allowed-skills.ts';
import { lastStepOutcome } from './last-step-outcome.ts';
import type { Question } from './question.ts';
import { remainingBudgetCents } from './remaining-budget-cents.ts';
import { skillsAvailableForGoal } from './skills-available-for-goal.ts';
import { spendBy } from './spend-by.ts';
import { whatCanIDoNext } from './what-can-i-do-next.ts';
import { whatDidITryAlready } from './what-did-i-try-already.ts';
import { whatIsWaiting } from './what-is-waiting.ts';
import { whyDidStepFail } from './why-did-step-fail.ts';

const QUESTIONS: Readonly<Record<QuestionName, Question>> = {
  remaining_budget_cents: remainingBudgetCents,
  what_did_i_try_already: whatDidITryAlready,
  allowed_skills: allowedSkills,
  last_step_outcome: lastStepOutcome,
  skills_available_for_goal: skillsAvailableForGoal,
  why_did_step_fail: whyDidStepFail,
  what_can_i_do_next: whatCanIDoNext,
  what_is_waiting: whatIsWaiting,
  spend_by: spendBy,
};

const isName = (text: string): text is QuestionName => QUESTION_NAMES.some((name) => name === text);

/** The question of this name, if there is one. */
export const questionNamed = (name: string): Question | undefined =>
  isName(name) ? QUESTIONS[name] : undefined;

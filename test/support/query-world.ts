import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import type { FailureCode } from '../../src/contracts/failure-codes.ts';
import { EVENT_TYPES } from '../../src/contracts/event.ts';
import { createFailure } from '../../src/contracts/failures.ts';
import type { Json } from '../../src/contracts/json.ts';
import { RUN_STATUSES, STEP_STATUSES } from '../../src/contracts/run.ts';
import type { QuerySource } from '../../src/contracts/typed-query.ts';
import { ensureTenant } from '../../src/storage/tenants.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';

export type PlainRow = Record<string, Json>;
/** What a tenant has, as plain values, each source by itself. */
export type PlainWorld = Record<QuerySource, PlainRow[]>;

/** Texts that are trouble where somebody is careless with them. */
export const HOSTILE = [
  '',
  "'",
  "it's",
  '"',
  '\\',
  '$1',
  '%',
  '_',
  '--',
  "'; DROP TABLE runs; --",
  '__proto__',
  'constructor',
  '{"a":1}',
  '{1,2}',
  'NULL',
  'é',
  '𝕊',
  '｡',
  'a b',
  'A',
  'a',
] as const;

const SKILLS = ['http_call', 'llm_invoke', 'fs_read'];
const LABELS = ['team', "it's", '__proto__'];
const CODES = Object.keys(FAILURE_CODES).slice(20, 24) as FailureCode[];

/** Numbers that are the same for the same seed. */
function createRandom(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  const below = (max: number): number => Math.min(max - 1, Math.floor(next() * max));
  return {
    below,
    one: <T>(items: readonly T[]): T => items[below(items.length)]!,
    maybe: () => next() < 0.5,
  };
}

const at = (ms: number): string => new Date(ms).toISOString();
const START = Date.UTC(2026, 0, 30);
const hex = (number: number): string => number.toString(16).padStart(12, '0');
const idOf = (kind: string, tenant: number, number: number): string =>
  `${kind}_0000000${tenant}-0000-7000-8000-${hex(number)}`;

/** Writes random rows for a tenant, past everything that would make them, and tells what it wrote. */
export async function makeQueryWorld(
  pool: Pool,
  tenantId: string,
  { seed, runs, mark }: { seed: number; runs: number; mark: string },
): Promise<PlainWorld> {
  const random = createRandom(seed);
  const text = (): string => `${random.one(HOSTILE)}${mark}`;
  const world: PlainWorld = {
    runs: [],
    steps: [],
    transactions: [],
    failures: [],
    events: [],
    agents: [],
  };
  const failureOf = (code: FailureCode): string =>
    JSON.stringify(createFailure(code, `said "code":"NOT_THIS" ${mark}`));
  await withTransaction(pool, async (tx) => {
    await ensureTenant(tx, tenantId);
    const insert = (table: string, row: Record<string, unknown>) => {
      const columns = Object.keys(row);
      const places = columns.map((_, index) => `$${index + 1}`);
      return tx.query(
        `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places.join(', ')})`,
        Object.values(row),
      );
    };
    const agents = [0, 1, 2].map((number) => idOf('agent', seed, number));
    for (const [number, id] of agents.entries()) {
      const row = {
        name: text(),
        status: random.one(['active', 'archived']),
        budget: random.maybe() ? null : random.below(1e9),
        allowed: random.maybe() ? null : [text(), random.one(SKILLS)],
        labels: { [random.one(LABELS)]: text() },
      };
      await insert('agents', {
        id,
        tenant_id: tenantId,
        name: row.name,
        status: row.status,
        budget_micro_cents: row.budget,
        allowed_skills: row.allowed,
        labels: JSON.stringify(row.labels),
        created_at: at(START + number * 1000),
      });
      world.agents.push({
        agent_id: id,
        name: row.name,
        status: row.status,
        budget_cents: row.budget === null ? null : row.budget / 1e6,
        allowed_skills: row.allowed,
        labels: row.labels,
        created_at: at(START + number * 1000),
      });
    }
    for (let number = 0; number < runs; number += 1) {
      const id = idOf('run', seed, number);
      const status = random.one(RUN_STATUSES);
      const isEnded = status !== 'queued' && status !== 'running';
      const createdMs = START + random.below(40) * 3_600_000 + random.below(3);
      const startedMs = random.maybe() ? createdMs + random.below(5000) : null;
      const endedMs = isEnded ? (startedMs ?? createdMs) + random.below(50) * 100 : null;
      const code = status === 'failed' ? random.one(CODES) : null;
      const labels = Object.fromEntries(
        LABELS.filter(() => random.maybe()).map((name) => [name, text()]),
      );
      const run = {
        agent_id: random.maybe() ? null : random.one(agents),
        goal: random.maybe() ? null : text(),
        budget: random.below(20) * 1_000_000 + random.below(3),
        cost: isEnded ? random.below(4) * 333_333 : 0,
        // The same within a millisecond: an order is by the whole of a time, also by what is not told of it.
        micro: (createdMs * 7) % 1000,
      };
      await insert('accounts', { id, tenant_id: tenantId, parent_id: `tenant/${tenantId}` });
      await insert('runs', {
        id,
        tenant_id: tenantId,
        account_id: id,
        agent_id: run.agent_id,
        goal: run.goal,
        labels: JSON.stringify(labels),
        plan: '[]',
        status,
        max_parallel: 1,
        budget_micro_cents: run.budget,
        cost_micro_cents: run.cost,
        price_table_version: 'none',
        failure: code && failureOf(code),
        failure_code: code,
        // Postgres keeps more of a time than is told of it.
        created_at: at(createdMs).replace('Z', `${String(run.micro).padStart(3, '0')}Z`),
        started_at: startedMs === null ? null : at(startedMs),
        completed_at: endedMs === null ? null : at(endedMs),
        deadline_at: at(createdMs + 86_400_000),
        ancestor_accounts: [`tenant/${tenantId}`],
      });
      const plainRun = {
        run_id: id,
        agent_id: run.agent_id,
        goal: run.goal,
        labels,
        status,
        budget_cents: run.budget / 1e6,
        cost_cents: run.cost / 1e6,
        failure_code: code,
        created_at: at(createdMs),
        started_at: startedMs === null ? null : at(startedMs),
        completed_at: endedMs === null ? null : at(endedMs),
      };
      world.runs.push(plainRun);
      if (code)
        world.failures.push(failureRow('run', plainRun, { code, at: plainRun.completed_at }));
      for (let index = 0; index < random.below(4); index += 1) {
        const stepStatus = random.one(STEP_STATUSES);
        const stepCode = stepStatus === 'failed' ? random.one(CODES) : null;
        const stepMs = random.below(2000);
        const step = {
          id: `step_${index}`,
          skill: random.one(SKILLS),
          cost: random.below(3) * 250_000,
          bytes: random.maybe() ? null : random.below(100),
          before: index === 0 ? [] : ['step_0'],
        };
        await insert('steps', {
          run_id: id,
          id: step.id,
          index,
          skill: step.skill,
          inline: index === 0,
          depends_on: step.before,
          spec: '{}',
          status: stepStatus,
          cost_micro_cents: step.cost,
          output_bytes: step.bytes,
          failure: stepCode && failureOf(stepCode),
          started_at: at(createdMs),
          completed_at: at(createdMs + stepMs),
        });
        world.steps.push({
          run_id: id,
          step_id: step.id,
          index,
          skill: step.skill,
          inline: index === 0,
          depends_on: step.before,
          status: stepStatus,
          cost_cents: step.cost / 1e6,
          output_bytes: step.bytes,
          failure_code: stepCode,
          completed_at: at(createdMs + stepMs),
          duration_ms: stepMs,
          agent_id: run.agent_id,
          labels,
          run_created_at: at(createdMs),
        });
        const about = { step_id: step.id, skill: step.skill, at: at(createdMs + stepMs) };
        if (stepCode) {
          world.failures.push(failureRow('step', plainRun, { ...about, code: stepCode }));
          await insert('tries', {
            run_id: id,
            step_id: step.id,
            generation: 1,
            role: 'main',
            number: 1,
            execution: 1,
            fence: 'f',
            status: 'failed',
            failure: failureOf(stepCode),
            deadline_at: at(createdMs + 60_000),
            completed_at: at(createdMs + stepMs),
          });
          world.failures.push(failureRow('try', plainRun, { ...about, code: stepCode, try: 1 }));
        }
        const spent = random.below(5) * 100_001;
        await insert('transactions', {
          account_id: id,
          idempotency_key: `${id}/${index}`,
          kind: 'settle',
          amount_micro_cents: spent,
          reserved_change_micro_cents: 0,
          settled_change_micro_cents: spent,
          overage_change_micro_cents: 0,
          basis: 'actual',
          run_id: id,
          step_id: step.id,
          actor: text(),
          at: at(createdMs + stepMs),
        });
        world.transactions.push({
          account_id: id,
          level: 'run',
          kind: 'settle',
          is_cost: true,
          spent_cents: spent / 1e6,
          run_id: id,
          step_id: step.id,
          skill: step.skill,
          agent_id: run.agent_id,
          labels,
          at: at(createdMs + stepMs),
        });
      }
      for (let index = 1; index <= random.below(4); index += 1) {
        const event = {
          type: random.one(EVENT_TYPES),
          data: { said: text() },
          at: at(createdMs + index),
        };
        await insert('events', {
          run_id: id,
          number: index,
          tenant_id: tenantId,
          type: event.type,
          agent_id: run.agent_id,
          data: JSON.stringify(event.data),
          at: event.at,
        });
        world.events.push({ run_id: id, number: index, agent_id: run.agent_id, labels, ...event });
      }
    }
  });
  return world;
}

const failureRow = (
  level: string,
  { run_id, agent_id, labels }: PlainRow,
  more: PlainRow,
): PlainRow => ({
  level,
  run_id: run_id!,
  agent_id: agent_id!,
  labels: labels!,
  step_id: null,
  skill: null,
  try: null,
  ...more,
});

import type * as LIMITS from './limits.ts';

export const LIMIT_GROUPS = {
  requests: 'Requests to the API, and what they may carry.',
  rates: 'How often requests may come.',
  keys: 'API keys.',
  secrets: 'Secrets.',
  plans: 'Plans and what stands in them.',
  runs: 'Runs, while they run.',
  money: 'Budgets.',
  outputs: 'What steps return.',
  streams: 'Streams of events.',
  agents: 'Agents and goals.',
  account: 'The tenant and its records.',
  questions: 'Simulation, capabilities, questions and recall.',
  http_call: 'The skill http_call.',
  json_transform: 'The skill json_transform.',
  llm_invoke: 'The skill llm_invoke.',
  webhook_send: 'The skill webhook_send.',
  webhooks: 'Endpoints that receive events.',
  email_send: 'The skill email_send.',
  workspace: 'The skills fs_read and fs_write.',
} as const;
export type LimitGroup = keyof typeof LIMIT_GROUPS;

/** Where a caller meets a constant; or why none does. */
export type LimitEntry =
  | {
      group: LimitGroup;
      appliesTo: string;
      setting?: 'AOS_RATE_LIMIT_PER_MINUTE' | 'AOS_LLM_CONCURRENCY';
    }
  | { internal: string };

const inGroup =
  (group: LimitGroup) =>
  (appliesTo: string): LimitEntry => ({ group, appliesTo });
const internal = (reason: string): LimitEntry => ({ internal: reason });

const requests = inGroup('requests');
const rates = inGroup('rates');
const keys = inGroup('keys');
const secrets = inGroup('secrets');
const plans = inGroup('plans');
const runs = inGroup('runs');
const money = inGroup('money');
const outputs = inGroup('outputs');
const agents = inGroup('agents');
const account = inGroup('account');
const streams = inGroup('streams');
const questions = inGroup('questions');
const http = inGroup('http_call');
const transform = inGroup('json_transform');
const llm = inGroup('llm_invoke');
const webhook = inGroup('webhook_send');
const endpoints = inGroup('webhooks');
const email = inGroup('email_send');
const workspace = inGroup('workspace');

const CHAINS =
  'How many steps are computed together; a longer row of them is done in parts, with the same result.';
const LOOKUPS = 'How the api looks keys and runs up; a request only ever waits for it.';
const PLANNING = 'What of a long text the model is shown; the goal itself is never cut.';
const MEMORY = 'How much a process keeps in its memory.';

/** Every constant of limits.ts: one that is missing here does not compile. */
export const LIMIT_TABLE: Readonly<Record<keyof typeof LIMITS, LimitEntry>> = {
  REQUEST_BODY_BYTES_MAX: requests('the body of a request'),
  REQUEST_HEADER_BYTES_MAX: requests('the first line and the headers of a request together'),
  REQUEST_HEADERS_MS_MAX: requests('how long the headers of a request may take to come'),
  REQUEST_MS_MAX: requests('how long a whole request may take to come'),
  CONNECTION_IDLE_MS: requests('how long a connection without a request stays open'),
  JSON_DEPTH_MAX: requests('how deep JSON may nest, in bodies and plans'),
  PROBLEMS_MAX: requests('problems of one request that are told one by one'),
  IDEMPOTENCY_KEY_LENGTH_MAX: requests('an Idempotency-Key'),
  IDEMPOTENCY_WAIT_MS: requests(
    'how long a request waits for another with its Idempotency-Key before it is told to come back',
  ),
  ID_LENGTH_MAX: requests('an id or a name by which a body or a query names something'),
  LABEL_FILTERS_MAX: requests('`label` of a list'),
  PAGE_SIZE_DEFAULT: requests('entries of a page when no `limit` is named'),
  PAGE_SIZE_MAX: requests('`limit` of a list'),
  WAIT_MS_MAX: requests('`wait` of GET /api/v1/runs/{id}, and of events as JSON'),

  RATE_PER_MINUTE_DEFAULT: {
    group: 'rates',
    appliesTo:
      'requests a minute of a key without a limit of its own, and of an address without a key',
    setting: 'AOS_RATE_LIMIT_PER_MINUTE',
  },
  RATE_PER_MINUTE_MAX: rates('`rate_limit_per_minute` of a key or an agent'),
  RATE_WINDOW_MS: rates('the window in which requests are counted'),
  RATE_SUBJECTS_MAX: internal(MEMORY),

  KEYS_PER_TENANT_MAX: keys('active keys of a tenant'),
  KEY_NAME_LENGTH_MAX: keys('`name` of a key'),
  KEY_LENGTH_MAX: keys('a key as it is sent'),
  KEY_CACHE_MS: keys('how long a revoked key may still work'),
  KEY_USE_NOTED_MS: keys('how exact `last_used_at` of a key is'),
  KEY_OVERLAP_DEFAULT_MS: keys('how long a rotated key still works when no `overlap_ms` is named'),
  KEY_OVERLAP_MAX_MS: keys('`overlap_ms` of a rotation'),
  KEYS_CACHED_MAX: internal(MEMORY),
  MATCHED_PATHS_MAX: internal(MEMORY),
  MATCHED_PATH_LENGTH_MAX: internal(MEMORY),
  WRITTEN_RUNS_BYTES_MAX: internal(MEMORY),
  WRITTEN_RUN_BYTES_MAX: internal(MEMORY),
  RUNS_PER_LOOKUP_MAX: internal(LOOKUPS),
  WRONG_KEYS_CACHED_MAX: internal(MEMORY),
  KEY_LOOKUPS_MAX: internal(LOOKUPS),
  KEYS_PER_LOOKUP_MAX: internal(LOOKUPS),
  KEY_LOOKUPS_WAITING_MAX: internal(LOOKUPS),

  SECRETS_PER_TENANT_MAX: secrets('secrets of a tenant'),
  SECRETS_BYTES_PER_TENANT_MAX: secrets('all secrets of a tenant, sealed'),
  SECRET_VALUE_CHARS_MIN: secrets('the least `value` of a secret'),
  SECRET_VALUE_BYTES_MAX: secrets('`value` of a secret'),
  SECRET_HOSTS_MAX: secrets('`hosts` of a secret'),
  SECRET_HOST_LENGTH_MAX: secrets('one of `hosts`'),
  SECRETS_PER_CALL_MAX: secrets('different secrets in one call'),
  SECRET_USE_NOTED_MS: secrets('how exact `last_used_at` of a secret is'),

  PLAN_BYTES_MAX: plans('a plan as JSON'),
  STEPS_PER_PLAN_MAX: plans('steps of a plan, and `depends_on` of a step'),
  MAX_PARALLEL_DEFAULT: plans('steps at once when the plan names no `max_parallel`'),
  MAX_PARALLEL_MAX: plans('`max_parallel` of a plan'),
  RUN_DEADLINE_DEFAULT_MS: plans('the deadline of a run when the plan names no `deadline_ms`'),
  RUN_DEADLINE_MIN_MS: plans('the least `deadline_ms` and `compensation_deadline_ms` of a plan'),
  RUN_DEADLINE_MAX_MS: plans('`deadline_ms` of a plan'),
  COMPENSATION_DEADLINE_DEFAULT_MS: plans(
    'how long compensation may take when the plan names no `compensation_deadline_ms`',
  ),
  COMPENSATION_DEADLINE_MAX_MS: plans('`compensation_deadline_ms` of a plan'),
  STEP_TIMEOUT_MAX_MS: plans('`timeout_ms` of a step'),
  STEP_ID_LENGTH_MAX: plans('`id` of a step'),
  TRIES_PER_STEP_MAX: plans('`max_attempts` of a step, all tries counted'),
  RETRY_DELAY_MAX_MS: plans('`backoff_ms` and `max_backoff_ms` of a step'),
  RETRY_DELAY_DEFAULT_MS: plans('the delay before a second try when no `backoff_ms` is named'),
  RETRY_DELAY_GROWN_DEFAULT_MS: plans(
    'the longest delay between tries when no `max_backoff_ms` is named, nor a longer `backoff_ms`',
  ),
  LABELS_MAX: plans('labels of a run or an agent'),
  LABEL_LENGTH_MAX: plans('the name and the value of a label'),

  RESOLVED_PARAMS_BYTES_MAX: runs("a step's params, once its references are replaced"),
  RESOLVED_DEPTH_MAX: runs("how deep a step's params may nest, once its references are replaced"),
  CANCEL_REASON_LENGTH_MAX: runs('`reason` of a cancellation'),
  RUN_OVERDUE_MS: runs('how long after its deadline a run may still be open'),
  FRUITLESS_EXECUTIONS_MAX: runs('executions without a new outcome before a run is given up'),
  HOLD_GRACE_MS: internal(
    'When the hold of a lost call is given up; until then it counts as reserved.',
  ),
  INLINE_CHAIN_MS_MAX: internal(CHAINS),
  INLINE_CHAIN_STEPS_MAX: internal(CHAINS),
  INLINE_CHAIN_BYTES_MAX: internal(CHAINS),

  BUDGET_CENTS_DEFAULT: money(
    '`budget_cents` of a run that names none, if the levels above leave so much',
  ),
  BUDGET_CENTS_MAX: money('any budget; `total_cents` of one without a limit'),
  BUDGET_THRESHOLDS_PERCENT: money('parts of a budget whose spending is an event'),

  OUTPUT_INLINE_BYTES_MAX: outputs(
    'an output that is shown in the run; a larger one is referred to',
  ),
  OUTPUT_BYTES_MAX: outputs('the output of a step'),
  OUTPUT_PREVIEW_CHARS: outputs('the preview of an output that is referred to'),

  STREAMS_MAX: streams('streams that are open at once in an api process'),
  STREAMS_PER_TENANT_MAX: streams('streams of one tenant that are open at once in an api process'),
  STREAMS_PER_KEY_MAX: streams('streams of one key that are open at once in an api process'),
  STREAM_PING_MS: streams('how often a stream without events says that it is there'),
  STREAM_STALLED_MS_MAX: streams('how long a client may take nothing of what is sent to it'),
  STREAM_INBOUND_BYTES_MAX: internal('A message over a WebSocket ends it, whatever its size.'),

  AGENTS_PER_TENANT_MAX: agents('agents of a tenant'),
  AGENT_NAME_LENGTH_MAX: agents('`name` of an agent'),
  AGENT_SKILLS_MAX: agents('`allowed_skills` of an agent'),
  AGENT_HOSTS_MAX: agents('`allowed_hosts` of an agent'),
  HOST_LENGTH_MAX: agents('one of `allowed_hosts`'),
  CONCURRENT_RUNS_MAX: agents('`max_concurrent_runs` of an agent'),
  GOAL_LENGTH_MAX: agents('a goal'),
  PLANNER_ATTEMPTS_MAX: agents('questions to a model that makes a plan: one, and one for repair'),
  PLANNER_ANSWER_TOKENS_MAX: agents('what a model may answer that makes a plan'),
  PLANNER_INPUT_CHARS_MAX: agents("what of a run's input a model that makes a plan is shown"),
  PLANNER_REPAIRED_CHARS_MAX: internal(PLANNING),
  PLANNER_PROBLEMS_CHARS_MAX: internal(PLANNING),
  PLANNER_PROBLEMS_MAX: internal(PLANNING),

  TENANT_NAME_LENGTH_MAX: account('`name` of the tenant'),
  TOP_UP_NOTE_LENGTH_MAX: account('`note` of a top-up'),
  REFUSALS_ALIKE_MS: account(
    'the time within which refusals that are alike are one entry of the audit',
  ),
  REFUSALS_APART_MAX: internal(MEMORY),

  ITERATIONS_MAX: questions('`iterations` of a step in a simulation'),
  QUERY_TYPE_LENGTH_MAX: questions('`query_type` of a question'),
  HISTORY_ENTRIES_MAX: questions('entries of what_did_i_try_already'),
  HISTORY_RUNS_MAX: questions('runs that what_did_i_try_already looks at'),
  WAITING_RUNS_MAX: questions('open runs that what_is_waiting looks at, the oldest first'),
  SPEND_GROUPS_MAX: questions('groups that spend_by tells, the largest first'),
  NEXT_ACTION_BYTES_MAX: questions('a plan or an input that what_can_i_do_next submits again'),
  QUERY_ROWS_MAX: questions('`limit` of a typed question'),
  QUERY_ROWS_INCLUDED_MAX: questions('`limit` of a typed question with `include`'),
  QUERY_CONDITIONS_MAX: questions('conditions in `where`, those around others too'),
  QUERY_DEPTH_MAX: questions('how deep `where` may nest'),
  QUERY_LIST_MAX: questions('values of `in` and `not_in`'),
  QUERY_TEXT_LENGTH_MAX: questions('a text that a condition compares with'),
  QUERY_SELECTED_MAX: questions('fields of `select`'),
  QUERY_GROUPS_MAX: questions('fields of `group_by`'),
  QUERY_AGGREGATES_MAX: questions('`aggregates` of a question'),
  QUERY_ORDERS_MAX: questions('entries of `order_by`'),
  QUERY_CURSOR_LENGTH_MAX: questions('`cursor` of a typed question'),
  QUERY_INCLUDED_BYTES_MAX: questions(
    'an input, an output, a failure or data of an event that is told within a row',
  ),
  QUERIES_AT_ONCE_MAX: questions('typed questions, and spend_by, that a process answers at once'),
  QUERIES_WAITING_MAX: questions('typed questions, and spend_by, that wait for their turn'),
  QUERIES_AT_ONCE_PER_TENANT_MAX: questions('those of one tenant that a process answers at once'),
  QUERIES_WAITING_PER_TENANT_MAX: questions('those of one tenant that wait for their turn'),
  QUERY_MS_MAX: questions('how long one question may take in Postgres'),
  GOAL_WORDS_MAX: questions('different words of a goal that are looked for in skills'),
  OBSERVED_RUNS_MAX: questions('newest runs of the tenant whose calls are `observed`'),
  OBSERVED_CALLS_PER_RUN_MAX: questions('calls of one run that are `observed`'),
  OBSERVED_CACHE_MS: questions('how old `observed` may be'),
  OBSERVED_TENANTS_MAX: internal(MEMORY),
  RECALL_ENTRIES_DEFAULT: questions('entries of recall when no `k` is named'),
  RECALL_ENTRIES_MAX: questions('`k` of recall'),
  RECALL_QUERY_LENGTH_MAX: questions('`query` of recall'),
  RECALL_RANKED_MAX: questions('runs that `total` of recall counts'),
  MEMORY_CHARS_MAX: questions(
    'what recall searches of a run: its goal, and the beginning of its outcome',
  ),

  HTTP_RESPONSE_BYTES_MAX: http('the body of a response'),
  HTTP_REDIRECTS_MAX: http('redirects that are followed'),
  HTTP_TIMEOUT_DEFAULT_MS: http('a call when none is named'),
  HTTP_TIMEOUT_MAX_MS: http('`timeout_ms` of a call'),
  HTTP_URL_LENGTH_MAX: http('a URL, of webhook_send and llm_invoke too'),
  HTTP_HEADERS_MAX: http('headers of a request'),
  HTTP_HEADER_LENGTH_MAX: http('one header of a request'),
  HTTP_RESPONSE_HEADER_BYTES_MAX: http('the headers of a response together'),
  HTTP_CODINGS_MAX: http('content codings of a response, one over the other'),
  HTTP_JSON_DEPTH_MAX: http('how deep a response is read as JSON; a deeper one stays text'),

  TRANSFORM_QUERY_LENGTH_MAX: transform('a jq program'),
  TRANSFORM_TIMEOUT_DEFAULT_MS: transform('a program when none is named'),
  TRANSFORM_TIMEOUT_MAX_MS: transform('`timeout_ms` of a program'),
  TRANSFORM_DEPTH_MAX: transform('how deep the data of a program and its output may nest'),
  TRANSFORMS_WAITING_MAX: transform('programs that wait for their turn, in a worker'),
  TRANSFORM_QUICK_MS: internal('Whether a program runs inside a chain; its result is the same.'),

  LLM_TIMEOUT_DEFAULT_MS: llm('a call when the step names no `timeout_ms`'),
  LLM_TIMEOUT_MAX_MS: llm('a call'),
  LLM_MAX_TOKENS_DEFAULT: llm('an answer when no `max_tokens` is named'),
  LLM_MAX_TOKENS_MAX: llm('`max_tokens`'),
  LLM_TEMPERATURE_MAX: llm('`temperature`'),
  LLM_PROMPT_BYTES_MAX: llm('all text of a request together'),
  LLM_MESSAGES_MAX: llm('`messages`'),
  LLM_STOP_MAX: llm('`stop`'),
  LLM_STOP_LENGTH_MAX: llm('one text of `stop`'),
  LLM_MODEL_LENGTH_MAX: llm('`model`'),
  LLM_RESPONSE_BYTES_MAX: llm("a provider's response"),
  LLM_SCHEMA_BYTES_MAX: llm('`json_schema`'),
  LLM_SCHEMA_DEPTH_MAX: llm('how deep `json_schema` may nest'),
  LLM_SCHEMA_NAMES_MAX: llm('values of one `enum` and names of one `required` in `json_schema`'),
  LLM_CHECKS_MAX: llm(
    'checks of an answer against `json_schema`, one for every schema that meets a value',
  ),
  LLM_CHECKS_NESTED_MAX: llm(
    'schemas within each other that meet in one place of an answer, by references too',
  ),
  LLM_ANSWER_BYTES_MAX: llm('an answer that is to be JSON'),
  LLM_ANSWER_DEPTH_MAX: llm('how deep an answer that is to be JSON may nest'),
  LLM_CONCURRENCY_DEFAULT: {
    group: 'llm_invoke',
    appliesTo: 'calls at once of each provider, in a worker',
    setting: 'AOS_LLM_CONCURRENCY',
  },
  LLM_PLACE_WAIT_MS: llm('how long a call waits for its turn at its provider'),
  LLM_CONCURRENCY_MAX: internal('Bounds a setting of the operator.'),
  LLM_REPORTED_TOKENS_MAX: internal(
    'When a provider is not believed, so that the cost is presumed.',
  ),

  WEBHOOK_PAYLOAD_BYTES_MAX: webhook('`payload`'),
  WEBHOOK_RESPONSE_BYTES_MAX: webhook("what is read of the receiver's response"),
  WEBHOOK_TIMEOUT_DEFAULT_MS: webhook('a call when none is named'),
  WEBHOOK_TIMEOUT_MAX_MS: webhook('`timeout_ms` of a call'),

  ENDPOINTS_PER_TENANT_MAX: endpoints('webhooks of a tenant'),
  ENDPOINT_URL_LENGTH_MAX: endpoints('`url` of a webhook'),
  ENDPOINT_DESCRIPTION_LENGTH_MAX: endpoints('`description` of a webhook'),
  ENDPOINT_MESSAGE_BYTES_MAX: endpoints(
    'a message; of a larger event `data` is left out, and where it can be read is said',
  ),
  ENDPOINT_SEND_MS_MAX: endpoints('how long a receiver may take to answer'),
  ENDPOINT_ANSWER_BYTES_MAX: endpoints("what is read of a receiver's answer"),
  ENDPOINT_ANSWER_CHARS_MAX: endpoints("what is shown of a receiver's answer"),
  ENDPOINT_RETRY_DELAYS_MS: endpoints(
    'the pauses between attempts, each spread by a tenth; after the last one the delivery has failed',
  ),
  ENDPOINT_RETRY_AFTER_MAX_MS: endpoints('`Retry-After` of a receiver, as far as it is obeyed'),
  ENDPOINT_SENDING_MAX: endpoints('deliveries of one webhook that are being sent at once'),
  ENDPOINT_PENDING_MAX: internal(
    'How many deliveries wait as rows; further events of the webhook wait where they are.',
  ),
  ENDPOINT_OVERLAP_DEFAULT_MS: endpoints(
    'how long the old secret still signs when no `overlap_hours` is named',
  ),
  ENDPOINT_OVERLAP_MAX_MS: endpoints('`overlap_hours` of a rotation'),
  ENDPOINT_REPLAYED_MAX: endpoints('deliveries that one replay sends again'),
  ENDPOINT_REPLAY_AGE_MAX_MS: endpoints('how far back `since` of a replay may be'),
  ENDPOINT_ATTEMPTS_SHOWN_MAX: endpoints('attempts that a delivery shows'),

  EMAIL_RECIPIENTS_MAX: email('recipients of a message together'),
  EMAIL_SUBJECT_LENGTH_MAX: email('`subject`'),
  EMAIL_ADDRESS_LENGTH_MAX: email('one address, with its display name'),
  EMAIL_LOCAL_PART_LENGTH_MAX: email('what stands before the @ of an address'),
  EMAIL_HOST_LENGTH_MAX: email('what stands after the @ of an address'),
  EMAIL_BODY_BYTES_MAX: email('`text` or `html`'),
  EMAIL_TIMEOUT_DEFAULT_MS: email('a call when the step names no `timeout_ms`'),
  EMAIL_TIMEOUT_MAX_MS: email('a call'),

  WORKSPACE_FILE_BYTES_MAX: workspace('one file'),
  WORKSPACE_BYTES_MAX: workspace("all files of the tenant's workspace together"),
  WORKSPACE_PATH_LENGTH_MAX: workspace('`path`'),
  WORKSPACE_NAME_BYTES_MAX: workspace('one name in `path`'),
  WORKSPACE_ENTRIES_MAX: workspace("files and folders of the tenant's workspace"),
  WORKSPACE_FOLDERS_DEEP_MAX: workspace('folders inside each other'),
  WORKSPACE_TIMEOUT_DEFAULT_MS: workspace('a call when the step names no `timeout_ms`'),
  WORKSPACE_TIMEOUT_MAX_MS: workspace('a call'),
};

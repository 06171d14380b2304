/** Every bound of AOS, with its unit in its name. */

const KIB = 1024;
const MIB = 1024 * KIB;

export const REQUEST_BODY_BYTES_MAX = 2 * MIB;
/** Of the first line and the headers together. */
export const REQUEST_HEADER_BYTES_MAX = 16 * KIB;
/** How long the headers of a request may take to come, and how long all of it. */
export const REQUEST_HEADERS_MS_MAX = 15 * 1000;
export const REQUEST_MS_MAX = 60 * 1000;
/** Longer than the usual idle minute of load balancers: one that reuses a connection must not meet its end. */
export const CONNECTION_IDLE_MS = 65 * 1000;
export const PLAN_BYTES_MAX = 1 * MIB;
export const JSON_DEPTH_MAX = 64;
export const STEPS_PER_PLAN_MAX = 500;
/** Problems of one request that are told one by one. */
export const PROBLEMS_MAX = 100;
export const MAX_PARALLEL_DEFAULT = 16;
export const MAX_PARALLEL_MAX = 64;
export const LABELS_MAX = 32;
export const LABEL_LENGTH_MAX = 256;
/** Labels that a list can be narrowed to at once. */
export const LABEL_FILTERS_MAX = 10;
export const IDEMPOTENCY_KEY_LENGTH_MAX = 255;
/** How long a twin waits for the one that holds its idempotency key. */
export const IDEMPOTENCY_WAIT_MS = 2 * 1000;
/** Of whatever a request names by its id or its name: an agent, a run, a key, a skill, an operation. */
export const ID_LENGTH_MAX = 256;
export const STEP_ID_LENGTH_MAX = 64;
export const CANCEL_REASON_LENGTH_MAX = 1000;

export const RUN_DEADLINE_DEFAULT_MS = 24 * 3600 * 1000;
export const RUN_DEADLINE_MIN_MS = 1000;
export const RUN_DEADLINE_MAX_MS = 30 * 24 * 3600 * 1000;
/** How long after its deadline a run may still be open before the reconciler closes it. */
export const RUN_OVERDUE_MS = 60 * 1000;
export const STEP_TIMEOUT_MAX_MS = 24 * 3600 * 1000;
export const TRIES_PER_STEP_MAX = 100;
export const RETRY_DELAY_MAX_MS = 3600 * 1000;
export const RETRY_DELAY_DEFAULT_MS = 500;
/** What a delay that grows from try to try stops at. */
export const RETRY_DELAY_GROWN_DEFAULT_MS = 30 * 1000;
/** Executions in a row that end without a new outcome before the run is given up. */
export const FRUITLESS_EXECUTIONS_MAX = 3;

export const BUDGET_CENTS_DEFAULT = 1000;
export const BUDGET_CENTS_MAX = 9_000_000_000;
/** A step's hold outlives its try's deadline by this much before it may expire. */
export const HOLD_GRACE_MS = 2 * 60 * 1000;

export const OUTPUT_INLINE_BYTES_MAX = 256 * KIB;
export const OUTPUT_BYTES_MAX = 10 * MIB;
export const OUTPUT_PREVIEW_CHARS = 1000;
/** Bound on a step's params once its references are replaced by their values. */
export const RESOLVED_PARAMS_BYTES_MAX = 16 * MIB;
export const RESOLVED_DEPTH_MAX = 8 * JSON_DEPTH_MAX;

export const HTTP_RESPONSE_BYTES_MAX = 10 * MIB;
export const HTTP_REDIRECTS_MAX = 5;
/** When neither plan nor params say how long. */
export const HTTP_TIMEOUT_DEFAULT_MS = 30 * 1000;
export const HTTP_TIMEOUT_MAX_MS = 10 * 60 * 1000;
export const HTTP_URL_LENGTH_MAX = 16_384;
export const HTTP_HEADERS_MAX = 100;
export const HTTP_HEADER_LENGTH_MAX = 8192;
export const HTTP_RESPONSE_HEADER_BYTES_MAX = 64 * KIB;
/** Codings that a response may be in, one over the other. */
export const HTTP_CODINGS_MAX = 3;
/** A response that nests deeper stays text. */
export const HTTP_JSON_DEPTH_MAX = 256;

export const TRANSFORM_QUERY_LENGTH_MAX = 10_000;
export const TRANSFORM_TIMEOUT_DEFAULT_MS = 5 * 1000;
export const TRANSFORM_TIMEOUT_MAX_MS = 30 * 1000;
/** What jq itself reads and writes. */
export const TRANSFORM_DEPTH_MAX = 256;
/** Programs that wait for a thread, of each kind and in a worker; more are told to come back. */
export const TRANSFORMS_WAITING_MAX = 1000;
/** A program that takes longer does not run inside a chain. */
export const TRANSFORM_QUICK_MS = 200;

export const LLM_TIMEOUT_DEFAULT_MS = 2 * 60 * 1000;
export const LLM_TIMEOUT_MAX_MS = 10 * 60 * 1000;
export const LLM_MAX_TOKENS_DEFAULT = 1024;
export const LLM_MAX_TOKENS_MAX = 65_536;
export const LLM_TEMPERATURE_MAX = 2;
export const LLM_PROMPT_BYTES_MAX = 2 * MIB;
export const LLM_MESSAGES_MAX = 200;
export const LLM_STOP_MAX = 4;
export const LLM_RESPONSE_BYTES_MAX = 8 * MIB;
export const LLM_SCHEMA_BYTES_MAX = 64 * KIB;
export const LLM_SCHEMA_DEPTH_MAX = 32;
/** Of one `enum` and one `required`. */
export const LLM_SCHEMA_NAMES_MAX = 1000;
/** What the check of an answer against its schema may take, one for every schema that meets a value: about a second. */
export const LLM_CHECKS_MAX = 250_000;
/** Schemas within each other, by references too, that meet in one place of a value: what the stack holds. */
export const LLM_CHECKS_NESTED_MAX = 500;
/** Bounds on an answer that is to be JSON. */
export const LLM_ANSWER_BYTES_MAX = 1 * MIB;
export const LLM_ANSWER_DEPTH_MAX = 64;
export const LLM_MODEL_LENGTH_MAX = 200;
export const LLM_STOP_LENGTH_MAX = 256;
/** A provider that reports more tokens than this for one call is not believed. */
export const LLM_REPORTED_TOKENS_MAX = 100_000_000;
export const LLM_CONCURRENCY_DEFAULT = 8;
export const LLM_CONCURRENCY_MAX = 1000;
/** How long a call may wait for a free place at its provider before it is answered as rate limited. */
export const LLM_PLACE_WAIT_MS = 30 * 1000;

/** Bounds on what a model that makes a plan is shown and may answer. */
export const PLANNER_INPUT_CHARS_MAX = 2000;
/** Questions to the model: one, and one more with the mistakes of its answer. */
export const PLANNER_ATTEMPTS_MAX = 2;
export const PLANNER_ANSWER_TOKENS_MAX = 4096;
/** Of the answer and of its mistakes, as they are sent back for repair. */
export const PLANNER_REPAIRED_CHARS_MAX = 16 * KIB;
export const PLANNER_PROBLEMS_CHARS_MAX = 4 * KIB;
export const PLANNER_PROBLEMS_MAX = 20;

export const WEBHOOK_PAYLOAD_BYTES_MAX = 256 * KIB;
export const WEBHOOK_RESPONSE_BYTES_MAX = 64 * KIB;
export const WEBHOOK_TIMEOUT_DEFAULT_MS = 15 * 1000;
export const WEBHOOK_TIMEOUT_MAX_MS = 60 * 1000;

/** Endpoints of a tenant that receive events, and what each is sent. */
export const ENDPOINTS_PER_TENANT_MAX = 100;
export const ENDPOINT_URL_LENGTH_MAX = 2048;
export const ENDPOINT_DESCRIPTION_LENGTH_MAX = 500;
/** A message with an event that is larger goes out without what the event tells. */
export const ENDPOINT_MESSAGE_BYTES_MAX = 20_000;
export const ENDPOINT_SEND_MS_MAX = 15 * 1000;
export const ENDPOINT_ANSWER_BYTES_MAX = 4 * KIB;
export const ENDPOINT_ANSWER_CHARS_MAX = 1000;
/** Pauses between the attempts of a delivery, before they are spread; after the last one it has failed. */
export const ENDPOINT_RETRY_DELAYS_MS = [
  5 * 1000,
  5 * 60 * 1000,
  30 * 60 * 1000,
  2 * 3600 * 1000,
  5 * 3600 * 1000,
  10 * 3600 * 1000,
  14 * 3600 * 1000,
  20 * 3600 * 1000,
  24 * 3600 * 1000,
] as const;
/** How long a receiver may ask to be left alone. */
export const ENDPOINT_RETRY_AFTER_MAX_MS = 24 * 3600 * 1000;
/** Deliveries of one endpoint that are being sent at once. */
export const ENDPOINT_SENDING_MAX = 8;
/** Deliveries of one endpoint that may wait for their first attempt before its further events wait instead. */
export const ENDPOINT_PENDING_MAX = 1000;
export const ENDPOINT_OVERLAP_DEFAULT_MS = 24 * 3600 * 1000;
export const ENDPOINT_OVERLAP_MAX_MS = 7 * 24 * 3600 * 1000;
export const ENDPOINT_REPLAYED_MAX = 10_000;
export const ENDPOINT_REPLAY_AGE_MAX_MS = 30 * 24 * 3600 * 1000;
/** Attempts of a delivery that are shown, the newest ones. */
export const ENDPOINT_ATTEMPTS_SHOWN_MAX = 100;

export const EMAIL_RECIPIENTS_MAX = 50;
export const EMAIL_SUBJECT_LENGTH_MAX = 998;
export const EMAIL_ADDRESS_LENGTH_MAX = 320;
export const EMAIL_LOCAL_PART_LENGTH_MAX = 64;
export const EMAIL_HOST_LENGTH_MAX = 253;
export const EMAIL_BODY_BYTES_MAX = 1 * MIB;
export const EMAIL_TIMEOUT_DEFAULT_MS = 60 * 1000;
export const EMAIL_TIMEOUT_MAX_MS = 5 * 60 * 1000;

/** How long all compensation of a run may take together, counted from its begin. */
export const COMPENSATION_DEADLINE_DEFAULT_MS = 10 * 60 * 1000;
export const COMPENSATION_DEADLINE_MAX_MS = 24 * 3600 * 1000;

export const INLINE_CHAIN_MS_MAX = 1000;
export const INLINE_CHAIN_STEPS_MAX = 100;
export const INLINE_CHAIN_BYTES_MAX = 2 * MIB;

export const WORKSPACE_FILE_BYTES_MAX = 8 * MIB;
export const WORKSPACE_BYTES_MAX = 256 * MIB;
export const WORKSPACE_PATH_LENGTH_MAX = 1024;
export const WORKSPACE_NAME_BYTES_MAX = 255;
export const WORKSPACE_ENTRIES_MAX = 10_000;
export const WORKSPACE_FOLDERS_DEEP_MAX = 32;
export const WORKSPACE_TIMEOUT_DEFAULT_MS = 10 * 1000;
export const WORKSPACE_TIMEOUT_MAX_MS = 60 * 1000;

export const PAGE_SIZE_DEFAULT = 50;
export const PAGE_SIZE_MAX = 200;
export const WAIT_MS_MAX = 60 * 1000;

/** Of requests per minute: a key that has no limit of its own, and every address without a key. */
export const RATE_PER_MINUTE_DEFAULT = 60_000;
export const RATE_PER_MINUTE_MAX = 10_000_000;
export const RATE_WINDOW_MS = 60 * 1000;
/** Subjects that a process counts by itself at once. */
export const RATE_SUBJECTS_MAX = 100_000;
/** How long a process goes on with what it knows of a key: a revoked one works no longer than this. */
export const KEY_CACHE_MS = 900;
export const KEYS_CACHED_MAX = 10_000;
/** Paths whose routes a process remembers, and how long one may be with its method. */
export const MATCHED_PATHS_MAX = 1000;
export const MATCHED_PATH_LENGTH_MAX = 200;
/** Of the run objects of ended runs that a process keeps as they are sent: all together, and the largest. */
export const WRITTEN_RUNS_BYTES_MAX = 64 * MIB;
export const WRITTEN_RUN_BYTES_MAX = 1 * MIB;
/** Runs whose versions one statement reads. */
export const RUNS_PER_LOOKUP_MAX = 500;
/** Keys that are known to be wrong, remembered apart from the others so that they push none of those out. */
export const WRONG_KEYS_CACHED_MAX = 10_000;
/** A longer key is none, whatever it is. */
export const KEY_LENGTH_MAX = 256;
/** Statements at once that look keys up, in a process: for keys that worked before, and as many for all others. */
export const KEY_LOOKUPS_MAX = 2;
/** Keys that one of these statements looks up. */
export const KEYS_PER_LOOKUP_MAX = 500;
/** Requests that wait for such a statement; more are told to come back. */
export const KEY_LOOKUPS_WAITING_MAX = 10_000;
/** `last_used_at` of a key is written at most this often. */
export const KEY_USE_NOTED_MS = 60 * 1000;
export const KEYS_PER_TENANT_MAX = 1000;
export const KEY_NAME_LENGTH_MAX = 100;
/** How long both keys work after a rotation. */
export const KEY_OVERLAP_DEFAULT_MS = 24 * 3600 * 1000;
export const KEY_OVERLAP_MAX_MS = 30 * 24 * 3600 * 1000;

/** A shorter secret could not be hidden in a response without destroying ordinary text. */
export const SECRET_VALUE_CHARS_MIN = 8;
export const SECRET_VALUE_BYTES_MAX = 64 * KIB;
export const SECRET_HOSTS_MAX = 100;
export const SECRET_HOST_LENGTH_MAX = 300;
export const SECRETS_PER_TENANT_MAX = 1000;
/** All of them may be of one host: then each call to it looks for all, in many ways of writing. */
export const SECRETS_BYTES_PER_TENANT_MAX = MIB;
/** Different secrets in one call. */
export const SECRETS_PER_CALL_MAX = 8;
/** `last_used_at` of a secret is written at most this often. */
export const SECRET_USE_NOTED_MS = 60 * 1000;

export const AGENT_NAME_LENGTH_MAX = 200;
/** Of agents that are not archived. */
export const AGENTS_PER_TENANT_MAX = 10_000;
export const AGENT_SKILLS_MAX = 100;
export const AGENT_HOSTS_MAX = 100;
export const HOST_LENGTH_MAX = 255;
export const CONCURRENT_RUNS_MAX = 100_000;
export const GOAL_LENGTH_MAX = 10_000;

export const TENANT_NAME_LENGTH_MAX = 200;
export const TOP_UP_NOTE_LENGTH_MAX = 1000;
/** Refusals that are alike within this time are one row of the audit with a count. */
export const REFUSALS_ALIKE_MS = 60 * 1000;
/** Kinds of refusals that a process keeps apart at once; more are not recorded, only counted in the log. */
export const REFUSALS_APART_MAX = 10_000;

/** Parts of a budget, in percent, whose spending is an event. */
export const BUDGET_THRESHOLDS_PERCENT = [50, 80, 100] as const;

/** How many times over a simulation may count one step. */
export const ITERATIONS_MAX = 10_000;
export const QUERY_TYPE_LENGTH_MAX = 256;
/** What is told of what was tried before: the newest entries of the newest runs. */
export const HISTORY_ENTRIES_MAX = 200;
export const HISTORY_RUNS_MAX = 20;
/** What is observed of skills: the calls of the tenant's newest runs, and of each so many. */
export const OBSERVED_RUNS_MAX = 500;
export const OBSERVED_CALLS_PER_RUN_MAX = 100;
/** How long a process goes on with what it has observed, and of how many tenants. */
export const OBSERVED_CACHE_MS = 10 * 1000;
export const OBSERVED_TENANTS_MAX = 1000;
/** Open runs that what_is_waiting looks at, the oldest first. */
export const WAITING_RUNS_MAX = 50;
/** Groups that spend_by tells, the largest first. */
export const SPEND_GROUPS_MAX = 200;
/** A plan or an input that is larger is not written into a next action. */
export const NEXT_ACTION_BYTES_MAX = 64 * KIB;
/** Bounds on a question of the typed language. */
export const QUERY_ROWS_MAX = 1000;
/** With inputs or outputs. */
export const QUERY_ROWS_INCLUDED_MAX = 100;
export const QUERY_CONDITIONS_MAX = 100;
export const QUERY_DEPTH_MAX = 10;
export const QUERY_LIST_MAX = 200;
export const QUERY_TEXT_LENGTH_MAX = 1000;
export const QUERY_SELECTED_MAX = 60;
export const QUERY_GROUPS_MAX = 4;
export const QUERY_AGGREGATES_MAX = 12;
export const QUERY_ORDERS_MAX = 4;
/** A cursor holds what the rows are ordered by: four goals, every character of them escaped. */
export const QUERY_CURSOR_LENGTH_MAX = 512 * KIB;
/** An input or output that is larger is told by its size and where it is. */
export const QUERY_INCLUDED_BYTES_MAX = 16 * KIB;
/** Questions that a process asks Postgres at once, and that wait for their turn; more are told to come back. */
export const QUERIES_AT_ONCE_MAX = 4;
export const QUERIES_WAITING_MAX = 40;
/** Of one tenant: half of them, so that no tenant keeps the others out. */
export const QUERIES_AT_ONCE_PER_TENANT_MAX = 2;
export const QUERIES_WAITING_PER_TENANT_MAX = 20;
/** How long one question may take in Postgres. */
export const QUERY_MS_MAX = 3000;
/** Different words of a goal that are looked for in the skills. */
export const GOAL_WORDS_MAX = 200;

export const RECALL_ENTRIES_DEFAULT = 5;
export const RECALL_ENTRIES_MAX = 100;
export const RECALL_QUERY_LENGTH_MAX = 1000;
/** The newest finished runs with the words that are put in order; a recall's `total` counts no further. */
export const RECALL_RANKED_MAX = 1000;
/** Of what a finished run is found by: its words must fit in a tsvector, which takes 1 MiB. */
export const MEMORY_CHARS_MAX = 64 * KIB;

/** Open streams of events in an api process, and of one tenant and one key in it. */
export const STREAMS_MAX = 5000;
export const STREAMS_PER_TENANT_MAX = 2500;
export const STREAMS_PER_KEY_MAX = 1000;
export const STREAM_PING_MS = 15 * 1000;
/** How long a stream is kept whose client takes nothing of what is sent to it. */
export const STREAM_STALLED_MS_MAX = 5 * 60 * 1000;
/** What a client may send over a WebSocket: it has nothing to say. */
export const STREAM_INBOUND_BYTES_MAX = 1024;

/** The closed list of failures: what each one means and what to do about it. Holds no zod, so that workflows may read it. */

export const FAILURE_CATEGORIES = [
  'TRANSIENT',
  'PERMANENT',
  'RESOURCE',
  'PERMISSION',
  'VALIDATION',
  'INFRASTRUCTURE',
  'SECURITY',
  'DATA',
] as const;
export type FailureCategory = (typeof FAILURE_CATEGORIES)[number];

export interface FailureCodeEntry {
  title: string;
  category: FailureCategory;
  /** Whether the same call may succeed later without a change. */
  retryable: boolean;
  httpStatus: number;
  /** What happened, in general. */
  meaning: string;
  /** What a person or an agent can do about it. */
  fix: string;
  /** The machine's word for `fix`. */
  action: RecoveryAction;
}

export const RECOVERY_ACTIONS = [
  'fix_request',
  'fix_plan',
  'retry_later',
  'raise_budget',
  'raise_limit',
  'authenticate',
  'ask_operator',
  'check_effect',
  'read_run',
  'none',
] as const;
export type RecoveryAction = (typeof RECOVERY_ACTIONS)[number];

const entry = (
  category: FailureCategory,
  httpStatus: number,
  retryable: boolean,
  action: RecoveryAction,
  title: string,
  meaning: string,
  fix: string,
): FailureCodeEntry => ({ category, httpStatus, retryable, action, title, meaning, fix });

export const FAILURE_CODES = {
  INVALID_JSON: entry('VALIDATION', 400, false, 'fix_request', 'The body is not JSON', 'The request body could not be parsed as UTF-8 JSON, or it nests deeper than 64 levels.', 'Send a JSON object with Content-Type: application/json.'),
  INVALID_REQUEST: entry('VALIDATION', 422, false, 'fix_request', 'The request has the wrong shape', 'A field is missing, has the wrong type or is out of its range; `errors` names each place.', 'Correct the places that `errors` names and send the request again.'),
  BODY_TOO_LARGE: entry('VALIDATION', 413, false, 'fix_request', 'The body is too large', 'The request body is larger than 2 MiB.', 'Send a smaller body: pass large data by reference, for instance a URL that a step fetches.'),
  PLAN_INVALID: entry('VALIDATION', 422, false, 'fix_plan', 'The plan has mistakes', 'The plan breaks one or more rules; `errors` lists every one with its JSON Pointer.', 'Correct every place that `errors` names and submit the plan again.'),
  PLAN_REQUIRED: entry('VALIDATION', 422, false, 'fix_request', 'A plan is required', 'The request has a goal but no plan, and this AOS does not plan from goals.', 'Send `plan` beside `goal`.'),
  NOT_AVAILABLE_YET: entry('VALIDATION', 422, false, 'fix_plan', 'Not available in this version', 'The plan uses a feature of the plan language that this version does not run yet.', 'Remove the places that `errors` names.'),
  CURSOR_INVALID: entry('VALIDATION', 400, false, 'fix_request', 'The cursor is not valid', 'The cursor was not made by this list.', 'Start again without a cursor.'),
  IDEMPOTENCY_KEY_REUSED: entry('VALIDATION', 422, false, 'fix_request', 'The idempotency key belongs to another request', 'The same idempotency key was used before with another body, or header and body name different keys.', 'Use a new key for a new request; repeat a request with exactly the same body.'),
  IDEMPOTENCY_IN_FLIGHT: entry('TRANSIENT', 409, true, 'retry_later', 'A request with the same key is still being accepted', 'A twin of this request holds its idempotency key and has not finished within 2 seconds.', 'Send the same request again after `retry_after_ms`.'),
  UNAUTHENTICATED: entry('PERMISSION', 401, false, 'authenticate', 'No valid API key', 'The request carries no API key, or one that is unknown, revoked or expired.', 'Send a valid key in X-API-Key, X-AOS-Key or Authorization: Bearer.'),
  NOT_FOUND: entry('VALIDATION', 404, false, 'fix_request', 'No such route', 'No resource answers at this path.', 'Check the path against the README.'),
  METHOD_NOT_ALLOWED: entry('VALIDATION', 405, false, 'fix_request', 'The method is not allowed here', 'The path exists, but not for this HTTP method.', 'Use one of the methods in the Allow header.'),
  RUN_NOT_FOUND: entry('VALIDATION', 404, false, 'fix_request', 'No such run', 'No run with this id belongs to the tenant of the key.', 'List your runs with GET /api/v1/runs.'),
  STEP_NOT_FOUND: entry('VALIDATION', 404, false, 'fix_request', 'No such step', 'The run has no step with this id.', 'Read the run to see the ids of its steps.'),
  OUTPUT_NOT_FOUND: entry('VALIDATION', 404, false, 'fix_request', 'The step has no output', 'The step has not succeeded, so there is no output to read.', 'Read the step to see its status and failure.'),
  SKILL_NOT_FOUND: entry('VALIDATION', 404, false, 'fix_plan', 'No such skill', 'The named skill is not in the registry.', 'List the skills with GET /api/v1/runtime/skills.'),
  RUN_CLOSED: entry('VALIDATION', 409, false, 'read_run', 'The run has already ended', 'The run is in a terminal state, so nothing can be changed about it.', 'Read the run for its outcome.'),
  INTERNAL: entry('INFRASTRUCTURE', 500, false, 'ask_operator', 'AOS failed', 'Something in AOS itself failed; the log has the details under the request id.', 'Report the request id to the operator.'),
  SERVICE_UNAVAILABLE: entry('INFRASTRUCTURE', 503, true, 'retry_later', 'AOS cannot serve this now', 'A part that AOS needs (Postgres, Temporal or a worker) does not answer.', 'Send the request again after `retry_after_ms`; GET /health/ready says which part is missing.'),

  BUDGET_EXCEEDED: entry('RESOURCE', 402, false, 'raise_budget', 'The budget does not cover this', 'The worst case of the call does not fit in what is left of a limit; the message names the account, its limit, what is settled, reserved and asked.', 'Submit with a larger `budget_cents`, or lower the worst case of the step.'),
  DEADLINE_EXCEEDED: entry('RESOURCE', 504, false, 'raise_limit', 'The run passed its deadline', 'The deadline of the run came before its steps were done.', 'Submit with a larger `deadline_ms`.'),
  CANCELLED: entry('PERMANENT', 409, false, 'none', 'Cancelled on request', 'Somebody cancelled the run.', 'Submit the plan again if it is still wanted.'),
  TERMINATED: entry('PERMANENT', 409, false, 'ask_operator', 'Ended by an operator', 'An operator terminated the execution in Temporal.', 'Ask the operator why, then submit the plan again.'),
  EFFECT_UNKNOWN: entry('INFRASTRUCTURE', 500, false, 'check_effect', 'It is unknown whether the effect happened', 'The worker was lost after the call had begun, and the call may not safely be repeated.', 'Look in the outside system for the effect key, then decide; mark the step `idempotent: true` if repeating it is safe.'),
  STEP_LOST: entry('INFRASTRUCTURE', 500, false, 'check_effect', 'The try of the step was lost', 'The activity that ran this try ended without an outcome.', 'Look in the outside system for the effect key, then submit again.'),
  EXECUTION_LOST: entry('INFRASTRUCTURE', 500, false, 'ask_operator', 'The run could not be kept alive', 'Three executions in a row ended without a new outcome.', 'Ask the operator to look at the workers, then submit again.'),
  RUN_UNKNOWN: entry('INFRASTRUCTURE', 404, false, 'none', 'The execution belongs to no current run', 'Temporal started an execution that Postgres does not know or that is not the current one.', 'Nothing to do: the execution has ended without touching anything.'),
  CLOSE_FAILED: entry('INFRASTRUCTURE', 500, true, 'ask_operator', 'The run could not be closed', 'Writing the final state of the run failed for a reason that is no outage.', 'Ask the operator to read the log; the reconciler keeps trying.'),

  REFERENCE_MISSING: entry('DATA', 422, false, 'fix_plan', 'A referenced value is not there', 'A `{{…}}` reference names a path that the output does not have, or the output of a step that was skipped.', 'Look at the output of the referenced step and correct the path.'),
  PARAMS_INVALID: entry('DATA', 422, false, 'fix_plan', 'The resolved params do not fit the skill', 'After its references were replaced, the params of the step break the schema of the skill.', 'Compare the values with the schema at GET /api/v1/runtime/skills/{id}.'),
  PARAMS_TOO_LARGE: entry('DATA', 422, false, 'fix_plan', 'The resolved params are too large', 'After its references were replaced, the params of the step exceed 16 MiB.', 'Reference a smaller part of the output.'),
  OUTPUT_TOO_LARGE: entry('DATA', 422, false, 'fix_plan', 'The output is too large', 'The skill returned more than 10 MiB.', 'Ask for less: a page, a range, or fewer fields.'),
  TIMEOUT: entry('TRANSIENT', 504, true, 'retry_later', 'The call took too long', 'The skill did not finish within its time limit.', 'Raise `timeout_ms` of the step, or try again later.'),

  HTTP_4XX: entry('PERMANENT', 502, false, 'fix_plan', 'The server refused the request', 'The server answered with a status from 400 to 499; `upstream_status` holds it.', 'Correct the request according to the answer of the server.'),
  HTTP_5XX: entry('TRANSIENT', 502, true, 'retry_later', 'The server failed', 'The server answered with a status from 500 to 599; `upstream_status` holds it.', 'Try again later, or allow more tries with `retry.max_attempts`.'),
  DNS_FAILED: entry('TRANSIENT', 502, true, 'retry_later', 'The host name does not resolve', 'No address was found for the host of the URL.', 'Check the host name in the URL.'),
  CONNECT_FAILED: entry('TRANSIENT', 502, true, 'retry_later', 'No connection to the server', 'The server refused the connection, or it could not be reached.', 'Check host and port, or try again later.'),
  CONNECTION_LOST: entry('TRANSIENT', 502, true, 'retry_later', 'The connection broke', 'The connection ended before the whole response had come.', 'Try again later.'),
  TLS_FAILED: entry('SECURITY', 502, false, 'fix_plan', 'The TLS connection failed', 'The certificate of the server is not valid for this host, or the two sides share no protocol.', 'Check the certificate of the server.'),
  EGRESS_BLOCKED: entry('SECURITY', 403, false, 'ask_operator', 'The address may not be reached', 'The URL leads to an address, scheme or port that skills may not reach; no packet was sent.', 'Use a public address, or ask the operator to add the target to AOS_EGRESS_ALLOW.'),
  REDIRECT_REFUSED: entry('PERMANENT', 502, false, 'fix_plan', 'The redirect was not followed', 'The server redirects too often, to no valid URL, or to a host that has a price of its own.', 'Call the final URL directly.'),
  RESPONSE_TOO_LARGE: entry('DATA', 502, false, 'fix_plan', 'The response is too large', 'The response is larger than its cap.', 'Ask the server for less: a page, a range, or fewer fields.'),
  RESPONSE_INVALID: entry('DATA', 502, false, 'fix_plan', 'The response breaks the protocol', 'The server did not answer in valid HTTP, or lied about the length or the encoding.', 'Correct the server.'),

  TRANSFORM_QUERY_INVALID: entry('VALIDATION', 422, false, 'fix_plan', 'The jq program does not compile', 'jq could not parse the program.', 'Correct the program; the message says where it fails.'),
  TRANSFORM_FAILED: entry('DATA', 422, false, 'fix_plan', 'The jq program failed on this data', 'The program is valid but does not fit its input.', 'Compare the program with the input; the message says what failed.'),
  TRANSFORM_OUT_OF_MEMORY: entry('RESOURCE', 422, false, 'fix_plan', 'The jq program needs too much memory', 'The program reached the memory bound of its sandbox.', 'Make the program build less, or give it less data.'),

  FS_PATH_REFUSED: entry('SECURITY', 403, false, 'fix_plan', 'The path leaves the workspace', 'The path is absolute, climbs with `..`, has a forbidden character, or passes through a link.', 'Use a plain relative path inside the workspace.'),
  FS_NOT_FOUND: entry('DATA', 404, false, 'fix_plan', 'No such file', 'The workspace has no file at this path.', 'Write the file in an earlier step, or correct the path.'),
  FS_NOT_A_FILE: entry('DATA', 422, false, 'fix_plan', 'Not a regular file', 'The path is a folder or another thing that is no regular file.', 'Name a file.'),
  FS_TOO_LARGE: entry('RESOURCE', 422, false, 'fix_plan', 'The file is too large', 'The content is larger than the cap for one file.', 'Split the content.'),
  FS_QUOTA_EXCEEDED: entry('RESOURCE', 422, false, 'ask_operator', 'The workspace is full', 'The write would take the workspace of the tenant over its quota.', 'Ask the operator to empty the workspace.'),
  FS_NOT_TEXT: entry('DATA', 422, false, 'fix_plan', 'The file is not UTF-8 text', 'The file was read as text but holds bytes that are no UTF-8.', 'Read it with `encoding: "base64"`.'),
  FS_IO_FAILED: entry('INFRASTRUCTURE', 500, true, 'retry_later', 'The disk failed', 'The operating system refused to read or write the file.', 'Try again later; the operator can see the reason in the log.'),
  SKILL_CRASHED: entry('INFRASTRUCTURE', 500, false, 'ask_operator', 'The skill crashed', 'The skill ended with an error of its own instead of an outcome.', 'Report the run id to the operator.'),
} as const satisfies Record<string, FailureCodeEntry>;

export type FailureCode = keyof typeof FAILURE_CODES;

import { join, resolve } from 'node:path';
import {
  KEY_LENGTH_MAX,
  LLM_CONCURRENCY_DEFAULT,
  RATE_PER_MINUTE_DEFAULT,
  RATE_PER_MINUTE_MAX,
} from './contracts/limits.ts';
import { nearest } from './domain/near-miss.ts';
import { parseAddressList } from './skills/email/address-list.ts';
import type { EmailSettings } from './skills/email/settings.ts';
import { parseSmtpUrl } from './skills/email/smtp-url.ts';
import { parseEgressAllow } from './skills/egress.ts';
import type { EgressRule } from './skills/egress.ts';
import { parseHttpPrices } from './skills/http/prices.ts';
import type { HttpPrices } from './skills/http/prices.ts';
import { parseBaseUrl } from './skills/llm/base-url.ts';
import { parseLlmPrices } from './skills/llm/prices/operator-prices.ts';
import {
  llmProblems,
  llmWarnings,
  parseLlmConcurrency,
  parseLlmKey,
  parseModel,
  toLlmSettings,
} from './skills/llm/settings.ts';
import type { LlmSettings, LlmValues } from './skills/llm/settings.ts';
import { LOG_LEVELS } from './telemetry/logger.ts';
import type { LogLevel } from './telemetry/logger.ts';

/** What a setting is for; also the list behind docs/reference/settings.md and .env.example. */
export const SETTINGS = {
  AOS_PORT: 'port of the API (default 8000; 0 takes a free one)',
  AOS_HOST: 'address that the API listens on (default 127.0.0.1)',
  AOS_METRICS_PORT: "port of the api's /metrics (default 9464; 0 takes a free one)",
  AOS_WORKER_METRICS_PORT: "port of the worker's /metrics (default 9465; 0 takes a free one)",
  AOS_METRICS_HOST:
    'address that both are served on; they need no key, so keep it private (default 127.0.0.1)',
  AOS_DATA_DIR: 'folder of the embedded servers, the workspaces and the pepper (default .aos)',
  AOS_ADMIN_KEY:
    'an admin key that is ensured at every start: aos_ and at least 32 more characters',
  AOS_RATE_LIMIT_PER_MINUTE: `requests per minute of a key that has no limit of its own, and of an address without a key (default ${RATE_PER_MINUTE_DEFAULT})`,
  AOS_CORS_ORIGINS:
    'origins whose pages may call the API from a browser, comma-separated, for instance https://console.example.org (default: none)',
  REDIS_URL:
    'a Redis that counts requests for all api processes together and tells them of new events (default: each counts by itself, and Postgres tells)',
  AOS_KEY_PEPPER:
    'secret behind the hashes of API keys and the secrets of webhooks, at least 32 characters; made and kept in the data folder when Postgres is embedded',
  AOS_SECRETS_KEY:
    'what secrets are sealed with, at least 32 characters: without it nobody can open them; made and kept in the data folder when Postgres is embedded',
  DATABASE_URL: 'a Postgres to use instead of the embedded one',
  DATABASE_DIRECT_URL:
    'the same without a connection pooler, for LISTEN and migrations (default DATABASE_URL)',
  DATABASE_STATEMENTS:
    'named or plain: named ones are parsed once a connection, and need a pooler that knows them (default plain; named when Postgres is embedded)',
  TEMPORAL_ADDRESS: 'host:port of a Temporal to use instead of the embedded dev server',
  TEMPORAL_NAMESPACE: 'its namespace (default aos)',
  TEMPORAL_CLI: 'path of the temporal program for the embedded dev server',
  TEMPORAL_UI_PORT: 'port of the embedded Temporal Web UI (default 8233; 0 takes a free one)',
  AOS_TEMPORAL_PORT: 'port of the embedded Temporal (default: a free one)',
  AOS_POSTGRES_PORT: 'port of the embedded Postgres (default: a free one)',
  AOS_EGRESS_ALLOW:
    'private targets that skills may reach: CIDRs or host:port, ports as number or range, comma-separated',
  AOS_HTTP_PRICES:
    'price of calls by host: host[:port]=CENTS_PER_CALL[+CENTS_PER_MIB/MiB], comma-separated',
  OPENAI_API_KEY: 'key of OpenAI, for llm_invoke',
  OPENAI_BASE_URL: 'another base URL for it (default https://api.openai.com/v1)',
  ANTHROPIC_API_KEY: 'key of Anthropic, for llm_invoke',
  ANTHROPIC_BASE_URL: 'another base URL for it (default https://api.anthropic.com)',
  AOS_LLM_BASE_URL:
    'OpenAI-compatible server of models, for instance http://127.0.0.1:11434/v1; its provider is called compatible',
  AOS_LLM_API_KEY: 'its key, if it wants one',
  AOS_LLM_MODEL:
    'provider/model or model that llm_invoke takes when a plan names none (default: a cheap one of the first provider)',
  AOS_LLM_PRICES:
    'prices beside and above the built-in table: [provider/]model=INPUT_CENTS/OUTPUT_CENTS per million tokens, comma-separated; provider/* is all of a provider, 0 is free',
  AOS_LLM_CONCURRENCY: `calls of models at once per provider (default ${LLM_CONCURRENCY_DEFAULT})`,
  AOS_WORKSPACE_DIR:
    'folder of the files that fs_read and fs_write see (default: workspaces in the data folder)',
  SMTP_URL:
    'mail server of email_send: smtp://USER:PASSWORD@HOST:PORT or smtps://…; ?requireTLS=true, ?tls.rejectUnauthorized=false, ?name=HOST',
  AOS_EMAIL_FROM:
    'addresses that email_send may send from, comma-separated, the first being the default; *@example.org allows a domain',
  AOS_EMAIL_TO: 'addresses that email_send may write to, in the same form (default: any)',
  AOS_ENGINE_REPLACED: '1 says that another Temporal store than before is meant',
  LOG_LEVEL: `${LOG_LEVELS.join(', ')} (default info)`,
} as const;
export type SettingName = keyof typeof SETTINGS;

/** Names of the same family that other programs read, so that they are no misspellings of ours. */
const FOREIGN_NAMES: ReadonlySet<string> = new Set([
  'TEMPORAL_TLS',
  'TEMPORAL_API_KEY',
  'TEMPORAL_PROFILE',
  'TEMPORAL_CONFIG_FILE',
  'SMTP_SSL',
]);
/** What the processes on one database must have in common, and why. */
const SHARED_KEYS = [
  ['AOS_KEY_PEPPER', 'hash keys alike'],
  ['AOS_SECRETS_KEY', 'open what another has sealed'],
] as const;
const PORT_MAX = 65_535;
const FAMILY = /^(AOS|TEMPORAL|DATABASE|REDIS|SMTPS?|LOG|OPENAI|ANTHROPIC)_/;

export interface Config {
  port: number;
  host: string;
  metricsPort: number;
  workerMetricsPort: number;
  metricsHost: string;
  dataDir: string;
  adminKey: string | undefined;
  /** Requests per minute, for keys without a limit of their own. */
  ratePerMinute: number;
  corsOrigins: string[];
  redisUrl: string | undefined;
  keyPepper: string | undefined;
  secretsKey: string | undefined;
  databaseUrl: string | undefined;
  databaseDirectUrl: string | undefined;
  namedStatements: boolean;
  temporalAddress: string | undefined;
  temporalNamespace: string;
  temporalCli: string | undefined;
  temporalUiPort: number;
  temporalPort: number | undefined;
  postgresPort: number | undefined;
  egressAllow: EgressRule[];
  httpPrices: HttpPrices;
  llm: LlmSettings;
  workspaceDir: string;
  email: EmailSettings | undefined;
  engineReplaced: boolean;
  logLevel: LogLevel;
  warnings: string[];
}

/** All that is wrong with the settings, one line each. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

type Read = <T>(name: SettingName, parse: (text: string) => T, fallback: T) => T;

/** Reads and checks every setting. Throws ConfigError with all problems at once. */
export function readConfig(env: Environment = process.env): Readonly<Config> {
  const { problems, warnings } = checkNames(env);
  const read: Read = (name, parse, fallback) => {
    const text = env[name]?.trim();
    if (text === undefined || text === '') return fallback;
    try {
      return parse(text);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      problems.push(message.startsWith(name) ? message : `${name}: ${message}`);
      return fallback;
    }
  };
  const dataDir = read('AOS_DATA_DIR', (text) => resolve(text), resolve('.aos'));
  const problemsBefore = problems.length;
  const llmValues = readLlm(read);
  const llm = toLlmSettings(llmValues);
  warnings.push(...llmWarnings(llmValues, llm));
  if (problems.length === problemsBefore) problems.push(...llmProblems(llmValues, llm));
  const config: Config = {
    port: read('AOS_PORT', parsePort, 8000),
    host: read('AOS_HOST', String, '127.0.0.1'),
    metricsPort: read('AOS_METRICS_PORT', parsePort, 9464),
    workerMetricsPort: read('AOS_WORKER_METRICS_PORT', parsePort, 9465),
    metricsHost: read('AOS_METRICS_HOST', String, '127.0.0.1'),
    dataDir,
    adminKey: read('AOS_ADMIN_KEY', parseAdminKey, undefined),
    ratePerMinute: read('AOS_RATE_LIMIT_PER_MINUTE', parseRate, RATE_PER_MINUTE_DEFAULT),
    corsOrigins: read('AOS_CORS_ORIGINS', parseOrigins, []),
    redisUrl: read('REDIS_URL', parseRedisUrl, undefined),
    keyPepper: read('AOS_KEY_PEPPER', parsePepper, undefined),
    secretsKey: read('AOS_SECRETS_KEY', parsePepper, undefined),
    databaseUrl: read('DATABASE_URL', parsePostgresUrl, undefined),
    databaseDirectUrl: read('DATABASE_DIRECT_URL', parsePostgresUrl, undefined),
    namedStatements: read('DATABASE_STATEMENTS', parseStatements, false),
    temporalAddress: read('TEMPORAL_ADDRESS', parseAddress, undefined),
    temporalNamespace: read('TEMPORAL_NAMESPACE', String, 'aos'),
    temporalCli: read('TEMPORAL_CLI', String, undefined),
    temporalUiPort: read('TEMPORAL_UI_PORT', parsePort, 8233),
    temporalPort: read('AOS_TEMPORAL_PORT', parsePort, undefined),
    postgresPort: read('AOS_POSTGRES_PORT', parsePort, undefined),
    egressAllow: read('AOS_EGRESS_ALLOW', parseEgressAllow, []),
    httpPrices: read('AOS_HTTP_PRICES', parseHttpPrices, parseHttpPrices('')),
    llm,
    workspaceDir: read('AOS_WORKSPACE_DIR', (text) => resolve(text), join(dataDir, 'workspaces')),
    email: readEmail(read),
    engineReplaced: read('AOS_ENGINE_REPLACED', parseFlag, false),
    logLevel: read('LOG_LEVEL', parseLogLevel, 'info'),
    warnings,
  };
  for (const [name, why] of SHARED_KEYS) {
    if (config.databaseUrl === undefined || isSet(env, name)) continue;
    problems.push(
      `${name}: required with DATABASE_URL, since every process must ${why}. Make one with: openssl rand -hex 32`,
    );
  }
  if (isSet(env, 'SMTP_URL') && !isSet(env, 'AOS_EMAIL_FROM')) {
    problems.push(
      'AOS_EMAIL_FROM: required with SMTP_URL: the addresses that may send, for instance alerts@example.org or *@example.org.',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

const isSet = (env: Environment, name: SettingName): boolean => (env[name] ?? '').trim() !== '';

const readLlm = (read: Read): LlmValues => ({
  openaiKey: read('OPENAI_API_KEY', parseLlmKey, undefined),
  openaiUrl: read('OPENAI_BASE_URL', parseBaseUrl, undefined),
  anthropicKey: read('ANTHROPIC_API_KEY', parseLlmKey, undefined),
  anthropicUrl: read('ANTHROPIC_BASE_URL', parseBaseUrl, undefined),
  compatibleUrl: read('AOS_LLM_BASE_URL', parseBaseUrl, undefined),
  compatibleKey: read('AOS_LLM_API_KEY', parseLlmKey, undefined),
  model: read('AOS_LLM_MODEL', parseModel, undefined),
  operatorPrices: read('AOS_LLM_PRICES', parseLlmPrices, new Map()),
  concurrency: read('AOS_LLM_CONCURRENCY', parseLlmConcurrency, LLM_CONCURRENCY_DEFAULT),
});

function readEmail(read: Read): EmailSettings | undefined {
  const server = read('SMTP_URL', parseSmtpUrl, undefined);
  const senders = read('AOS_EMAIL_FROM', parseAddressList, undefined);
  const recipients = read('AOS_EMAIL_TO', parseAddressList, undefined);
  return server && senders && { server, senders, recipients };
}

function checkNames(env: Environment): { problems: string[]; warnings: string[] } {
  const known = Object.keys(SETTINGS);
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const name of Object.keys(env)) {
    if (!FAMILY.test(name) || known.includes(name) || FOREIGN_NAMES.has(name)) continue;
    const near = nearest(name, known);
    if (near) problems.push(`${name}: no such setting, did you mean ${near}?`);
    else if (name.startsWith('AOS_')) warnings.push(`${name}: no such setting; it is ignored.`);
  }
  return { problems, warnings };
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= PORT_MAX) return Number(text);
  throw new Error(`"${text}" is no port: it takes a whole number from 0 to 65535.`);
}

function parseAdminKey(text: string): string {
  if (/^aos_[\x21-\x7e]{32,}$/.test(text) && text.length <= KEY_LENGTH_MAX) return text;
  throw new Error(
    `a key is aos_ and at least 32 more printable characters, ${KEY_LENGTH_MAX} in all at most.`,
  );
}

function parsePepper(text: string): string {
  if (text.length >= 32) return text;
  throw new Error('takes at least 32 characters. Make one with: openssl rand -hex 32');
}

function parseRate(text: string): number {
  const rate = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (rate >= 1 && rate <= RATE_PER_MINUTE_MAX) return rate;
  throw new Error(
    `"${text}" is no rate: it takes a whole number from 1 to ${RATE_PER_MINUTE_MAX}.`,
  );
}

function parseOrigins(text: string): string[] {
  const origins = text.split(',').map((each) => each.trim());
  const wrong = origins.find((each) => !/^https?:\/\//.test(each) || originOf(each) !== each);
  if (wrong === undefined) return origins;
  throw new Error(
    `"${wrong}" is no origin: it takes a scheme, a host and a port, for instance https://console.example.org.`,
  );
}

const originOf = (text: string): string | undefined =>
  URL.canParse(text) ? new URL(text).origin : undefined;

function parseRedisUrl(text: string): string {
  if (/^rediss?:\/\/\S+$/.test(text) && URL.canParse(text)) return text;
  throw new Error('takes a URL like redis://user:password@host:6379/0.');
}

function parsePostgresUrl(text: string): string {
  if (/^postgres(ql)?:\/\/\S+$/.test(text)) return text;
  throw new Error('takes a URL like postgresql://user:password@host:5432/database.');
}

function parseStatements(text: string): boolean {
  if (text === 'named' || text === 'plain') return text === 'named';
  throw new Error(`"${text}" is neither named nor plain.`);
}

function parseAddress(text: string): string {
  const port = Number(/^(?:\[[\da-fA-F:.]+\]|[^\s:/@]+):(\d{1,5})$/.exec(text)?.[1] ?? 0);
  if (port >= 1 && port <= PORT_MAX) return text;
  throw new Error(`"${text}" is no address: it takes host:port, for instance 127.0.0.1:7233.`);
}

function parseFlag(text: string): boolean {
  if (text === '1' || text === 'true') return true;
  if (text === '0' || text === 'false') return false;
  throw new Error(`"${text}" is neither 1 nor 0.`);
}

function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((each) => each === text);
  if (level) return level;
  const near = nearest(text, LOG_LEVELS);
  throw new Error(
    `"${text}" is none of ${LOG_LEVELS.join(', ')}${near ? `; did you mean ${near}?` : '.'}`,
  );
}

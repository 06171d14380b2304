import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, readConfig, SETTINGS } from '../src/config.ts';
import type { Environment } from '../src/config.ts';

const PEPPER = 'p'.repeat(32);
const SECRETS_KEY = 's'.repeat(40);

/** The problems, one a line; fails when there are none. */
function problemsOf(env: Environment): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n');
  }
  throw new Error(`these settings were accepted: ${JSON.stringify(env)}`);
}

describe('settings', () => {
  test('have defaults that start everything on one machine', () => {
    const { httpPrices, llm, ...config } = readConfig({});
    expect(config).toEqual({
      port: 8000,
      host: '127.0.0.1',
      metricsPort: 9464,
      workerMetricsPort: 9465,
      metricsHost: '127.0.0.1',
      dataDir: resolve('.aos'),
      adminKey: undefined,
      keyPepper: undefined,
      secretsKey: undefined,
      databaseUrl: undefined,
      databaseDirectUrl: undefined,
      namedStatements: false,
      temporalAddress: undefined,
      temporalNamespace: 'aos',
      temporalCli: undefined,
      temporalUiPort: 8233,
      temporalPort: undefined,
      postgresPort: undefined,
      ratePerMinute: 60_000,
      corsOrigins: [],
      redisUrl: undefined,
      egressAllow: [],
      workspaceDir: resolve('.aos/workspaces'),
      email: undefined,
      engineReplaced: false,
      logLevel: 'info',
      warnings: [],
    });
    expect(httpPrices.worstCase(new URL('https://example.org'), 1024)).toBe(0);
    expect(llm).toMatchObject({ providers: [], concurrency: 8 });
  });

  test('are each read from their own variable', () => {
    const env: Record<keyof typeof SETTINGS, string> = {
      AOS_PORT: '9000',
      AOS_HOST: '0.0.0.0',
      AOS_METRICS_PORT: '9001',
      AOS_WORKER_METRICS_PORT: '0',
      AOS_METRICS_HOST: '10.0.0.1',
      AOS_DATA_DIR: '/var/lib/aos',
      AOS_ADMIN_KEY: `aos_${'k'.repeat(32)}`,
      AOS_RATE_LIMIT_PER_MINUTE: '600',
      AOS_CORS_ORIGINS: 'https://a.example.org, http://localhost:3000',
      REDIS_URL: 'redis://cache:6379/1',
      AOS_KEY_PEPPER: PEPPER,
      AOS_SECRETS_KEY: SECRETS_KEY,
      DATABASE_URL: 'postgresql://u:p@db:5432/aos',
      DATABASE_DIRECT_URL: 'postgres://u:p@direct/aos',
      DATABASE_STATEMENTS: 'named',
      TEMPORAL_ADDRESS: 'temporal:7233',
      TEMPORAL_NAMESPACE: 'other',
      TEMPORAL_CLI: '/usr/bin/temporal',
      TEMPORAL_UI_PORT: '0',
      AOS_TEMPORAL_PORT: '7001',
      AOS_POSTGRES_PORT: '65535',
      AOS_EGRESS_ALLOW: '10.0.0.0/8,db.internal:8000-8010',
      AOS_HTTP_PRICES: 'api.example.com=0.5+0.01/MiB',
      AOS_WORKSPACE_DIR: 'files',
      OPENAI_API_KEY: 'sk-openai',
      OPENAI_BASE_URL: 'https://openai.example.org/v1/',
      ANTHROPIC_API_KEY: 'sk-ant',
      ANTHROPIC_BASE_URL: 'https://anthropic.example.org',
      AOS_LLM_BASE_URL: 'http://127.0.0.1:11434/v1',
      AOS_LLM_API_KEY: 'local',
      AOS_LLM_MODEL: 'compatible/llama3',
      AOS_LLM_PRICES: 'compatible/llama3=10/20',
      AOS_LLM_CONCURRENCY: '3',
      SMTP_URL: 'smtps://me:secret@mail.example.org',
      AOS_EMAIL_FROM: 'Alerts <alerts@example.org>,*@corp.example',
      AOS_EMAIL_TO: '*@example.org',
      AOS_ENGINE_REPLACED: '1',
      LOG_LEVEL: 'debug',
    };
    const { httpPrices, llm, egressAllow, email, ...config } = readConfig(env);
    expect(config).toEqual({
      port: 9000,
      host: '0.0.0.0',
      metricsPort: 9001,
      workerMetricsPort: 0,
      metricsHost: '10.0.0.1',
      dataDir: '/var/lib/aos',
      adminKey: `aos_${'k'.repeat(32)}`,
      keyPepper: PEPPER,
      secretsKey: SECRETS_KEY,
      databaseUrl: 'postgresql://u:p@db:5432/aos',
      databaseDirectUrl: 'postgres://u:p@direct/aos',
      namedStatements: true,
      temporalAddress: 'temporal:7233',
      temporalNamespace: 'other',
      temporalCli: '/usr/bin/temporal',
      temporalUiPort: 0,
      temporalPort: 7001,
      postgresPort: 65_535,
      ratePerMinute: 600,
      corsOrigins: ['https://a.example.org', 'http://localhost:3000'],
      redisUrl: 'redis://cache:6379/1',
      workspaceDir: resolve('files'),
      engineReplaced: true,
      logLevel: 'debug',
      warnings: [],
    });
    expect(llm).toMatchObject({
      providers: [
        { name: 'openai', baseUrl: 'https://openai.example.org/v1', apiKey: 'sk-openai' },
        { name: 'anthropic', baseUrl: 'https://anthropic.example.org/v1', apiKey: 'sk-ant' },
        { name: 'compatible', baseUrl: 'http://127.0.0.1:11434/v1', apiKey: 'local' },
      ],
      model: 'compatible/llama3',
      concurrency: 3,
    });
    expect(email?.server).toMatchObject({ host: 'mail.example.org', port: 465, isSecure: true });
    expect(email?.senders.first).toEqual({ name: 'Alerts', address: 'alerts@example.org' });
    expect(email?.recipients?.allows('alerts@example.org')).toBe(true);
    expect(email?.recipients?.allows('a@corp.example')).toBe(false);
    expect(egressAllow).toHaveLength(2);
    expect(egressAllow[1]).toEqual({ host: 'db.internal', portFrom: 8000, portTo: 8010 });
    expect(httpPrices.worstCase(new URL('https://api.example.com/x'), 1024 * 1024)).toBe(510_000);
  });

  test('keep the workspaces in the data folder unless told otherwise', () => {
    expect(readConfig({ AOS_DATA_DIR: '/data' }).workspaceDir).toBe(join('/data', 'workspaces'));
  });

  test('that are empty or blank count as absent, and spaces around a value do not count', () => {
    const blank = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '  ']));
    const { httpPrices: _prices, llm, ...config } = readConfig(blank);
    const { httpPrices: _same, llm: defaultLlm, ...defaults } = readConfig({});
    expect(config).toEqual(defaults);
    expect(llm.providers).toEqual(defaultLlm.providers);
    expect(readConfig({ AOS_PORT: ' 81 ' }).port).toBe(81);
  });

  test('cannot be changed once they are read', () => {
    const config = readConfig({}) as { port: number };
    expect(() => (config.port = 1)).toThrow(TypeError);
  });

  test('are all described in docs/reference/settings.md and in .env.example', async () => {
    for (const file of ['docs/reference/settings.md', '.env.example']) {
      const text = await readFile(file, 'utf8');
      for (const name of Object.keys(SETTINGS)) expect(text).toContain(name);
    }
  });

  test.each([
    ['AOS_PROT', 'AOS_PORT'],
    ['AOS_Port', 'AOS_PORT'],
    ['AOS_ADMINKEY', 'AOS_ADMIN_KEY'],
    ['AOS_KEY_PEPER', 'AOS_KEY_PEPPER'],
    ['AOS_EGRES_ALOW', 'AOS_EGRESS_ALLOW'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATABASE_DIRECTURL', 'DATABASE_DIRECT_URL'],
    ['TEMPORAL_ADRESS', 'TEMPORAL_ADDRESS'],
    ['TEMPORAL_UIPORT', 'TEMPORAL_UI_PORT'],
    ['SMTP_URI', 'SMTP_URL'],
    ['OPENAI_APIKEY', 'OPENAI_API_KEY'],
    ['ANTHROPIC_BASEURL', 'ANTHROPIC_BASE_URL'],
    ['SMTPS_URL', 'SMTP_URL'],
    ['AOS_EMAIL_FORM', 'AOS_EMAIL_FROM'],
    ['AOS_MAIL_TO', 'AOS_EMAIL_TO'],
    ['LOG_LEVLE', 'LOG_LEVEL'],
  ])('with the name %s stop the start when it is nearly %s', (name, meant) => {
    const problem = `${name}: no such setting, did you mean ${meant}?`;
    expect(problemsOf({ [name]: '1' })).toEqual([problem]);
  });

  test('of AOS with another unknown name are a warning, and of anybody else nothing', () => {
    const { warnings } = readConfig({
      AOS_SOMETHING_ELSE: '1',
      TEMPORAL_TLS: '1',
      TEMPORAL_API_KEY: 'x',
      TEMPORAL_SOMETHING_ELSE: '1',
      LOG_SOMETHING_ELSE: '1',
      SMTP_HOST: 'mail.example.org',
      SMTP_PORT: '587',
      SMTP_USER: 'me',
      SMTP_PASS: 'x',
      SMTP_PASSWORD: 'x',
      SMTP_FROM: 'x',
      SMTP_TLS: '1',
      SMTP_SSL: '1',
      PORT: '1',
      PATH: '/bin',
    });
    expect(warnings).toEqual(['AOS_SOMETHING_ELSE: no such setting; it is ignored.']);
  });

  test('tell all of their problems at once', () => {
    const problems = problemsOf({
      AOS_PROT: '1',
      AOS_PORT: 'http',
      AOS_ADMIN_KEY: 'secret',
      DATABASE_URL: 'mysql://db',
      TEMPORAL_ADDRESS: 'temporal',
      AOS_EGRESS_ALLOW: '0.0.0.0/0',
      AOS_HTTP_PRICES: 'free',
      SMTP_URL: 'mail.example.org',
      AOS_EMAIL_FROM: 'alerts',
      AOS_EMAIL_TO: '*',
      AOS_ENGINE_REPLACED: 'yes',
      LOG_LEVEL: 'inof',
    });
    expect(problems.map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'AOS_PROT',
      'AOS_PORT',
      'AOS_ADMIN_KEY',
      'DATABASE_URL',
      'TEMPORAL_ADDRESS',
      'AOS_EGRESS_ALLOW',
      'AOS_HTTP_PRICES',
      'SMTP_URL',
      'AOS_EMAIL_FROM',
      'AOS_EMAIL_TO',
      'AOS_ENGINE_REPLACED',
      'LOG_LEVEL',
    ]);
  });

  test('with a Postgres of one’s own need keys of one’s own', () => {
    const DATABASE_URL = 'postgresql://u:p@db/aos';
    const keys = { AOS_KEY_PEPPER: PEPPER, AOS_SECRETS_KEY: SECRETS_KEY };
    for (const name of ['AOS_KEY_PEPPER', 'AOS_SECRETS_KEY'] as const) {
      for (const missing of [undefined, '', ' ']) {
        const problems = problemsOf({ DATABASE_URL, ...keys, [name]: missing });
        expect(problems).toHaveLength(1);
        expect(problems[0]).toContain(`${name}: required with DATABASE_URL`);
        expect(problems[0]).toMatch(/openssl rand -hex 32$/);
      }
      // Too short is one problem, not two.
      expect(problemsOf({ DATABASE_URL, ...keys, [name]: 'short' })).toEqual([
        `${name}: takes at least 32 characters. Make one with: openssl rand -hex 32`,
      ]);
    }
    expect(readConfig({ DATABASE_URL, ...keys })).toMatchObject({
      keyPepper: PEPPER,
      secretsKey: SECRETS_KEY,
    });
  });

  test('with a mail server need a sender', () => {
    const SMTP_URL = 'smtp://localhost';
    for (const senders of [undefined, '', ' ']) {
      const problems = problemsOf({ SMTP_URL, AOS_EMAIL_FROM: senders });
      expect(problems).toEqual([expect.stringMatching(/^AOS_EMAIL_FROM: required with SMTP_URL/)]);
    }
    expect(readConfig({ AOS_EMAIL_FROM: 'a@x.org' }).email).toBeUndefined();
    const { email } = readConfig({ SMTP_URL, AOS_EMAIL_FROM: 'a@x.org' });
    expect(email).toMatchObject({ server: { host: 'localhost' }, recipients: undefined });
  });

  const ADDRESSES = [
    'temporal',
    'temporal:',
    ':7233',
    'temporal:port',
    'temporal:65536',
    'temporal:0',
    'http://temporal:7233',
    'a b:1',
  ];
  test.each<[keyof typeof SETTINGS, string[]]>([
    ['AOS_PORT', ['-1', '65536', '80.5', 'http', '8000a', '1 2', '0x50', '1e3', 'NaN', 'Infinity']],
    ['TEMPORAL_UI_PORT', ['-1', '65536', 'web']],
    ['AOS_TEMPORAL_PORT', ['-1', '65536', 'x']],
    ['AOS_POSTGRES_PORT', ['-1', '65536', 'x']],
    [
      'AOS_ADMIN_KEY',
      [
        'aos_short',
        `key_${'k'.repeat(40)}`,
        `aos_${'k'.repeat(31)}`,
        `aos_${'k'.repeat(20)} ${'k'.repeat(20)}`,
        `aos_${'ü'.repeat(40)}`,
      ],
    ],
    ['AOS_KEY_PEPPER', ['p'.repeat(31)]],
    ['AOS_SECRETS_KEY', ['s'.repeat(31)]],
    ['DATABASE_URL', ['localhost:5432', 'mysql://db/aos', 'postgres://', 'postgresql://a b']],
    ['DATABASE_DIRECT_URL', ['direct', 'http://db']],
    ['TEMPORAL_ADDRESS', ADDRESSES],
    [
      'AOS_EGRESS_ALLOW',
      [
        'everything',
        '10.0.0.0/33',
        '10.0.0.1',
        'host:0',
        'host:65536',
        'host:9-8',
        'host',
        '0.0.0.0/0',
        '::/0',
        '10.0.0.0/8,oops',
      ],
    ],
    [
      'AOS_HTTP_PRICES',
      [
        'example.org',
        'example.org=',
        'example.org=-1',
        'example.org=1e3',
        'example.org=1+',
        'example.org=1+2',
        'a=1,a=2',
        'a:70000=1',
        '=1',
        'a=9999999',
      ],
    ],
    ['OPENAI_API_KEY', ['two words', 'ü', 'k'.repeat(501)]],
    [
      'OPENAI_BASE_URL',
      ['openai', 'ftp://a', 'https://u:p@a/v1', 'https://a/v1?x=1', 'https://a#x'],
    ],
    ['ANTHROPIC_API_KEY', ['two words']],
    ['ANTHROPIC_BASE_URL', ['anthropic']],
    ['AOS_LLM_BASE_URL', ['127.0.0.1:11434', 'https://u@a/v1']],
    ['AOS_LLM_API_KEY', ['two words', 'without-a-server']],
    ['AOS_LLM_MODEL', ['two words', 'm'.repeat(201)]],
    [
      'AOS_LLM_PRICES',
      ['model', 'model=', 'model=1', 'model=1/', 'model=-1/1', 'model=1e3/1', 'model=1/2/3'],
    ],
    ['AOS_LLM_PRICES', ['*=0/0', '=1/1', 'openai/=1/1', 'a=1/1,A=2/2', 'a=9999999/1', 'a b=1/1']],
    ['AOS_LLM_CONCURRENCY', ['0', '1001', '-1', '1.5', 'many']],
    ['SMTP_URL', ['mail.example.org', 'http://mail.example.org', 'smtp://u:p@host?pool=true']],
    ['AOS_EMAIL_FROM', ['alerts', '@example.org', 'a@x.org;b@x.org', 'a@x.org,']],
    ['AOS_EMAIL_TO', ['*', 'example.org', '*.example.org']],
    ['AOS_ENGINE_REPLACED', ['yes', '2', 'no']],
    ['LOG_LEVEL', ['INFO', 'verbose', 'warning', '3']],
  ])('%s takes no bad value, and its problem names it', (name, values) => {
    for (const value of values) {
      const problems = problemsOf({
        [name]: value,
        ...(name === 'DATABASE_URL' && { AOS_KEY_PEPPER: PEPPER, AOS_SECRETS_KEY: SECRETS_KEY }),
        ...(name === 'SMTP_URL' && { AOS_EMAIL_FROM: 'a@x.org' }),
      });
      expect({ value, problems }).toEqual({
        value,
        problems: [expect.stringMatching(new RegExp(`^${name}: ..`))],
      });
    }
  });

  test('never print a secret that they refuse', () => {
    const secret = 'hunter2hunter2';
    const names = [
      'AOS_ADMIN_KEY',
      'AOS_KEY_PEPPER',
      'AOS_SECRETS_KEY',
      'DATABASE_URL',
      'DATABASE_DIRECT_URL',
    ];
    const keys = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'AOS_LLM_API_KEY'];
    for (const name of keys) {
      const problems = problemsOf({ [name]: `${secret} ${secret}` });
      expect(problems.join('\n')).not.toContain(secret.slice(0, 8));
    }
    for (const name of [...names, 'SMTP_URL', 'OPENAI_BASE_URL', 'AOS_LLM_BASE_URL']) {
      const problems = problemsOf({ [name]: `mysql://u:${secret}@db`.slice(0, 31) });
      expect(problems.join('\n')).not.toContain(secret.slice(0, 8));
    }
  });

  test.each(['info', 'debug', 'warn', 'error', 'silent'] as const)(
    'take the log level %s',
    (level) => {
      expect(readConfig({ LOG_LEVEL: level }).logLevel).toBe(level);
    },
  );

  test('with a log level that is nearly one say which', () => {
    expect(problemsOf({ LOG_LEVEL: 'inof' })[0]).toContain('did you mean info?');
    expect(problemsOf({ LOG_LEVEL: 'warning' })[0]).not.toContain('did you mean');
  });
});

/** What the examples of all routes are about: one agent, one key, one run, one request. */
export const AGENT_ID = 'agent_01935d2c-7b1a-7c3e-9f00-5a1b2c3d4e5f';
export const KEY_ID = 'key_01935d2c-7b1a-7c3e-9f00-5a1b2c3d4e5f';
export const RUN_ID = 'run_01935d31-2f0e-7a44-8c11-0d9e8f7a6b5c';
export const REQUEST_ID = 'req_01935d63-09c2-7d10-8a4b-6c7d8e9f0a1b';

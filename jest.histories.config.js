import suite from './jest.config.js';

/** Records the histories that the suite replays: `npm run histories`, when a workflow changes on purpose. */
export default { ...suite, testMatch: ['<rootDir>/test/workflows/*.record.ts'], maxWorkers: 1 };

import suite from './jest.config.js';

/** The tests with a real model, apart from the suite: `npm run test:model`. One file at a time, since the model takes two cores. */
export default { ...suite, testMatch: ['<rootDir>/test/model/*.model.ts'], maxWorkers: 1 };

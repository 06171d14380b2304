import { expect, test } from '@jest/globals';
import { ROUTES } from '../../../src/contracts/routes.ts';
import { PLAN_ROUTES } from '../../../src/contracts/routes/plans.ts';
import { RUN_ROUTES } from '../../../src/contracts/routes/runs.ts';
import { RUNTIME_ROUTES } from '../../../src/contracts/routes/runtime.ts';

const routes = Object.entries(ROUTES);
const answers = routes.flatMap(([name, route]) =>
  Object.entries(route.answers).map(([status, answer]) => ({ name, status, ...answer })),
);

test.each(answers.filter(({ example }) => example !== undefined))(
  'the example of $name, $status, is what its schema takes, and all of it',
  ({ schema, example }) => {
    // What a schema does not know it would leave out.
    expect(schema!.parse(example)).toEqual(example);
  },
);

test.each(routes.filter(([, { bodyExample }]) => bodyExample !== undefined))(
  'the body that %s shows is one that it takes',
  (_name, { body, bodyExample }) => {
    expect(body!.strict().parse(bodyExample)).toMatchObject(bodyExample as object);
  },
);

test.each(Object.entries({ ...RUN_ROUTES, ...PLAN_ROUTES, ...RUNTIME_ROUTES }))(
  '%s shows every answer and every body by an example',
  (_name, route) => {
    for (const answer of Object.values(route.answers)) expect(answer).toHaveProperty('example');
    expect('bodyExample' in route).toBe('body' in route);
  },
);

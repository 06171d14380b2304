import { EVENT_TYPES } from '../../contracts/event.ts';
import { id, json, labels, number, oneOf, string, time } from './field.ts';
import type { Source } from './source.ts';

export const EVENTS: Source = {
  description: 'Events, newest first.',
  from: 'events e LEFT JOIN runs r ON r.id = e.run_id AND r.tenant_id = $1',
  where: 'e.tenant_id = $1',
  agent: 'e.agent_id',
  key: [
    { sql: 'e.transaction', type: 'transaction' },
    { sql: 'e.position', type: 'whole' },
  ],
  order: [],
  fields: {
    id: id(`(e.transaction::text || '-' || e.position)`, 'Its place among all events.'),
    type: oneOf('e.type', EVENT_TYPES, 'What happened.'),
    at: time('e.at', 'When it happened.', { isIndexed: true }),
    run_id: id('e.run_id', 'The run that it is of.', { nullable: true, isIndexed: true }),
    number: number('e.number', "Its number among the run's events, from 1.", { nullable: true }),
    step_id: string('e.step_id', 'The step that it is of.', { nullable: true }),
    agent_id: string('e.agent_id', 'The agent that it is of.', { nullable: true }),
    labels: labels('r.labels', { nullable: true, isExtra: true }),
    data: json('e.data', 'What is told of it.'),
  },
};

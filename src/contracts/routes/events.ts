import { EventPage, EventsQuery, RunEventsQuery } from '../live.ts';
import type { Route } from '../route.ts';

const RUN_ID = 'run_01935d31-2f0e-7a44-8c11-0d9e8f7a6b5c';

const EVENT_EXAMPLE = {
  id: '81234-9120',
  type: 'run.succeeded',
  at: '2026-11-29T08:00:00.412Z',
  run_id: RUN_ID,
  number: 6,
  step_id: null,
  agent_id: null,
  data: {},
};

const streamOf = (id: string): string =>
  `retry: 1000\n\nid: ${id}\nevent: ${EVENT_EXAMPLE.type}\ndata: ${JSON.stringify(EVENT_EXAMPLE)}\n\n`;

const RUN_STREAM_EXAMPLE = `${streamOf('6')}retry: 86400000\nevent: stream.end\ndata: {"reason":"run_ended"}\n\n`;

const FORMS = `One path in three forms, with the same events in the same order:

- **JSON**, by default: a page. \`next_after\` is the \`after\` of the next one; with \`wait\` the answer waits for an event.
- **Server-sent events**, with \`Accept: text/event-stream\`: \`event\` is the type, \`data\` the event as JSON. A client that
  was cut off sends the last \`id\` as \`Last-Event-ID\` (or \`after\`) and misses nothing. \`: ping\` every 15 seconds.
- **WebSocket**, with \`Upgrade: websocket\`: each event is a text message. The server pings; what a client sends ends it.

The key goes in a header, never in the URL. A browser's own \`EventSource\` and \`WebSocket\` cannot send one: use a client
that reads the stream by \`fetch\`.`;

const CURL = (path: string, query = ''): string =>
  `\`\`\`sh
curl "$AOS_URL${path}${query}" -H "X-API-Key: $AOS_KEY"
curl -N "$AOS_URL${path}" -H "X-API-Key: $AOS_KEY" -H "Accept: text/event-stream"
\`\`\``;

const HEADERS = {
  'Last-Event-ID': 'The `id` of the last event that is known; goes before `after`.',
};

export const EVENT_ROUTES = {
  listRunEvents: {
    method: 'GET',
    path: '/api/v1/runs/:run_id/events',
    role: 'viewer',
    tag: 'events',
    summary: 'The events of a run, as pages or as they happen',
    description: `${FORMS}

The events of a run are numbered from 1; the number is their \`id\` here. Behind the last event of a run that has ended the
stream says \`event: stream.end\` and closes, a WebSocket closes with the code 1000.

${CURL(`/api/v1/runs/$RUN_ID/events`, '?wait=30s')}`,
    query: RunEventsQuery,
    headers: HEADERS,
    answerHeaders: ['Cache-Control'],
    answers: {
      200: {
        description: 'The events behind `after`, in their order.',
        schema: EventPage,
        example: { data: [EVENT_EXAMPLE], has_more: false, next_after: '6' },
        orStream: { contentType: 'text/event-stream', example: RUN_STREAM_EXAMPLE },
      },
    },
    errors: [
      'RUN_NOT_FOUND',
      'KEY_BOUND_TO_AGENT',
      'EVENT_ID_INVALID',
      'STREAMS_EXCEEDED',
      'ORIGIN_NOT_ALLOWED',
    ],
  },
  listEvents: {
    method: 'GET',
    path: '/api/v1/events',
    role: 'viewer',
    tag: 'events',
    summary: 'The events of all runs, as pages or as they happen',
    description: `${FORMS}

An \`id\` is the event's place among all of the tenant, and only to be handed back. Without a place a page begins with the
oldest event and a stream with what happens from now on; \`after=0-0\` is before all events. A page may be empty and
\`has_more\`: none of the next events was one that is asked for. An event is told once no transaction is open that could
still put one before it.

${CURL('/api/v1/events', '?types=run.*')}`,
    query: EventsQuery,
    headers: HEADERS,
    answerHeaders: ['Cache-Control'],
    answers: {
      200: {
        description: 'The events behind `after`, in their order.',
        schema: EventPage,
        example: { data: [EVENT_EXAMPLE], has_more: false, next_after: '81234-9120' },
        orStream: { contentType: 'text/event-stream', example: streamOf(EVENT_EXAMPLE.id) },
      },
    },
    errors: ['KEY_BOUND_TO_AGENT', 'EVENT_ID_INVALID', 'STREAMS_EXCEEDED', 'ORIGIN_NOT_ALLOWED'],
  },
} as const satisfies Record<string, Route>;

import type { Target } from './fire.ts';
import type { Pairing } from './paired.ts';
import { pathOfLatePage, RUNS } from './runs-table.ts';
import type { ApiWorld } from './world.ts';

const FIRST_PAGE = '/api/v1/runs?limit=50';
const BAD_PER_SECOND = 1_000;
const SUBMISSION = JSON.stringify({
  plan: [{ skill: 'json_transform', params: { data: { i: 0 }, query: '.' } }],
  budget_cents: 1,
});

/** What is set against what; the runs of the table are there already. */
export async function pairingsOf({
  apiUrl,
  bareUrl,
  key,
  runId,
  pids,
}: ApiWorld): Promise<Pairing[]> {
  const bare: Target = { url: bareUrl, status: 200, pid: pids.bare };
  const get = (path: string): Target => ({
    url: apiUrl + path,
    headers: { 'X-API-Key': key },
    status: 200,
    pid: pids.api,
  });
  const firstPage = get(FIRST_PAGE);
  const latePage = get(await pathOfLatePage(apiUrl, key));
  const submit: Target = {
    ...get('/api/v1/runs'),
    method: 'POST',
    body: SUBMISSION,
    status: 202,
  };
  const runRead = get(`/api/v1/runs/${runId}`);
  const amid = { url: runRead.url, perSecond: BAD_PER_SECOND };
  const of = `of ${RUNS.toLocaleString('en')} runs`;
  return [
    {
      name: '/health',
      target: { ...get('/health'), headers: {} },
      against: bare,
      ratioMin: 0.8,
    },
    {
      name: 'capabilities',
      target: get('/api/v1/runtime/capabilities'),
      against: bare,
      ratioMin: 0.6,
    },
    { name: 'run read', target: runRead, against: bare, ratioMin: 0.6 },
    {
      name: `run read amid ${BAD_PER_SECOND.toLocaleString('en')} bad keys a second, beside none`,
      target: { ...runRead, amid },
      against: runRead,
    },
    { name: `page 1 ${of}`, target: firstPage, against: bare },
    {
      name: `page 1,000 ${of}, beside page 1`,
      target: latePage,
      against: firstPage,
      ratioMin: 0.9,
    },
    { name: 'submit, worker stopped', target: submit, against: bare },
  ];
}

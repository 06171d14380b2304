import { request } from 'undici';

export interface Step {
  i: number;
  /** What the step before returned. */
  previous?: unknown;
}

export interface Call {
  url: string;
}

/** What a workflow without AOS asks for: the same work, and nothing around it. */
export interface BareActivities {
  noop(step: Step): Promise<{ i: number }>;
  call(call: Call): Promise<{ status_code: number; body: unknown }>;
}

export const bareActivities: BareActivities = {
  noop: async ({ i }) => ({ i }),
  async call({ url }) {
    const { statusCode, body } = await request(url);
    return { status_code: statusCode, body: await body.json() };
  },
};

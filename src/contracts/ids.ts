/** What ids look like; whatever else is asked for is of nothing. */
export const RUN_ID = /^run_[0-9a-f-]{36}$/;
export const AGENT_ID = /^agent_[0-9a-f-]{36}$/;

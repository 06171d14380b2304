"""Calls every public method of the published aos-sdk, unmodified, and prints what each has returned or raised as JSON."""

import contextlib
import io
import json
import sys
import time

import aos_sdk
from aos_sdk import AOSClient, cli, client

RUN_SECONDS_MAX = 60
QUESTIONS = (
    "remaining_budget_cents",
    "what_did_i_try_already",
    "allowed_skills",
    "last_step_outcome",
    "skills_available_for_goal",
)

base_url, api_key = sys.argv[1:3]
told = {"version": aos_sdk.__version__, "transport": "httpx" if client._USE_HTTPX else "requests"}


def tell(name, call):
    """Keeps what a call returns, or the AOSError that it raises; anything else is a crash."""
    try:
        told[name] = call()
    except client.AOSError as error:
        told[name] = {"raised": {"status_code": error.status_code, "response": error.response}}
    return told[name]


def wait(aos, run_id):
    end = time.time() + RUN_SECONDS_MAX
    while time.time() < end:
        run = aos.get_run(run_id)
        if run["status"] in ("succeeded", "failed"):
            return run
        time.sleep(0.1)
    raise TimeoutError(run_id)


def command(*arguments):
    output = io.StringIO()
    sys.argv = ["aos", *arguments]
    with contextlib.redirect_stdout(output):
        cli.main()
    return output.getvalue()


transform = {"skill": "json_transform", "params": {"query": ". * 2", "data": 21}}
price_watch = [
    {"skill": "http_call", "params": {"method": "GET", "url": sys.argv[3]}, "description": "Fetch"},
    {"skill": "json_transform", "params": {"query": ".price"}},
    {"skill": "json_transform", "params": {"query": ".", "data": "BTC: ${{steps[1].result}}"}},
]
simulated = [
    {"skill": "http_call", "params": {"url": "https://api.example.com"}},
    {"skill": "llm_invoke", "params": {"prompt": "Summarize"}},
]

with AOSClient(api_key=api_key, base_url=base_url + "/") as aos:
    # What is there to work with.
    tell("list_skills", aos.list_skills)
    tell("describe_skill", lambda: aos.describe_skill("http_call"))
    tell("describe_unknown_skill", lambda: aos.describe_skill("nope"))
    tell("get_capabilities", aos.get_capabilities)
    tell("get_resource_contract", lambda: aos.get_resource_contract("default"))

    # An agent, and a goal without a model to plan it.
    agent_id = tell("create_agent", lambda: aos.create_agent("my-first-agent"))
    tell("get_capabilities_of", lambda: aos.get_capabilities(agent_id=agent_id, tenant_id="t"))
    run_id = tell("post_goal", lambda: aos.post_goal(agent_id, "ping", force_skill="http_call"))
    tell("poll_run", lambda: aos.poll_run(agent_id, run_id, timeout=RUN_SECONDS_MAX, interval=0.1))
    tell("post_goal_of_nobody", lambda: aos.post_goal("agent_unknown", "ping"))

    # Plans: simulated, then run.
    tell("simulate", lambda: aos.simulate(simulated))
    tell("simulate_in_full", lambda: aos.simulate(simulated, 0, agent_id="unknown", tenant_id="t"))
    tell("simulate_nothing", lambda: aos.simulate(None))
    made = tell("create_run", lambda: aos.create_run(agent_id, "Watch the price", plan=price_watch))
    tell("get_run", lambda: wait(aos, made["run_id"]))
    tell("poll_made_run", lambda: aos.poll_run(agent_id, made["run_id"]))
    stray = tell("create_run_of_nobody", lambda: aos.create_run("my-first-agent", "Double", [transform]))
    tell("get_run_of_nobody", lambda: wait(aos, stray["run_id"]))
    tell("poll_run_of_nobody", lambda: aos.poll_run("my-first-agent", stray["run_id"]))
    planless = tell("create_run_planless", lambda: aos.create_run("my-first-agent", "Say hello"))
    tell("get_run_planless", lambda: wait(aos, planless["run_id"]))
    tell("create_broken_run", lambda: aos.create_run(agent_id, "x", [{"skill": "nope", "params": {}}]))
    tell("get_unknown_run", lambda: aos.get_run("run_unknown"))

    # What it has done.
    tell("recall", lambda: aos.recall(agent_id, "BTC", k=1))
    tell("recall_nothing", lambda: aos.recall(agent_id, "zeppelin"))
    tell("recall_of_nobody", lambda: aos.recall("agent_unknown", "price"))
    for question in QUESTIONS:
        params = {"goal": "fetch a page"} if question == "skills_available_for_goal" else None
        tell(question, lambda: aos.query(question, params, agent_id=agent_id, run_id=made["run_id"]))
    tell("query_unknown", lambda: aos.query("meaning_of_life"))

tell("with_a_wrong_key", AOSClient(api_key="wrong", base_url=base_url).list_skills)
tell("by_its_older_name", client.NovaClient(api_key=api_key, base_url=base_url).list_skills)

for arguments in (
    ("version",),
    ("health",),
    ("capabilities",),
    ("skills",),
    ("skill", "llm_invoke"),
    ("simulate", json.dumps(simulated), "--budget", "100"),
):
    tell("aos " + arguments[0], lambda: command(*arguments))

json.dump(told, sys.stdout)

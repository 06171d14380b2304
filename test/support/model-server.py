"""A small language model behind an OpenAI-compatible API on 127.0.0.1, until SIGTERM, Ctrl-C or the end of its parent.

    PYTHONPATH=<unpacked xllamacpp> python3 model-server.py <weights.gguf> [--port 8080] [--api-key KEY]
"""

import argparse
import os
import signal
import threading

import xllamacpp

CONTEXT_TOKENS = 2048
SLOTS = 2
THREADS = 1  # a second one gains little, and where others use the processors it waits for the first
PARENT_POLL_SECONDS = 1

parser = argparse.ArgumentParser()
parser.add_argument("weights")
parser.add_argument("--port", type=int, default=0, help="default: a free one")
parser.add_argument("--api-key", help="default: none is asked for")
arguments = parser.parse_args()

parent = os.getppid()
stopped = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopped.set())

params = xllamacpp.CommonParams()
params.model.path = arguments.weights
params.model_alias = {"smollm2"}
params.hostnames = ["127.0.0.1"]
params.port = arguments.port
params.api_keys = [arguments.api_key] if arguments.api_key else []
params.n_ctx = CONTEXT_TOKENS * SLOTS  # the slots share it
params.n_parallel = SLOTS
params.cpuparams.n_threads = THREADS
params.cpuparams_batch.n_threads = THREADS
params.ui = False

server = xllamacpp.Server(params)
print(f"The model answers on {server.listening_address}/v1", flush=True)
# A parent that was killed cannot stop it.
while not stopped.wait(PARENT_POLL_SECONDS) and os.getppid() == parent:
    pass

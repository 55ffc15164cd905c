"""llama.cpp's OpenAI-compatible server for a GGUF file, in a process of its own: python llama_server.py FILE KEY

Prints its address once it listens and runs until it is terminated.
"""

import os
import signal
import sys

# Set before the import: two idle OpenMP threads would otherwise spin on a small machine.
os.environ.update(OMP_WAIT_POLICY="passive", GOMP_SPINCOUNT="0")

import xllamacpp

SLOTS, TOKENS_PER_SLOT = 2, 6144


def main() -> None:
    settings = xllamacpp.CommonParams()
    settings.model.path = sys.argv[1]
    settings.model_alias = {"embedded"}
    settings.api_keys = [sys.argv[2]]
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_parallel = SLOTS
    settings.n_ctx = SLOTS * TOKENS_PER_SLOT
    settings.cpuparams.n_threads = 2
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)


if __name__ == "__main__":
    main()

"""Where the ordered map computes changes nothing that comes out of it."""

import functools
import importlib.util
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from stages.common.base import engines, mapped
from stages.common.base.errors import UserError
from support.repository import ROOT

WORDS = [f"word {number}" for number in range(480)]


def shout(log: str, word: str) -> str:
    time.sleep(0.01)
    with Path(log).open("a") as file:
        file.write(f"{word}\n")
    return word.upper()


def refuse(word: str) -> str:
    if word == "word 40":
        raise UserError(f"{word}: no such word")
    return word


@pytest.fixture(autouse=True)
def of_a_stage(monkeypatch):
    monkeypatch.setattr(mapped, "stage_of", lambda function: "chunk")


def key(word: str) -> bytes:
    return word.encode()


def test_a_missing_ray_is_one_line_before_anything_runs(write_params, monkeypatch):
    write_params({"scale.engine": "ray"})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'doclore\[ray\]', or -S scale.engine=local"):
        list(mapped.mapped(str.upper, WORDS, key))


def test_a_partial_of_a_stage_that_is_run_is_sent_by_its_module_s_name(monkeypatch):
    from stages.chunk import __main__ as chunk

    run = type(chunk)("__main__")
    run.__spec__ = chunk.__spec__
    monkeypatch.setitem(sys.modules, "__main__", run)

    def cut() -> None: ...

    cut.__module__ = "__main__"
    sent = engines.by_name(functools.partial(mapped.packed, functools.partial(cut, 1), mapped.always))
    assert sent.func is mapped.packed and sent.args[0].func is chunk.cut and sent.args[0].args == (1,)


@pytest.fixture
def cluster(monkeypatch):
    """Three simulated nodes of one processor each. What a killed node leaves behind goes with the session."""
    import ray
    from ray import cloudpickle
    from ray.cluster_utils import Cluster

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a test's functions, which no worker has
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    of_each = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=of_each)
    cluster.workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
def test_a_cluster_gives_what_this_process_gives_although_a_node_is_killed(cluster, write_params, tmp_path):
    """The cluster takes seconds to start."""
    log = tmp_path / "log"
    write_params({"scale.engine": "ray"})
    results = []
    for result in mapped.mapped(functools.partial(shout, str(log)), WORDS, key, 2):
        results.append(result)
        if len(results) == 150:
            cluster.remove_node(cluster.workers[0], allow_graceful=False)
    assert results == [word.upper() for word in WORDS]
    times = Counter(log.read_text().splitlines())
    assert times.keys() == set(WORDS)
    again = sum(times.values()) - len(WORDS)
    assert again <= mapped.AHEAD * 3 * mapped.BATCH, "no more than was under way runs again"
    before = log.stat().st_size
    assert list(mapped.mapped(functools.partial(shout, str(log)), WORDS, key, 2)) == results
    assert log.stat().st_size == before, "what was computed there is kept here"

    with pytest.raises(UserError, match=r"^word 40: no such word$"):
        list(mapped.mapped(refuse, WORDS, key, 2))

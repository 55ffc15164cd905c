"""The preflight tells the sizes of a run from the model's config, and refuses what cannot fit."""

import pytest

from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_json
from stages.train import __main__ as train
from stages.train import lengths, plan, preflight


def test_sizes_from_the_config_are_those_of_the_loaded_model(prepared, capsys):
    prepared()
    found = plan.shape(params.load())
    train.main()
    report = read_json(paths.REPORTS / "train.json")
    assert (found.trainable, found.parameters + found.trainable) == (
        report["trainable_parameters"],
        report["parameters"],
    )
    assert f"{report['steps']} steps" in capsys.readouterr().out


@pytest.mark.parametrize("changes", [{"train__num_train_epochs": 2.5}, {"train__gradient_accumulation_steps": 3}, {}])
def test_the_number_of_steps_is_the_trainers(prepared, changes):
    prepared(train__max_steps=-1, **{"train__num_train_epochs": 1.0, **changes})
    train.main()
    rows = lengths.rows(paths.FORMATTED / "train.parquet")
    assert preflight.steps(rows.count, params.load()) == read_json(paths.REPORTS / "train.json")["steps"]


def test_what_cannot_fit_is_refused_before_weights_are_loaded(prepared, monkeypatch):
    prepared()
    monkeypatch.setattr(preflight.memory, "available", lambda device: (1000.0, "this machine"))
    monkeypatch.setattr(train.trainer, "build", lambda *_: pytest.fail("weights were loaded"))
    with pytest.raises(UserError, match=r"GB for weights and adapter alone.*smaller model\.name"):
        train.main()


def test_the_speed_of_a_run_is_the_next_ones_forecast(prepared, capsys):
    prepared()
    train.main()
    assert "as the last run was" not in capsys.readouterr().out
    train.main()
    assert "as the last run was" in capsys.readouterr().out


def test_memory_falls_with_checkpointing_and_4_bits_and_grows_with_the_batch(write_params, tiny_model):
    shape = plan.Shape(8_000_000_000, 6_800_000_000, 50_331_648, 80_000_000, 36, 4096, 12_288, 32, 4096, 2048, 151_936)
    model = {"model.name": str(tiny_model)}
    plain = params.load(write_params(model))
    small = params.load(write_params(model | {"model.load_in_4bit": True, "train.gradient_checkpointing": True}))
    assert plan.fixed_memory(shape, small, "bfloat16") < 0.5 * plan.fixed_memory(shape, plain, "bfloat16")
    memory = [plan.batch_memory(shape, one, "trl", tokens, 1024) for one, tokens in [(small, 4096), (plain, 4096)]]
    assert memory[0] < 0.5 * memory[1] < plan.batch_memory(shape, plain, "trl", 8192, 1024)


def test_packed_rows_make_fewer_and_fuller_batches(write_params):
    packed = params.load(
        write_params({"train.packing": True, "format.max_length": 1000, "train.num_train_epochs": 1.0})
    )
    given = lengths.Rows(800, 100_000, 400)
    assert lengths.sequences(given, packed) == lengths.Rows(100, 100_000, 1000)
    begun = lengths.Rows(800, 100_001, 400)
    assert lengths.sequences(begun, packed).count == 101, "a sequence that is begun is one"
    assert preflight.steps(100, packed) == 13
    assert lengths.sequences(given, params.load(write_params({"train.packing": False}))) == given


@pytest.mark.parametrize(
    ("size", "passes", "length", "packed"),
    [
        (4, 4, 2048, (1, 1)),  # 16 rows of 135 tokens fill one sequence, in the memory of 4 rows of 512
        (8, 8, 1024, (4, 2)),  # 64 fill 8; there is room for 4 at once
        (8, 1, 512, None),  # one pass holds them all
        (2, 8, 4096, None),  # they fill half of a sequence: a step would have twice the rows
        (2, 8, 2048, None),  # one sequence takes the memory of 4 rows, and there is room for 2
        ("auto", 16, 2048, ("auto", 1)),
    ],
)
def test_rows_are_packed_where_a_step_of_as_many_then_takes_fewer_passes(write_params, size, passes, length, packed):
    asked = {"train.per_device_train_batch_size": size, "train.gradient_accumulation_steps": passes}
    settings = params.load(write_params(asked | {"format.max_length": length, "train.packing": "auto"}))
    trained = lengths.Rows(1000, 135_000, 512)
    train = lengths.packed(settings, trained, True).train
    sizes = (train.per_device_train_batch_size, train.gradient_accumulation_steps)
    assert (train.packing, sizes) == ((True, packed) if packed else (False, (size, passes)))
    if packed:
        held = sizes[1] * (1 if size == "auto" else sizes[0]) * length / 135
        assert held == pytest.approx(passes * (1 if size == "auto" else size), rel=lengths.SLACK)
    assert lengths.packed(settings, trained, False).train.packing is False

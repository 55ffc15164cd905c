"""params.yaml: what is refused and how, and that the manual tells the same defaults."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.common import schema
from stages.common.base import params
from stages.common.base.errors import ParamsError
from stages.common.models.base.hub import local_directory
from stages.ingest.sources.walk import root_directory
from support.repository import ROOT

SECTIONS = list(schema.Params.model_fields)
INFINITY = float("inf")


def yaml() -> YAML:
    """YAML 1.2, as DVC reads it."""
    return YAML(typ="safe")


def defaults() -> dict[str, object]:
    """The repository's params.yaml as {"lora.r": 32}."""
    return dict(leaves(yaml().load((ROOT / "params.yaml").read_text(encoding="utf-8"))))


def leaves(values: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Keys with dots and their values, nested sections taken apart."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def rewrite(file: Path, edit: Callable[[dict], object]) -> Path:
    values = yaml().load(file.read_text(encoding="utf-8"))
    edit(values)
    with file.open("w", encoding="utf-8") as stream:
        yaml().dump(values, stream)
    return file


def refusal(file: Path) -> str:
    with pytest.raises(ParamsError) as caught:
        params.load(file)
    return str(caught.value)


def line_of(message: str) -> str:
    assert "\n" not in message
    return message


def test_the_repositorys_own_params_yaml_is_valid():
    assert params.load(ROOT / "params.yaml").chunk.max_tokens > 0


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("docs.path", "", "at least 1 character"),
        ("docs.path", 7, "string"),
        ("docs.include", "**/*.md", "list"),
        ("chunk.strategy", "semantic", "'markdown' or 'fixed'"),
        ("chunk.max_tokens", "abc", "integer"),
        ("chunk.max_tokens", 63, "64"),
        ("chunk.min_tokens", -1, "0"),
        ("generate.backend", "vllm", "'extractive', 'llm' or 'batch'"),
        ("generate.focus", "new", "'all' or 'uncovered'"),
        ("generate.styles.fact", -1.0, "0"),
        ("generate.personas", "engineer", "list"),
        ("generate.batch_discount", 1.5, "1"),
        ("generate.phrasings", 25, "24"),
        ("generate.phrasings", 0, "1"),
        ("generate.temperature", 2.1, "2"),
        ("generate.temperature", float("nan"), "finite"),
        ("generate.concurrency", 0, "1"),
        ("generate.timeout", 0, "0"),
        ("generate.max_failed", 1.1, "1"),
        ("curate.holdout_pages", 1.0, "less than 1"),
        ("curate.holdout_facts", -0.1, "0"),
        ("format.mode", "sharegpt", "'chat', 'alpaca' or 'token_level'"),
        ("format.max_length", 15, "16"),
        ("model.name", "embedded:other", "embedded:smollm2-135m-instruct"),
        ("model.dtype", "int8", "'bfloat16'"),
        ("model.load_in_4bit", "yes", "true or false"),
        ("lora.r", "16", "integer"),
        ("lora.r", True, "integer"),
        ("lora.r", 16.0, "integer"),
        ("lora.dropout", 1, "less than 1"),
        ("lora.target_modules", [], "at least 1 item"),
        ("train.learning_rate", "8e-4", "number"),
        ("train.learning_rate", 0, "greater than 0"),
        ("train.learning_rate", INFINITY, "finite"),
        ("train.max_steps", -2, "-1"),
        ("train.gradient_checkpointing", "on", "'unsloth'"),
        ("train.optim", "adam", "'adamw_torch'"),
        ("merge.dtype", "float32", "'bfloat16' or 'float16'"),
        ("merge.max_shard_size", "5", "GB"),
        ("evaluate.batch_size", 0, "1"),
        ("evaluate.max_rows", 1.5, "integer"),
    ],
)
def test_a_value_that_is_not_accepted_is_one_line_with_key_value_and_what_is(write_params, key, value, accepted):
    message = line_of(refusal(write_params({key: value})))
    assert message.startswith(f"params.yaml: {key} = {value!r}: ")
    assert accepted in message.partition(f"{value!r}: ")[2]


def test_an_item_of_a_list_is_refused_by_its_place(write_params):
    message = line_of(refusal(write_params({"docs.exclude": ["ok", 1]})))
    assert message == "params.yaml: docs.exclude.1 = 1: accepted is a valid string"


@pytest.mark.parametrize("section", SECTIONS)
def test_no_key_of_a_section_takes_a_wrong_type_each_has_its_own_line(write_params, section):
    file = write_params()
    keys = [key for key, _ in leaves(yaml().load(file.read_text(encoding="utf-8"))[section])]

    def spoil(values):
        for key, value in values.items():
            if isinstance(value, dict) and value:
                spoil(value)
            else:
                values[key] = "text" if isinstance(value, list) else ["list"]

    lines = refusal(rewrite(file, lambda values: spoil(values[section]))).split("\n")
    assert sorted(line.split(" = ")[0] for line in lines) == sorted(f"params.yaml: {section}.{key}" for key in keys)
    assert all("accepted is " in line for line in lines)


@pytest.mark.parametrize("section", SECTIONS)
def test_no_key_of_a_section_may_be_missing_because_the_file_is_the_only_place_with_defaults(write_params, section):
    file = write_params()
    keys = list(yaml().load(file.read_text(encoding="utf-8"))[section])
    lines = refusal(rewrite(file, lambda values: values[section].clear())).split("\n")
    names = sorted(line.split(" is missing")[0] for line in lines)
    assert names == sorted(f"params.yaml: {section}.{key}" for key in keys)


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_of_any_section_is_refused_by_name(write_params, section):
    assert f"{section}.zzz is not a known key" in line_of(refusal(write_params({f"{section}.zzz": 1})))


def test_a_misspelled_key_comes_with_the_closest_known_one(write_params):
    file = rewrite(write_params(), lambda values: values["train"].update(learning_rat=1.0))
    assert "did you mean train.learning_rate?" in line_of(refusal(file))


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("value", [None, [1], "text"])
def test_a_section_that_is_no_mapping_is_refused_by_name(write_params, section, value):
    file = rewrite(write_params(), lambda values: values.update({section: value}))
    assert line_of(refusal(file)).startswith(f"params.yaml: {section} = {value!r}: accepted")


def test_a_missing_or_unknown_section_is_refused_by_name(write_params):
    assert "chunk is missing" in line_of(refusal(rewrite(write_params(), lambda values: values.pop("chunk"))))
    file = rewrite(write_params(), lambda values: values.update(chunks={}))
    assert "chunks is not a known key; did you mean chunk?" in line_of(refusal(file))


@pytest.mark.parametrize(
    ("low", "high", "value"),
    [
        ("chunk.min_tokens", "max_tokens", 4096),
        ("curate.min_question_chars", "max_question_chars", 4096),
        ("curate.min_answer_chars", "max_answer_chars", 4096),
    ],
)
def test_a_minimum_above_its_maximum_is_one_line_with_both(write_params, low, high, value):
    section, name = low.split(".")
    message = line_of(refusal(write_params({low: value})))
    assert section in message
    assert f"{name} = {value}" in message
    assert f"above {high} = " in message


def test_two_quantisations_at_once_are_one_line(write_params):
    with pytest.raises(ParamsError) as error:
        params.load(write_params({"model.load_in_4bit": True, "model.load_in_8bit": True}))
    assert str(error.value).startswith("params.yaml: model: load_in_4bit and load_in_8bit exclude each other")


def test_a_minimum_equal_to_its_maximum_is_accepted(write_params):
    loaded = params.load(write_params({"chunk.min_tokens": 512, "chunk.max_tokens": 512}))
    assert loaded.chunk.min_tokens == loaded.chunk.max_tokens


@pytest.mark.parametrize("name", ["./missing", "missing", "/missing/model", "~/missing", "a/b/c"])
def test_a_model_directory_that_does_not_exist_is_one_line_with_what_is_accepted(write_params, name):
    message = line_of(unusable_model(write_params({"model.name": name})))
    assert message.startswith(f"params.yaml: model.name = {name!r}: accepted is ")
    assert "config.json" in message
    assert "hub id" in message


def unusable_model(file: Path) -> str:
    """Only stages that need the model look for it, so pairs can be made where it is not."""
    with pytest.raises(ParamsError) as caught:
        local_directory(params.load(file).model)
    return str(caught.value)


def test_a_model_directory_needs_its_config_json(write_params, tmp_path):
    directory = tmp_path / "model"
    directory.mkdir()
    file = write_params({"model.name": "./model"})
    assert "config.json" in line_of(unusable_model(file))
    (directory / "config.json").write_text("{}", encoding="utf-8")
    assert local_directory(params.load(file).model) == Path("model")


@pytest.mark.parametrize("path", ["nowhere", "x" * 5_000])
def test_a_docs_directory_that_does_not_exist_is_one_line_with_what_is_accepted(write_params, path):
    docs = params.load(write_params({"docs.path": path})).docs
    with pytest.raises(ParamsError) as caught:
        root_directory(docs.path)
    assert line_of(str(caught.value)).startswith(
        f"params.yaml: docs.path = '{path}': accepted is an existing directory"
    )


@pytest.mark.parametrize("key", ["docs.path", "model.name", "generate.prompts", "model.revision"])
def test_text_that_no_path_can_hold_is_refused_by_its_key(write_params, key):
    assert "accepted is text without NUL" in line_of(refusal(write_params({key: "a\0b"})))


def test_a_hub_id_is_accepted_without_a_look_at_the_hub(write_params):
    model = params.load(write_params({"model.name": "owner/name"})).model
    assert model.name == "owner/name"
    assert local_directory(model) is None


def test_numbers_are_read_as_dvc_reads_them(write_params):
    file = write_params()
    text, changed = re.subn(r"(?m)^  learning_rate: \S+", "  learning_rate: 8e-4", file.read_text(encoding="utf-8"))
    assert changed == 1
    file.write_text(text, encoding="utf-8")
    assert params.load(file).train.learning_rate == 0.0008


@pytest.mark.parametrize("text", ["chunk: [", "- 1", "", "chunk: {}\nchunk: {}\n", "a: " + "[" * 5_000])
def test_a_file_that_holds_no_valid_yaml_mapping_is_one_line(text):
    file = Path("params.yaml")
    file.write_text(text, encoding="utf-8")
    assert line_of(refusal(file)).startswith("params.yaml")


def test_a_missing_params_yaml_says_where_to_run(tmp_path):
    assert "repository root" in line_of(refusal(tmp_path / "params.yaml"))


def test_sections_are_read_only(write_params):
    section = params.load(write_params()).chunk
    with pytest.raises(ValueError, match="frozen"):
        section.max_tokens = 1


def test_a_stage_refuses_a_mistake_in_any_section_with_one_line_exit_code_2_and_no_traceback(write_params):
    write_params({"lora.r": "abc"})
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "stages.ingest"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "ingest: params.yaml: lora.r = 'abc': accepted is a valid integer\n"


def parameter_rows() -> Iterator[tuple[str, str]]:
    """Key and default, without backticks, of each row of the manual's parameter tables (`| Key | Default | …`)."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        in_table = False
        for line in page.read_text(encoding="utf-8").split("\n"):
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            in_table = line.startswith("|") and (in_table or cells[:2] == ["Key", "Default"])
            if in_table and cells[0].startswith("`"):
                assert cells[1].startswith("`"), f"{page.name}: {line}"
                yield cells[0].strip("`"), cells[1].strip("`")


def test_every_key_stands_in_exactly_one_parameter_table_of_the_manual():
    assert sorted(key for key, _ in parameter_rows()) == sorted(defaults())


def test_the_manual_gives_the_defaults_of_params_yaml():
    known = defaults()
    told = {key: yaml().load(default) for key, default in parameter_rows()}
    differing = {key: (value, known.get(key)) for key, value in told.items() if repr(value) != repr(known.get(key))}
    assert differing == {}

"""What is kept in .cache/models is named by what made it."""

from pathlib import Path

from stages.common.models.base import embedded


def test_converted_weights_are_made_anew_by_other_code_or_another_library(monkeypatch, tmp_path):
    before = embedded.conversion()
    assert embedded.conversion() == before
    monkeypatch.setattr(embedded, "version", lambda library: "99.0")
    assert embedded.conversion() != before
    monkeypatch.undo()
    edited = tmp_path / "embedded.py"
    edited.write_bytes(Path(embedded.__file__).read_bytes() + b"\n# edited\n")
    monkeypatch.setattr(embedded, "__file__", str(edited))
    assert embedded.conversion() != before

"""The notebooks run from top to bottom, and are committed without outputs and without logic."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _cells(path: Path, kind: str) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == kind]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


def test_notebooks_are_committed_without_outputs() -> None:
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        with_output = [c["id"] for c in cells if c.get("outputs") or c.get("execution_count")]
        assert not with_output, f"{path.name}: clear the outputs of {with_output}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_holds_no_logic_and_starts_with_its_parameters(path: Path) -> None:
    code = _cells(path, "code")
    for source in code:
        logic = [
            n
            for n in ast.walk(ast.parse(source))
            if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.For | ast.While)
        ]
        assert not logic, f"{path.name}: a def or a loop belongs into the library:\n{source}"
    assert all(name in code[0] for name in ("DATA", "AS_OF", "LANG")), "the first code cell holds the parameters"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    # only the parameter changes, so that what the notebook writes stays out of the checkout
    (tmp_path / "notebooks").mkdir()
    parameters = next(cell for cell in book.cells if cell.cell_type == "code")
    parameters.source = parameters.source.replace('"../data/sample"', repr(str(ROOT / "data" / "sample")))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    client = NotebookClient(
        book, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path / "notebooks")}}
    )
    client.execute()
    shown = [o for cell in book.cells if cell.cell_type == "code" for o in cell.outputs if o.output_type != "stream"]
    assert len(shown) >= 10
    if any(".to_html(" in source for source in _cells(path, "code")):
        assert list(tmp_path.glob("build/notebook/report.html"))

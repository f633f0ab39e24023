"""The import table of docs/architecture.md, held as data: who may import whom, and what loads when."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import creditlab

FOUNDATION = {"errors", "checks", "results", "columns", "scaling", "files", "estimators"}
AREAS = {"data", "loans", "features", "binning", "scorecard", "challenger", "explanation", "validation", "village",
         "policy"}  # fmt: skip
MAY_IMPORT = {
    **dict.fromkeys(FOUNDATION, FOUNDATION),
    "data": FOUNDATION,
    "loans": FOUNDATION,
    "features": {"data", "loans", *FOUNDATION},
    "binning": FOUNDATION,
    "estimators": FOUNDATION,
    "scorecard": {"binning", "estimators", *FOUNDATION},
    "challenger": {"binning", "estimators", *FOUNDATION},
    "explanation": {"scorecard", "challenger", "binning", *FOUNDATION},
    "validation": FOUNDATION,
    "village": FOUNDATION,
    "policy": FOUNDATION,
    "plots": {*AREAS, *FOUNDATION},
    "report": {"plots", *AREAS, *FOUNDATION},
    "scale": {*AREAS, *FOUNDATION},
    "config": {*AREAS, "scale", *FOUNDATION},
    "study": {"report", "plots", "scale", "config", *AREAS, *FOUNDATION},
    "cli": {"study", "config", "data", "report", *FOUNDATION},
    "__main__": {"cli"},
}
#: heavy package → the only places that may import it
ONLY_IN = {
    "plotly": {"plots", "report"},
    "jinja2": {"report"},
    "shap": {"explanation"},
    "woodelf": {"explanation"},
    "lightgbm": {"challenger", "scale"},
}
PACKAGE = Path(creditlab.__file__).parent


def _sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _area(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> list[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; name the module in full"
            module = node.module or ""
            names = [f"creditlab.{a.name}" for a in node.names] if module == "creditlab" else [module]
            found += [(node.lineno, name) for name in names]
    return found


def broken_rules(area: str, imports: list[tuple[int, str]]) -> list[str]:
    """The imports of a file of `area` that the table forbids."""
    broken = []
    for line, name in imports:
        parts = name.split(".")
        if parts[0] == "creditlab" and len(parts) > 1 and area != "__init__":
            target = parts[1]
            if target not in ("__version__", area) and target not in MAY_IMPORT[area]:
                broken.append(f"line {line}: {area} may not import {name}")
        elif area not in ONLY_IN.get(parts[0], {area}):
            broken.append(f"line {line}: {parts[0]} may be imported only in {sorted(ONLY_IN[parts[0]])}")
    return broken


@pytest.mark.parametrize("path", _sources(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_every_file_keeps_the_import_table(path: Path) -> None:
    assert not broken_rules(_area(path), _imports(path)), path


def test_the_table_bites() -> None:
    assert broken_rules("village", [(3, "creditlab.scorecard")]) == [
        "line 3: village may not import creditlab.scorecard"
    ]
    assert broken_rules("binning", [(7, "plotly.graph_objects")])
    assert not broken_rules("scorecard", [(1, "creditlab.binning.table"), (2, "numpy")])


def test_importing_creditlab_loads_only_numpy_and_pandas() -> None:
    code = (
        "import sys, creditlab; "
        "heavy = {'scipy', 'sklearn', 'statsmodels', 'lightgbm', 'shap', 'plotly', 'jinja2', 'tqdm', 'openpyxl'}; "
        "print(sorted(heavy & {m.split('.')[0] for m in sys.modules}), end='')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == "[]"


def _modules() -> list[str]:
    return sorted(
        m.name for m in pkgutil.walk_packages([str(PACKAGE)], "creditlab.") if not m.name.endswith("__main__")
    )


def test_every_public_name_survives_the_import_of_every_module() -> None:
    first = {name: getattr(creditlab, name) for name in creditlab.__all__}
    for module in _modules():
        importlib.import_module(module)
    for name in creditlab.__all__:
        assert getattr(creditlab, name) is first[name], f"creditlab.{name} was shadowed by a module"
    assert set(creditlab.__all__) <= set(dir(creditlab))


def test_no_public_function_bears_the_name_of_a_module_beside_it() -> None:
    for module in _modules():
        package = importlib.import_module(module)
        if hasattr(package, "__path__"):
            beside = {m.name for m in pkgutil.iter_modules(package.__path__)}
            clash = beside & {n for n in getattr(package, "__all__", ()) if callable(getattr(package, n))}
            assert not clash, f"{module}: {clash}"

"""What is declared in two places is equal, and the checkout keeps the house rules."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return [ROOT / p for p in listed.stdout.split("\0") if p and (ROOT / p).is_file()]


def _floors(requirements: list[str]) -> dict[str, str]:
    found = {}
    for requirement in requirements:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)>=([0-9.]+)", requirement)
        assert match, f"{requirement}: a lower bound and nothing else"
        found[match[1].lower()] = match[2]
    return found


def test_environment_yml_equals_pyproject() -> None:
    listed = yaml.safe_load(_read("environment.yml"))["dependencies"]
    conda = _floors([d for d in listed if isinstance(d, str) and d != "pip"])
    assert conda.pop("python") == PROJECT["requires-python"].removeprefix(">=")
    assert conda == _floors(PROJECT["dependencies"] + EXTRAS["notebook"])


def test_every_dependency_earns_its_line() -> None:
    page = _read("docs/dependencies.md")
    for requirement in PROJECT["dependencies"] + [r for extra in EXTRAS.values() for r in extra]:
        name = re.split("[>=]", requirement)[0]
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", page), f"{name} has no line in docs/dependencies.md"


def test_the_lock_has_hashes_fits_the_ranges_and_names_no_address() -> None:
    lock = _read("requirements.lock")
    assert "http" not in re.sub(r"\bhttp(x|core)\b", "", lock)
    pinned = dict(re.findall(r"^([a-z0-9_.-]+)==([^\s;]+)", lock, re.M))
    assert lock.count("==") <= lock.count("--hash=sha256:")
    for name, floor in _floors(PROJECT["dependencies"] + EXTRAS["notebook"] + EXTRAS["link"] + EXTRAS["dev"]).items():
        assert tuple(map(int, pinned[name].split(".")[:2])) >= tuple(map(int, floor.split(".")[:2])), name


def test_the_lock_of_the_engines_has_hashes_and_stays_apart() -> None:
    lock = _read("engines.lock")
    assert "http" not in lock and "creditlab==" not in lock
    pinned = dict(re.findall(r"^([a-z0-9_.-]+)==([^\s;]+)", lock, re.M))
    groups = tomllib.loads(_read("pyproject.toml"))["dependency-groups"]
    for name, floor in _floors(groups["engines"]).items():
        assert tuple(map(int, pinned[name].split(".")[:2])) >= tuple(map(int, floor.split(".")[:2])), name
        assert not re.search(rf"^{name}==", _read("requirements.lock"), re.M)


def test_the_version_is_stated_once_in_effect() -> None:
    import creditlab

    assert creditlab.__version__ == PROJECT["version"]


def test_the_two_readmes_are_in_step() -> None:
    english, chinese = _read("README.md"), _read("README.zh-CN.md")
    blocks = [re.findall(r"```.*?```", text, re.S) for text in (english, chinese)]
    assert blocks[0] == blocks[1], "commands and code are the same in both languages"
    levels = [re.findall(r"^(#+) ", text, re.M) for text in (english, chinese)]
    assert levels[0] == levels[1], "the same sections in the same order"
    numbers = [re.findall(r"\|[^|\n]*\d\.\d{2,}[^|\n]*", text) for text in (english, chinese)]
    assert [re.findall(r"\d+\.\d+", n) for n in numbers[0]] == [re.findall(r"\d+\.\d+", n) for n in numbers[1]]
    images = [re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text) for text in (english, chinese)]
    assert images[0] == images[1] and images[0]
    assert all((ROOT / image).is_file() for image in images[0])


def test_the_python_of_the_readme_names_what_exists() -> None:
    import creditlab

    code = "\n".join(re.findall(r"```python\n(.*?)```", _read("README.md"), re.S))
    names = set(re.findall(r"\bcl\.([A-Za-z_]+)", code))
    assert names and names <= set(dir(creditlab))


# built in pieces, so that this file does not contain what it forbids
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "registry.np" + "mjs", "deb.deb" + "ian"]
MACHINE = re.compile(r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot|fa" + r"rm|tm" + r"p)/")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".lock", ".ipynb", ".json", ".j2", ".css", ".js", ".html", ""}


def test_no_address_of_a_registry_and_no_path_of_a_machine() -> None:
    for path in _tracked():
        if path.suffix in TEXT:
            text = path.read_text(encoding="utf-8")
            assert not [h for h in HOSTS if h in text], f"{path}: address of a package registry"
            assert not MACHINE.search(text), f"{path}: path of a machine"


def test_the_sample_is_small_and_nothing_else_is_large() -> None:
    sizes = {p: p.stat().st_size for p in _tracked()}
    sample = [p for p in sizes if (ROOT / "data" / "sample") in p.parents]
    assert sum(sizes[p] for p in sample) <= 8_000_000
    assert not [p for p in sizes if p not in sample and sizes[p] > 1_000_000]


def test_text_files_name_their_encoding_and_nothing_is_posix_only() -> None:
    posix = re.compile(r"\b(os\.fork|os\.getuid|fcntl|resource\.getrusage|pwd\b\.|signal\.SIGKILL|/dev/null)")
    for path in (ROOT / "creditlab").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not posix.search(text), f"{path}: POSIX only"
        for call in re.findall(r"(?:(?<!\w)open|\.read_text|\.write_text)\((?!\))[^)\n]*\)", text):
            assert "encoding" in call or "rb" in call or "wb" in call or "def " in call, (
                f"{path}: {call} names no encoding"
            )

# The doors of the house. `make study` and `make test` work on a fresh clone with only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

.PHONY: study test setup engines lab bench lint lock sample wheelhouse clean

study: setup
	$(RUN) -m creditlab study data/sample --out build/study

# Two workers share the files of tests; one runs the notebooks, which take longest.
test: setup
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'creditlab needs Python 3.11 or newer; set PYTHON=...')"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(RUN) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	$(RUN) -c "import pathlib; pathlib.Path('$(READY)').touch()"

# Spark and PMML evaluators, in an environment of their own; the tests of exported cards use them when they are there.
engines: build/engines/.ready

build/engines/.ready: engines.lock
	$(PYTHON) -m venv build/engines
	build/engines/bin/python -m pip install --disable-pip-version-check --quiet --no-compile --require-hashes -r engines.lock
	touch build/engines/.ready

lab: setup
	$(RUN) -m jupyterlab notebooks

bench: setup
	$(RUN) -m benchmarks

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m mypy

# Writes the committed sample county again (same seed, same values).
sample: setup
	$(RUN) -m creditlab world --villages 120 --seed 7 --out data/sample

# A folder that installs on a machine without a network: see the README.
wheelhouse: setup
	$(RUN) -m pip wheel --disable-pip-version-check --quiet --no-deps --no-build-isolation --wheel-dir wheelhouse .
	$(RUN) -m pip download --disable-pip-version-check --quiet --require-hashes --only-binary :all: --dest wheelhouse -r requirements.lock
	$(RUN) -c "import shutil; shutil.copy('requirements.lock', 'wheelhouse/requirements.lock')"

# Needs uv; the lock carries hashes and no index address.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra notebook --extra dev --extra explain --extra static --extra word --extra link --extra geo pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group engines -o engines.lock

clean:
	$(PYTHON) -c "import shutil; [shutil.rmtree(p, ignore_errors=True) for p in ('$(VENV)', 'build', 'wheelhouse', 'dist')]"

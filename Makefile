# make bench   set everything up, run the quick suite, print the comparison
# make test    set everything up, check types and style, run all tests
# make perf    what the load engine can do beside stock Locust, and what intervals and the disturbance rule hold
# make perf-aa whether verdicts hold on this machine: equal deployments pass as equal, a slower one does not; 40 minutes
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
# PyPI has no CPU build of torch for Linux x86-64; PyTorch's own index has. Without it the default build is taken,
# which works as well and is several GB larger. No retries: an unreachable index must not cost minutes.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: install bench test lint perf perf-aa lock clean

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_RETRIES=0 $(BIN)/pip install -q -c constraints.txt --extra-index-url $(TORCH_INDEX) torch || \
		$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e '.[all,dev]'
	touch $@

bench: install
	$(BIN)/tailbed bench quick

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install lint
	$(BIN)/pytest

perf: install
	$(BIN)/python -m tests.performance.engine
	$(BIN)/python -m tests.performance.coverage
	$(BIN)/python -m tests.performance.disturbance

perf-aa: install
	$(BIN)/python -m tests.performance.aa

# The versions that all of it was tested with, resolved at once in a fresh environment.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	PIP_RETRIES=0 build/lock/bin/pip install -q --extra-index-url $(TORCH_INDEX) torch==2.13.0 || \
		build/lock/bin/pip install -q torch==2.13.0
	build/lock/bin/pip install -q '.[all,dev]'
	build/lock/bin/pip freeze | grep -v '^tailbed' | sed 's/+cpu//; s/^torch @.*/torch==2.13.0/' > constraints.txt

clean:
	rm -rf $(VENV) build *.egg-info

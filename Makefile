# make bench   set everything up, run the quick suite, print the comparison
# make test    set everything up, check types and style, run all tests
# make perf    what the load engine can do beside stock Locust, and what the statistical rules hold by simulation
# make perf-plan whether what tailbed plan predicts and finds is what is measured; an hour and more
# make perf-aa whether verdicts hold on this machine: equal deployments pass as equal, a slower one does not; 40 minutes
# make perf-peers  tailbed beside NVIDIA's perf_analyzer on a real tritonserver; 25 minutes
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
# PyPI has no CPU build of torch for Linux x86-64; PyTorch's own index has. Without it the default build is taken,
# which works as well and is several GB larger. No retries: an unreachable index must not cost minutes.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: install bench test lint perf perf-plan perf-aa perf-peers lock clean

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

# First what no load on the machine disturbs, side by side, and with every framework in one process or another; then the
# containers, two suites at a time, since they mostly wait; then what is measured, alone.
SIDE_BY_SIDE := tests/unit tests/integration/exporters tests/integration/runtimes tests/integration/servers \
	tests/integration/cli/test_import.py tests/integration/cli/test_commands.py \
	tests/integration/loadtest/test_tls.py tests/integration/report tests/integration/history tests/integration/test_runtimes.py
CONTAINERS := tests/integration/compose tests/integration/containers tests/integration/monitoring

test: install lint
	$(BIN)/pytest -n 2 --dist loadscope $(SIDE_BY_SIDE)
	$(BIN)/pytest -n 2 --dist loadscope $(CONTAINERS)
	$(BIN)/pytest $(SIDE_BY_SIDE:%=--ignore=%) $(CONTAINERS:%=--ignore=%) tests/integration

perf: install
	$(BIN)/python -m tests.performance.engine
	$(BIN)/python -m tests.performance.coverage
	$(BIN)/python -m tests.performance.disturbance
	$(BIN)/python -m tests.performance.change_points
	$(BIN)/python -m tests.performance.recommendations

perf-plan: install
	$(BIN)/python -m tests.performance.planning

perf-aa: install
	$(BIN)/python -m tests.performance.aa

# perf_analyzer is a binary in the last wheel of tritonclient that has it, in an environment of its own.
PERF_ANALYZER_ENV ?= build/perf-analyzer

$(PERF_ANALYZER_ENV)/bin/perf_analyzer:
	$(PYTHON) -m venv $(PERF_ANALYZER_ENV)
	$(PERF_ANALYZER_ENV)/bin/pip install -q --no-deps tritonclient==2.51.0

perf-peers: install $(PERF_ANALYZER_ENV)/bin/perf_analyzer
	$(BIN)/tailbed install triton
	$(BIN)/python -m tests.performance.perf_analyzer --perf-analyzer $(PERF_ANALYZER_ENV)

# The versions that all of it was tested with, resolved at once in a fresh environment.
lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	PIP_RETRIES=0 build/lock/bin/pip install -q --extra-index-url $(TORCH_INDEX) torch==2.13.0 || \
		build/lock/bin/pip install -q torch==2.13.0
	build/lock/bin/pip install -q '.[all,dev]'
	build/lock/bin/pip freeze | grep -v '^tailbed' | sed 's/+cpu//; s/^torch @.*/torch==2.13.0/' > constraints.txt

clean:
	rm -rf $(VENV) build *.egg-info

# make reproduce   set up, train the spiking circuit on the bundled digits, check it, draw figures
# make test        set up, run the tests
# make paper       the same at the paper's size: MNIST, twenty seeds, 60 epochs; the report
# make variants    one assumption of the circuit dropped at a time: trainings, figures, tables
# make explained   trainings behind explanations of docs/variants.md: bounds, late reward, pools
# make chip        weights of the emulated chip: bits, limits, copies set anew each epoch
# make prose       the numbers of README.md and docs/, from the tables of figures/
# make check       linters and fast tests, before a commit
# make test-matrix what touches Brian2, in every Python that this machine has
# make stress      kill trainings, flip bits, mutate files; KILLS=, FLIPS=, FILES= say how many
# make docs        the documentation site, docs/_build/html/index.html, and its links checked
# make check-docs  every command of README.md and docs/, in an environment and folders of its own
# make linkcheck   the links of the pages to other sites; needs a network
# make dist        sdist and wheel, installed into an empty environment and tried there
# A step whose inputs have not changed is not done again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
TEST_SETUP := $(VENV)/.installed-test
DOCS_SETUP := $(VENV)/.installed-docs

# make … PLUGINS="my_module path/to/other.py": every command loads them first
ifneq ($(strip $(PLUGINS)),)
empty :=
export SYNFIRE_BP_PLUGINS := $(subst $(empty) ,:,$(strip $(PLUGINS)))
endif

RUN := runs/digits
SOURCES := $(shell find synfire_bp analysis models -name '*.py' -o -name '*.h' -o -name '*.yaml')

.PHONY: reproduce test slow-test stress test-matrix lint check clean

reproduce: $(RUN)/.verified figures/.drawn
	@echo "Done: the run is in $(RUN), the figures are in figures/digits/."

test: $(TEST_SETUP)
	$(BIN)/python -m pytest

slow-test: $(TEST_SETUP)
	$(BIN)/python -m pytest -m slow

KILLS ?= 200
FLIPS ?= 500
FILES ?= 1000
stress: $(TEST_SETUP)
	$(BIN)/python tests/stress --kills $(KILLS) --flips $(FLIPS) --files $(FILES)

test-matrix:
	.ci/test-matrix

lint: $(TEST_SETUP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

# -- set-up ----------------------------------------------------------------------------------

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(SETUP): $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e '.[analysis,sweep]'
	@touch $@

$(TEST_SETUP): $(SETUP)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e '.[test]'
	@touch $@

$(DOCS_SETUP): $(SETUP)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -e '.[docs]'
	@touch $@

# -- the digits, from nothing to figures -----------------------------------------------------

$(RUN)/.trained: $(SETUP) $(SOURCES)
	@if [ -f $@ ]; then rm -r $(RUN); fi  # finished with older code; an unfinished run is resumed
	$(BIN)/synfire-bp train digits --engine circuit --out $(RUN) --resume
	@touch $@

$(RUN)/.verified: $(RUN)/.trained
	$(BIN)/synfire-bp verify digits
	@touch $@

figures/.drawn: $(RUN)/.trained
	$(BIN)/python -m analysis --runs runs --out figures
	@touch $@

# -- the study of the chip's weights: 48 trainings of MNIST on the emulated chip, under an hour ----

.PHONY: chip
chip: $(SETUP)
	$(BIN)/python -m analysis.chip.runs --out runs/chip
	$(BIN)/python -m analysis.chip.renewal --runs runs --jobs 2
	$(BIN)/python -m analysis chip --runs runs --out figures
	$(BIN)/python -m analysis.chip.table --runs runs --into docs/chip.md
	-$(BIN)/python -m analysis.prose  # numbers of the pages

# -- the paper's protocol: twenty seeds of MNIST, 60 epochs each, with the paper's gates alone, too;
#    about three hours on two cores ------------------------------------------------------------

.PHONY: paper
paper: $(SETUP)
	$(BIN)/python -m analysis.paper.runs --runs runs/paper
	$(BIN)/python -m analysis paper table_depth report --runs runs --out figures
	-$(BIN)/python -m analysis.prose  # numbers of the pages

# -- the study of the variants: 1,340 trainings, about two hours on two cores ----------------

.PHONY: variants
variants: $(SETUP)
	$(BIN)/python -m analysis.variants.runs --runs runs/variants
	$(BIN)/python -m analysis variants --runs runs --out figures
	$(BIN)/python -m analysis.variants.depth_table --into docs/variants.md
	$(BIN)/python -m analysis.variants.table --into docs/variants.md
	-$(BIN)/python -m analysis.prose  # numbers of the pages

# -- numbers in prose ------------------------------------------------------------------------

.PHONY: prose
prose: $(SETUP)
	$(BIN)/python -m analysis.prose

# -- trainings behind three explanations of docs/variants.md: half an hour on one core ----------

.PHONY: explained
explained: $(SETUP)
	$(BIN)/python -m analysis.variants.explained --runs runs/explained
	$(BIN)/python -m analysis.variants.explained_tables --into docs/variants.md

# -- the documentation site: only what has changed is built again ------------------------------

.PHONY: docs linkcheck
SITE := docs/_build/html
docs: $(DOCS_SETUP)
	$(BIN)/sphinx-build -b html -d docs/_build/doctrees -W --keep-going -q docs $(SITE)
	PYTHONPATH=docs $(BIN)/python -m site_build.links $(SITE)
	@echo "Done: open $(SITE)/index.html"

.PHONY: check-docs
check-docs: $(DOCS_SETUP)
	PYTHONPATH=docs $(BIN)/python -m site_build.commands

linkcheck: $(DOCS_SETUP)
	$(BIN)/sphinx-build -b linkcheck -d docs/_build/doctrees -q docs docs/_build/linkcheck

# -- release: the sdist, the wheel made from it, and what that does where nothing else is ----------

.PHONY: dist
dist:
	rm -rf dist
	$(PYTHON) -m venv dist/maker
	dist/maker/bin/python -m pip install --disable-pip-version-check build
	dist/maker/bin/python -m build --outdir dist .
	$(PYTHON) -m venv dist/empty
	dist/empty/bin/python -m pip install --disable-pip-version-check dist/synfire_bp-*.whl
	cd dist && empty/bin/synfire-bp --version && empty/bin/synfire-bp verify digits

clean:
	rm -rf $(VENV) runs build dist *.egg-info figures/.drawn docs/_build docs/generated

# make train       set up and train: python train.py --model cddpm
# make test        set up and run the fast tests       make test-slow  the others
# make test-faults set up, and inject faults on purpose in full numbers; prints how many were tried and held
# make bench       set up and measure speed; half an hour    make bench-quality  time to quality; an hour and a half
# make zoo         set up, and train what comes with the package; an hour
# make notebooks   set up, execute all notebooks and write them back; ten minutes     make docs   the documentation, docs/_build/html
# make figures     set up, and remake the tables and pictures of the README and docs/ from the zoo; a minute, and MNIST
# make wasm        set up, and remake the engine of exported pages from its C source
# make lint        ruff                                make clean      remove environments, builds and caches
#
# make bench ARGS="--rounds 5"   hands options on.
# PYTHON=python3.12 make ...   uses that interpreter; VENV=FOLDER puts the environment elsewhere.
# Another interpreter remakes the environment; a second run with the same one goes straight to work.

PYTHON ?= python3
VENV ?= .venv

version := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
ifeq ($(version),)
ifneq ($(MAKECMDGOALS),clean)
$(error cannot run PYTHON=$(PYTHON): name a Python of 3.10 or newer, for example PYTHON=python3.12)
endif
endif

python := $(VENV)/bin/python
created := $(VENV)/.created-$(version)
# One stamp for the project alone, one for each extra that was asked for.
installed := $(VENV)/.installed-$(version)

# Two processes, each with TensorFlow and the models that its test files share: a gigabyte each. The slow tests share
# little, and one file of them takes half of the time: who is done takes over what is left of the other's.
workers := -n 2 --dist loadfile
slow_workers := -n 2 --dist worksteal
SLOW_TESTS ?= slow

.PHONY: train test test-slow test-faults bench bench-quality zoo figures notebooks docs wasm lint clean
.DELETE_ON_ERROR:

train: $(installed)
	$(python) train.py --model cddpm

test: $(installed)-test
	$(python) -m pytest $(workers) -m "not slow"

test-slow: $(installed)-test
	$(python) -m pytest $(slow_workers) -m "$(SLOW_TESTS)"

test-faults: $(installed)-test
	$(python) -m pytest $(slow_workers) --faults tests/faults $(ARGS)

bench: $(installed)-bench
	$(python) -m benchmarks.bench $(ARGS)

bench-quality: $(installed)-bench
	$(python) -m benchmarks.quality $(ARGS)

zoo: $(installed)
	$(python) -m benchmarks.zoo $(ARGS)

figures: $(installed)
	$(python) -m benchmarks.readme --pictures

notebooks: $(installed)-execute
	$(python) -m notebooks.build $(ARGS)

docs: $(installed)-docs
	$(python) -m sphinx -W --keep-going -b html docs docs/_build/html

web := genzoo/export/web
wasm: $(installed)-wasm
	$(python) -m ziglang cc -target wasm32-freestanding -mcpu=generic+simd128+bulk_memory -O3 -nostdlib \
	  -Wl,--no-entry -Wl,--export=__heap_base -Wl,--strip-all -o $(web)/engine.wasm $(web)/engine.c

lint: $(installed)-dev
	$(python) -m ruff check .

clean:
	rm -rf .venv .venv-* build dist docs/_build *.egg-info .pytest_cache .ruff_cache
	find genzoo tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(created):
	@test ! -e $(VENV) || test -f $(VENV)/pyvenv.cfg || { echo "VENV=$(VENV) is no environment: not removed"; exit 1; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(installed): $(created) setup.cfg pyproject.toml
	@echo "Installing genzoo with TensorFlow into $(VENV), for Python $(version): some minutes"
	$(python) -m pip install --quiet --quiet --editable .
	@touch $@

$(installed)-%: $(installed)
	$(python) -m pip install --quiet --quiet --editable '.[$*]'
	@touch $@

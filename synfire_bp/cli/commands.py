"""The command line, `synfire-bp`: parses, calls, prints.

What it prints for people goes to standard output; progress and errors go to standard error.  Exit
codes: 0 done, 1 something was wrong (a message says what), 2 the command was not understood,
130 stopped by Ctrl-C.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from synfire_bp import __version__
from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import Block, Population, Source
from synfire_bp.data import datasets
from synfire_bp.data.scores import Score
from synfire_bp.errors import ExperimentError, Interrupted, SweepError, SynfireError
from synfire_bp.model import Experiment, json_schema, list_models
from synfire_bp.files import write_atomically
from synfire_bp.runs.run import Run

if TYPE_CHECKING:
    from synfire_bp.loihi.summary import Table as HardwareTable

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    """Hands Ctrl-C to `main`: typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted(
                "stopped at once; --resume takes up a training at its last checkpoint"
            ) from None


app = typer.Typer(
    name="synfire-bp",
    cls=_Commands,
    help="Exact backpropagation with spikes: run, verify and describe the circuit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(no_args_is_help=True, help="List, fetch and check data sets.")
app.add_typer(data, name="data")
cache = typer.Typer(no_args_is_help=True, help="List and remove compiled circuits.")
app.add_typer(cache, name="cache")


class EngineName(str, Enum):
    """Engines that a user can choose."""

    circuit = "circuit"
    oracle = "oracle"


class HardwareName(str, Enum):
    """Chips that a circuit can be placed on."""

    loihi1 = "loihi1"


class SplitName(str, Enum):
    """Splits of a data set."""

    test = "test"
    train = "train"


def _whole_number(text: Any) -> int:
    try:
        return int(text)
    except ValueError:
        # typer's own message does not say what was given
        raise typer.BadParameter(f"'{text}' is not a whole number") from None


def _number(help: str) -> Any:
    return typer.Option(parser=_whole_number, metavar="N", help=help)


Model = Annotated[
    str, typer.Argument(help="Model file (YAML), or the name of a shipped model; see `models`.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change an entry of the model file; again for more."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Seed = Annotated[int | None, _number("Seed of initial weights and order of samples.")]
Engine = Annotated[
    EngineName, typer.Option(help="The spiking circuit, or the algorithm in integers.")
]


def main() -> None:
    """Run the command line; a mistake of the user gives a message, never a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that has no → shows ? for it
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except Interrupted as error:
        _complain(error)
        sys.exit(130)
    except SynfireError as error:
        _complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        _complain("stopped")
        sys.exit(130)
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        _give_up_output()
        sys.exit(1)
    except OSError as error:  # of a place that no module expects trouble from, such as stdout
        _give_up_output()
        _complain(f"{error.filename or 'output'}: {error.strerror or error}")
        sys.exit(1)
    except MemoryError as error:
        _complain(f"not enough memory ({error}); choose smaller network.sizes")
        sys.exit(1)


def _give_up_output() -> None:
    """Send what is left of the output nowhere, or Python complains of it on its way out."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(what: object) -> None:
    print(f"synfire-bp: {what}", file=sys.stderr)


# ---------------------------------------------------------------- train, test, verify


@app.command()
def train(
    model: Model,
    engine: Engine = EngineName.circuit,
    epochs: Annotated[int | None, _number("Passes through the training samples.")] = None,
    samples: Annotated[int | None, _number("Use only the first N training samples.")] = None,
    seed: Seed = None,
    changes: Set = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Run directory. Default: runs/NAME, with -oracle and -seedS as given."),
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from the checkpoint in --out, if any.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option(help="Only report stray spikes or unequal copies of weights.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train a model into a run directory."""
    from synfire_bp.training.training import train as train_model

    experiment = _experiment(model, changes, epochs=epochs, samples=samples, seed=seed)
    run = train_model(
        experiment,
        engine=engine.value,
        out=out or _default_out(experiment, engine, seed),
        resume=resume,
        keep_going=keep_going,
        quiet=quiet,
    )
    last = run.metrics[run.metrics.split == "test"].iloc[-1]
    print(
        f"{run.path}: test accuracy after epoch {last.epoch:g}: "
        f"{100 * last.accuracy_spikes:.2f} % by spikes, "
        f"{100 * last.accuracy_potential:.2f} % by potential"
    )


@app.command()
def test(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    engine: Engine = EngineName.circuit,
    split: Annotated[SplitName, typer.Option(help="Which samples.")] = SplitName.test,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    quiet: Quiet = False,
) -> None:
    """Test a run's weights in the four-phase inference circuit (or the oracle)."""
    from synfire_bp.training.training import test as test_run

    score = test_run(Run.open(run), engine=engine.value, split=split.value, quiet=quiet).score
    if as_json:
        print(json.dumps(score.row(), indent=1))
    else:
        _print_score(f"{run}, {split.value} samples, {engine.value}", score)


@app.command()
def verify(
    model: Model,
    epochs: Annotated[int, _number("Passes through the samples.")] = 1,
    samples: Annotated[
        int | None, _number("Use only the first N training samples. Default: all.")
    ] = None,
    seed: Seed = None,
    changes: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train circuit and oracle on the same samples; exit 0 only if all weights are equal."""
    from synfire_bp.training.verification import verify as verify_model

    experiment = _experiment(model, changes, samples=samples, seed=seed)
    result = verify_model(experiment, epochs=epochs, quiet=quiet)
    if as_json:
        print(json.dumps(result.summary(), indent=1))
    else:
        _print_table(
            f"{experiment.name}: circuit against oracle, {result.samples:,} samples, "
            f"seed {result.seed}",
            ("projection", "weights", "different", "changed by learning"),
            [
                (row.projection, f"{row.compared:,}", f"{row.different:,}", f"{row.learnt:,}")
                for row in result.projections
            ],
            left=1,
        )
        print(f"scores {'equal' if result.scores_equal else 'DIFFERENT'}; "
              f"{sum(s.spikes for s in result.strays)} stray spikes")  # fmt: skip
        print("equal" if result.exact else "NOT EQUAL")
    if not result.exact:
        raise typer.Exit(1)


# ---------------------------------------------------------------- bench


@app.command()
def bench(
    model: Model = "mnist",
    samples: Annotated[int, _number("Samples timed in each round.")] = 5000,
    repeats: Annotated[int, _number("Rounds, of which medians are taken.")] = 5,
    scaling: Annotated[bool, typer.Option(help="Also with layers of other sizes.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of the result.")] = Path("runs/bench"),
    changes: Set = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure what a training sample costs here: NumPy, Brian2 alone, circuit, oracle."""
    from synfire_bp.bench import bench as measure
    from synfire_bp.bench.report import bench_report
    from synfire_bp.bench.scaling import Grid

    grid = Grid() if scaling else None
    experiment = _experiment(model, changes)
    result = measure(experiment, samples=samples, repeats=repeats, grid=grid, out=out, quiet=quiet)
    if as_json:
        print(result.json(), end="")
        return
    for item in bench_report(result):
        if isinstance(item, str):
            print(item)
        else:
            _print_table(item.title, item.heads, item.rows, left=item.left)


# ---------------------------------------------------------------- sweep


@app.command()
def sweep(
    sweep: Annotated[
        str | None,
        typer.Argument(help="Sweep file (YAML), or the name of a shipped one. Default: list them."),
    ] = None,
    engine: Annotated[
        EngineName | None, typer.Option(help="Instead of the sweep file's engine.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the tables. Default: runs/sweeps/NAME.")
    ] = None,
    workers: Annotated[
        int | None, _number("Processes on this machine. Default: one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|FILE",
            help="A Dask cluster instead: tcp://host:port, or a scheduler file.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many runs there are, and how long they take.")
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change an entry of the model in all runs, or of the sweep (design.…, seeds, "
            "record); again for more.",
        ),
    ] = None,
    time_limit: Annotated[
        float, typer.Option(help="Seconds that a training may take; 0: any.")
    ] = 3600.0,
    retries: Annotated[
        int, _number("How often a run is tried again whose worker died or whose time was up.")
    ] = 2,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do failed runs of earlier calls again, too.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train a model many times, with other parameters; a second call does what is missing."""
    from synfire_bp.sweep.definition import Sweep, list_sweeps

    if sweep is None:
        rows = [(name, Sweep.from_file(name).description) for name in list_sweeps()]
        _print_table("", ("sweep", "what it asks"), rows, left=2)
        return
    for name, value, least in (("--workers", workers, 1), ("--retries", retries, 0),
                               ("--time-limit", time_limit, 0)):  # fmt: skip
        if value is not None and not value >= least:
            raise typer.BadParameter(f"{name} is {value:g}, but must be {least} or greater")
    asked = Sweep.from_file(sweep, changes or [], None if engine is None else engine.value)
    try:
        from synfire_bp.sweep.execution import estimate, run_sweep
    except ModuleNotFoundError as error:
        raise SweepError(
            f"a sweep needs the package '{error.name}', which is not installed; install what "
            "sweeps need with: pip install 'synfire_bp[sweep]'"
        ) from None
    folder = out or Path("runs", "sweeps", asked.name)
    if dry_run:
        expected = estimate(asked, folder, workers=workers)
        print(
            f"{asked.name}: {expected.planned:,} runs, {expected.missing:,} of them to do; "
            f"{expected.per_run:.2f} s each, {_duration(expected.seconds)} on "
            f"{expected.workers} cores"
        )
        return
    result = run_sweep(
        asked,
        folder,
        workers=workers,
        scheduler=scheduler,
        time_limit=time_limit or None,
        retries=retries,
        retry_failed=retry_failed,
        quiet=quiet,
    )
    rate = f", {result.done / result.seconds:.2f} runs/s" if result.done else ""
    use = result.busy / max(result.seconds * result.workers, 1e-9)
    used = f"; workers were training {100 * use:.0f} % of it" if result.done else ""
    print(
        f"{result.path}: {result.planned:,} runs, {result.failed:,} of them failed; "
        f"{result.done:,} done now in {_duration(result.seconds)}{rate}{used}"
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


# ---------------------------------------------------------------- describe, models, schema


@app.command()
def describe(
    model: Model,
    changes: Set = None,
    hardware: Annotated[
        HardwareName | None,
        typer.Option(help="Also what it takes of this chip. Default: the model's own, if any."),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Run directory of the model: energy and time from its spikes."),
    ] = None,
) -> None:
    """Print a model's populations, phases, projections and counts."""
    from synfire_bp.model import assemble

    experiment = _experiment(model, changes)
    model_ = assemble(experiment)
    circuit, inference = model_.circuit, model_.inference.circuit
    on_chip: list[HardwareTable | str] = []  # before anything is printed: it may be refused
    if hardware is not None or model_.network.neurons.chip is not None:
        on_chip = _on_chip(circuit, inference, None if run is None else Run.open(run))
    elif run is not None:
        raise typer.BadParameter(f"--run needs --hardware {HardwareName.loihi1.value}")
    sizes = "-".join(map(str, circuit.sizes))
    print(f"{experiment.name}: {experiment.description}")
    print(f"{experiment.dataset.name}, {sizes}, rule: {experiment.learning.rule}")
    _print_phases(circuit)
    _print_populations(circuit)
    _print_projections(circuit)
    _print_table(
        "Counts",
        ("", "training", "inference"),
        [
            (what, f"{count(circuit):,}", f"{count(inference):,}")
            for what, count in (
                ("time steps a sample", lambda c: c.n_phases),
                ("neurons, without sources", lambda c: c.n_neurons),
                ("learning synapses", lambda c: c.n_plastic_synapses if c is circuit else 0),
                ("all-to-all synapses", lambda c: c.n_plastic_synapses),
                ("fixed synapses", lambda c: c.n_fixed_synapses),
            )
        ],
        left=1,
    )
    if cautions := circuit.cautions():
        print("Were all presynaptic neurons active and all weights at their limit:")
        for caution in cautions:
            print(f"  {caution}")
    for item in on_chip:
        if isinstance(item, str):
            print(item)
        else:
            _print_table(item.title, item.heads, item.rows, left=item.left, more=item.more)


@app.command()
def models() -> None:
    """List the models that ship with synfire_bp."""
    rows = [(name, Experiment.from_file(name).description) for name in list_models()]
    _print_table("", ("model", "what it is"), rows, left=2)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="File to write; default: print it.")] = None,
) -> None:
    """Print the JSON schema of model files, for editors that complete them."""
    text = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        write_atomically(out, text.encode())


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


# ---------------------------------------------------------------- data


@data.command("list")
def data_list() -> None:
    """List the data sets and where they are."""
    rows = [(s.name, s.state, s.where, s.detail) for s in datasets.available()]
    _print_table("", ("data set", "state", "where", ""), rows, left=4)


@data.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="mnist or fashion-mnist.")],
    quiet: Quiet = False,
) -> None:
    """Download a data set into the cache and check it."""
    for path in datasets.fetch(name, quiet=quiet):
        print(path)


@data.command("check")
def data_check(
    name: Annotated[str | None, typer.Argument(help="One data set; default: all at hand.")] = None,
) -> None:
    """Verify the files of data sets; exit 0 only if all are as published."""
    here = [s.name for s in datasets.available() if s.state != "absent"]
    checks = [entry for one in ([name] if name else here) for entry in datasets.check(one)]
    for entry in checks:
        print(f"{'ok ' if entry.ok else 'BAD'} {entry.file}: {entry.detail}")
    if not all(entry.ok for entry in checks):
        raise typer.Exit(1)


# ---------------------------------------------------------------- cache


@cache.command("list")
def cache_list() -> None:
    """List the compiled circuits, last used first."""
    from synfire_bp.program.cache import cache_folder, entries

    rows = [
        (
            entry.key,
            "-".join(map(str, entry.about.get("sizes", "?"))),
            entry.about.get("phases", "?"),
            ", ".join(what for what in ("learns", "stock", "chip") if entry.about.get(what)),
            f"{entry.size / 1e6:.1f}",
            f"{entry.used:%Y-%m-%d %H:%M}",
        )
        for entry in entries()
    ]
    heads = ("program", "sizes", "phases", "", "MB", "last used")
    _print_table(str(cache_folder()), heads, rows, left=2)


@cache.command("clear")
def cache_clear() -> None:
    """Remove all compiled circuits; they are compiled anew when they are needed."""
    from synfire_bp.program.cache import cache_folder, clear

    print(f"{cache_folder()}: {clear()} programs removed")


# ---------------------------------------------------------------- what is shared


def _experiment(model: str, changes: Sequence[str] | None, **training: int | None) -> Experiment:
    stated = [f"training.{key}={value}" for key, value in training.items() if value is not None]
    return Experiment.from_file(model, overrides=[*(changes or []), *stated])


def _default_out(experiment: Experiment, engine: EngineName, seed: int | None) -> Path:
    parts = [experiment.name]
    if engine is not EngineName.circuit:
        parts.append(engine.value)
    if seed is not None:
        parts.append(f"seed{seed}")
    return Path("runs", "-".join(parts))


def _print_score(title: str, score: Score) -> None:
    row = score.row()
    rows = [
        ("samples", f"{score.samples:,}"),
        ("accuracy by spikes", f"{100 * row['accuracy_spikes']:.2f} %"),
        ("accuracy by potential", f"{100 * row['accuracy_potential']:.2f} %"),
        ("all output spikes right", f"{100 * row['exact']:.2f} %"),
        ("mean squared error", f"{row['mse']:.5f}"),
    ]
    _print_table(title, ("", ""), rows, left=1)


def _print_phases(circuit: Circuit) -> None:
    def gates(phase: int, threshold: int | None) -> str:
        return ", ".join(
            row.population
            for row in circuit.gates
            if row.phase == phase
            and (None if isinstance(row, Block) else row.threshold) == threshold
        )

    thresholds = sorted({row.threshold for row in circuit.gates if not isinstance(row, Block)})
    rows = [
        (phase.index, phase.meaning, phase.learning, *(gates(phase.index, t) for t in thresholds),
         gates(phase.index, None))
        for phase in circuit.phases
    ]  # fmt: skip
    heads = (*(f"opened, threshold {t}" for t in thresholds), "blocked")
    _print_table("Phases", ("", "meaning", "learning", *heads), rows, left=9)


def _print_populations(circuit: Circuit) -> None:
    from synfire_bp.circuit.reference import firing_table

    table = firing_table(circuit)
    named: list[Source | Population] = [*circuit.sources, *circuit.populations]
    rows = [
        (row.name, f"{circuit.population_sizes[row.name]:,}", _list(table[row.name]), row.role)
        for row in named
    ]
    chain = f"{circuit.gate_names[0]} … {circuit.gate_names[-1]}"
    size = f"{circuit.layer_sizes['gate']} each"
    rows.append((chain, size, "one before its own", "gating chain, a ring"))
    _print_table("Populations", ("", "neurons", "may fire in phase", "role"), rows, left=1, more=2)


def _print_projections(circuit: Circuit) -> None:
    names = [name.upper() for name in circuit.matrix_names]
    rows = [
        (
            row.name,
            f"{circuit.n_synapses(row):,}",
            ("-" if row.sign < 0 else "") + names[row.layer] + ("ᵀ" if row.transposed else ""),
        )
        for row in circuit.plastic
    ]
    _print_table("Learning projections, all to all", ("", "synapses", "copy of"), rows, left=1)
    fixed = [
        (
            f"{row.pre}→{', '.join(row.post)}",
            row.weight,
            f"{circuit.fixed_weights[row.weight].value:+d}",
            _list(row.extra_delays),
        )
        for row in circuit.relays
    ]
    _print_table(
        "Fixed projections, one to one", ("", "kind", "weight", "extra delay"), fixed, left=2
    )


def _on_chip(circuit: Circuit, inference: Circuit, run: Run | None) -> list[HardwareTable | str]:
    from synfire_bp.loihi.summary import hardware_report

    if run is not None and run.experiment.network.sizes != circuit.sizes:
        raise ExperimentError(
            f"{run.path}: its network is {'-'.join(map(str, run.experiment.network.sizes))}, the "
            f"model's {'-'.join(map(str, circuit.sizes))}; --run must name a run of the model"
        )
    tables = () if run is None else (run.spike_counts, run.metrics)
    return list(hardware_report(circuit, inference, *tables))


def _list(values: Iterable[int]) -> str:
    return ", ".join(map(str, values)) or "never"


def _print_table(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, left: int, more: int = 99
) -> None:
    """Print a table; text in the first `left` columns and those from `more` on, else numbers."""
    table = Table(box=None, pad_edge=False, show_header=any(heads))
    for n, head in enumerate(heads):
        table.add_column(head, justify="left" if n < left or n >= more else "right")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    # a pipe has no width: nothing is folded there
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 999)
    if title:
        console.print(title, style="bold")
    console.print(table)


if __name__ == "__main__":
    main()

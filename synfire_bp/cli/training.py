"""The commands `train`, `test` and `verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synfire_bp.cli.options import (
    AsJson,
    Engine,
    Model,
    Plugins,
    Quiet,
    Seed,
    Set,
    SplitName,
    number,
    read_experiment,
)
from synfire_bp.cli.tables import print_table
from synfire_bp.errors import visible

if TYPE_CHECKING:
    from synfire_bp.data.scores import Score
    from synfire_bp.model.experiment import Experiment

__all__ = ["test", "train", "verify"]

DEFAULT_ENGINE = "circuit"


def train(
    model: Model,
    engine: Engine = DEFAULT_ENGINE,
    epochs: Annotated[int | None, number("Passes through the training samples.")] = None,
    samples: Annotated[int | None, number("Use only the first N training samples.")] = None,
    seed: Seed = None,
    changes: Set = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Run directory. Default: runs/NAME, with -oracle and -seedS as given."),
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Continue from the checkpoint in --out, if there is one.")
    ] = False,
    keep_going: Annotated[
        bool,
        typer.Option(help="Report stray spikes and unequal copies of weights, but do not stop."),
    ] = False,
    plugins: Plugins = None,
    quiet: Quiet = False,
) -> None:
    """Train a model and write a run directory."""
    from synfire_bp.training.training import train as train_model

    experiment = read_experiment(model, changes, epochs=epochs, samples=samples, seed=seed)
    run = train_model(
        experiment,
        engine=engine,
        out=out or _default_out(experiment, engine, seed),
        resume=resume,
        keep_going=keep_going,
        quiet=quiet,
    )
    last = run.last_test
    print(
        f"{visible(str(run.path))}: test accuracy after epoch {last['epoch']:g}: "
        f"{100 * last['accuracy_spikes']:.2f} % by spikes, "
        f"{100 * last['accuracy_potential']:.2f} % by potential"
    )
    _define("by spikes", "by potential")


def test(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    engine: Engine = DEFAULT_ENGINE,
    split: Annotated[SplitName, typer.Option(help="Samples to test on.")] = SplitName.test,
    as_json: AsJson = False,
    plugins: Plugins = None,
    quiet: Quiet = False,
) -> None:
    """Test the weights of a run on test or training samples."""
    from synfire_bp.runs.run import Run
    from synfire_bp.training.testing import test as test_run

    score = test_run(Run.open(run), engine=engine, split=split.value, quiet=quiet).score
    if as_json:
        print(json.dumps(score.row(), indent=1))
    else:
        _print_score(f"{run}, {split.value} samples, {engine}", score)


def verify(
    model: Model,
    epochs: Annotated[int, number("Passes through the samples.")] = 1,
    samples: Annotated[
        int | None, number("Use only the first N training samples. Default: all.")
    ] = None,
    seed: Seed = None,
    changes: Set = None,
    as_json: AsJson = False,
    plugins: Plugins = None,
    quiet: Quiet = False,
) -> None:
    """Train circuit and oracle on the same samples and compare all weights.

    The exit status is 0 only if no weight differs.
    """
    from synfire_bp.model import assemble
    from synfire_bp.training.guarantees import unfollowed
    from synfire_bp.training.verification import verify as verify_model

    experiment = read_experiment(model, changes, samples=samples, seed=seed)
    result = verify_model(experiment, epochs=epochs, quiet=quiet)
    if as_json:
        print(json.dumps(result.summary(), indent=1))
    else:
        print_table(
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
        if not result.exact and (why := unfollowed(assemble(experiment))):
            print(why)
        print("equal" if result.exact else "NOT EQUAL")
    if not result.exact:
        raise typer.Exit(1)


def _default_out(experiment: Experiment, engine: str, seed: int | None) -> Path:
    parts = [experiment.name]
    if engine != DEFAULT_ENGINE:
        parts.append(engine)
    if seed is not None:
        parts.append(f"seed{seed}")
    return Path("runs", "-".join(parts))


def _define(*readouts: str) -> None:
    """Say what each readout means, all of them if none is named."""
    from synfire_bp.data.scores import READOUTS

    for readout in readouts or READOUTS:
        print(f"  {readout}: {READOUTS[readout]}")


def _print_score(title: str, score: Score) -> None:
    row = score.row()
    rows = [
        ("samples", f"{score.samples:,}"),
        ("accuracy by spikes", f"{100 * row['accuracy_spikes']:.2f} %"),
        ("accuracy by argmax", f"{100 * row['accuracy_argmax']:.2f} %"),
        ("accuracy by potential", f"{100 * row['accuracy_potential']:.2f} %"),
        ("no output spike", f"{100 * row['silent']:.2f} %"),
        ("all output spikes right", f"{100 * row['exact']:.2f} %"),
        ("mean squared error", f"{row['mse']:.5f}"),
    ]
    print_table(title, ("", ""), rows, left=1)
    _define()

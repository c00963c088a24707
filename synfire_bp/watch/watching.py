"""From a run to the page: what is shown is chosen, checked, recorded, and written at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from synfire_bp import __version__
from synfire_bp.data.datasets import Dataset
from synfire_bp.description.structure import Table
from synfire_bp.description.variants import variant_parts
from synfire_bp.engines.base import training_split
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.errors import RunDirectoryError, SynfireError, to_caller
from synfire_bp.files import expanded, page_place, quoted, write_atomically
from synfire_bp.model.model import Model
from synfire_bp.progress import WorkProgress, silent
from synfire_bp.rivals.store import SUMMARY as RIVAL
from synfire_bp.runs.directory import EXPERIMENT
from synfire_bp.runs.run import Run
from synfire_bp.training.data import check_same_data, dataset_of
from synfire_bp.watch.page import LARGEST_PAGE, page_bytes
from synfire_bp.watch.recording import bits, most_characters, record, telling
from synfire_bp.watch.stops import Stop, course, how_many
from synfire_bp.watch.wiring import grid_of, wiring

__all__ = ["MOST_SAMPLES", "USUAL_SAMPLES", "differences", "gathered", "watch_run"]

USUAL_SAMPLES, MOST_SAMPLES = 6, 24


def watch_run(
    run: str | Path | Run,
    out: str | Path | None = None,
    *,
    samples: Sequence[int] | None = None,
    checkpoints: int | None = None,
    quiet: bool | None = None,
) -> Path:
    """Write a page that shows a run's circuit at work, phase by phase.

    One file of HTML that needs no network: the wiring, the spikes of some training samples in the
    spiking circuit, and which synapses learn, from the untrained to the trained network.

    Parameters
    ----------
    run : path or Run
        A finished run.
    out : path, optional
        The file; left out, ``RUN-watch.html`` beside the run's folder.
    samples : sequence of int, optional
        Which training samples, from 0; left out, six of the first 100, errors and right answers of
        the trained network in turn.
    checkpoints : int, optional
        How many stops of the training, start and end included; those between come from training
        once more in integers, which must end at the run's weights.  Left out: six, or two where
        the integers cannot follow the model (the page says so).
    quiet : bool, optional
        Show no progress; if left out, it is shown in a notebook, and nowhere else.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RunDirectoryError
        If there is no finished run, it is a rival's, its weights are not those of its training, or
        the page cannot be written.
    SynfireError
        If there are no such samples or checkpoints, the page would be too large, or the circuit
        cannot be built.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> few = ["network.sizes=[64, 8, 10]", "training.samples=100", "training.epochs=2"]
    >>> run = sb.train(sb.Experiment.from_file("digits", few), engine="oracle", out="runs/few")
    >>> page = sb.watch_run(run, samples=[0, 7])
    >>> page.name
    'few-watch.html'
    """
    opened = _finished(run)
    stops, why = how_many(opened, checkpoints)
    file = _place(opened, out)
    dataset = dataset_of(opened.model)
    check_same_data(opened, dataset)
    chosen = _asked(opened, dataset, samples)
    _refuse_huge(opened, stops, USUAL_SAMPLES if chosen is None else len(chosen))
    with WorkProgress(silent(quiet)) as progress:
        about = gathered(opened, dataset, chosen, stops, why, progress)
    write_atomically(file, page_bytes(about, opened.model.name))
    return file


def gathered(
    run: Run,
    dataset: Dataset,
    samples: list[int] | None,
    stops: int,
    why: str,
    progress: WorkProgress,
) -> dict[str, Any]:
    """Return all that a page shows, as what JSON can hold.

    Parameters
    ----------
    run, dataset
        A finished run, and its data.
    samples : list of int or None
        Training samples; None: chosen.
    stops : int
        Stops of the training.
    why : str
        Why there are not more; or nothing.
    progress : WorkProgress
        Told what is done.
    """
    model = run.model
    progress.note(f"{model.name}: looking for the weights of the training")
    found = course(run, dataset, stops)
    labels = training_split(model, dataset).labels
    with closing(CircuitEngine(model, dataset, uses=["train"])) as engine:
        if samples is None:
            last = found[-1]
            samples = telling(engine, model, last.weights, labels, USUAL_SAMPLES, last.samples)
        records = _records(engine, model, found, samples, progress)
    return {
        **wiring(model.circuit, dataset.image_shape),
        "model": model.name,
        "run": run.path.resolve().name,
        "sizes": list(model.circuit.sizes),
        "engine": run.engine,
        "version": __version__,
        "data": dataset.name,
        "image": list(grid_of(dataset.n_in, dataset.image_shape)),
        "stops": [{"samples": stop.samples, "accuracy": stop.accuracy} for stop in found],
        "epoch": len(labels),
        "why_few": why,
        **differences(model),
        "samples": [
            {"number": i, "label": int(labels[i]), "input": bits(dataset.train.inputs[i])}
            for i in samples
        ],
        "records": records,
    }


def _records(
    engine: CircuitEngine,
    model: Model,
    found: Sequence[Stop],
    samples: Sequence[int],
    progress: WorkProgress,
) -> list[list[Any]]:
    """Return the record of each sample at each stop."""
    progress.begin(model.name, len(found) * len(samples))
    records: list[list[Any]] = []
    for stop in found:
        records.append([])
        for sample in samples:
            records[-1].append(record(engine, model, stop.weights, sample, stop.samples))
            progress.reached((len(records) - 1) * len(samples) + len(records[-1]))
    return records


def differences(model: Model) -> dict[str, Any]:
    """Return what a reader of a page must know of a model that is not the paper's.

    Returns
    -------
    dict
        `notes`: sentences; `variants`: what each variant says of itself, pairs of a label and a
        text; `tries`: whether the target is an answer that is tried, and not the label.
    """
    return {
        "notes": list(_notes(model)),
        "variants": _variants(model),
        "tries": bool(model.network.lines.taught),
    }


def _notes(model: Model) -> Iterator[str]:
    """Yield what a reader of a page must know of a sample that is shown alone."""
    if model.rule.fine is not None:
        yield (
            "A tag of each synapse collects parts of a step, and the weight follows in whole ones: "
            "a sample that is shown alone may change none."
        )
    if model.rule.eligible is not None:
        yield (
            "A trace of each synapse takes up what it learns; weights change when a reward comes, "
            "at the end of a sample."
        )
    if not model.guarantees.copies_equal:
        yield (
            "The copies of a weight matrix can drift apart in this model. A run keeps the first "
            "copy of each matrix; here, all copies of a matrix begin with its weights."
        )
    if not model.guarantees.samples_apart:
        yield "In training, a sample can reach into the next one; here, each one starts from rest."


def _variants(model: Model) -> list[list[str]]:
    """Return in which ways a model is not the paper's: what it concerns, and how it is here."""
    return [
        [label, text]
        for part in variant_parts(model)
        for table in part.blocks
        if isinstance(table, Table)
        for label, text in table.rows
    ]


# -- what is refused -------------------------------------------------------------------------------


def _finished(run: str | Path | Run) -> Run:
    """Open a run that can be shown."""
    path = run.path if isinstance(run, Run) else expanded(run)
    if (path / RIVAL).is_file() and not (path / EXPERIMENT).exists():
        raise RunDirectoryError(
            f"{path}: is the run of a rival, which has no gated circuit to watch; name a run of "
            + to_caller("synfire-bp train", "sb.train")
        )
    opened = Run.open(path)
    if not opened.finished:
        go_on = to_caller(
            f"synfire-bp train {quoted(path / EXPERIMENT)} --engine {opened.engine} "
            f"--out {quoted(path)} --resume",
            f"sb.train(sb.Run({str(path)!r}).experiment, engine={opened.engine!r}, "
            f"out={str(path)!r}, resume=True)",
        )
        raise RunDirectoryError(
            f"{path}: its training is not finished; only a finished one can be watched. Go on "
            f"with: {go_on}"
        )
    return opened


def _place(run: Run, out: str | Path | None) -> Path:
    """Return where the page goes, if a file can be written there."""
    path = run.path.resolve()
    beside = path.with_name(f"{path.name}-watch.html")
    return page_place(beside if out is None else out, to_caller("--out", "out"))


def _asked(run: Run, dataset: Dataset, samples: Sequence[int] | None) -> list[int] | None:
    """Return the samples that are asked for, each once and in this order; None: none are."""
    if samples is None:
        return None
    n = len(training_split(run.model, dataset))
    asked = list(dict.fromkeys(samples))
    if not 1 <= len(asked) <= MOST_SAMPLES:
        raise SynfireError(
            f"samples: {len(asked)} different ones; a page shows 1 to {MOST_SAMPLES}"
        )
    for one in asked:
        if isinstance(one, bool) or not hasattr(one, "__index__"):
            raise SynfireError(f"samples: {one!r:.40} is not a whole number")
        if not 0 <= one < n:
            raise SynfireError(
                f"samples: there is no training sample {one}; {run.path} was trained on {n:,}, "
                f"0 to {n - 1}"
            )
    return [int(one) for one in asked]


def _refuse_huge(run: Run, stops: int, samples: int) -> None:
    """Refuse a page that no phone would load."""
    circuit = run.model.circuit
    expected = samples * stops * most_characters(circuit)
    if expected > LARGEST_PAGE:
        raise SynfireError(
            f"{run.path}: {samples} samples at {stops} checkpoints of "
            f"{circuit.n_cells:,} cells could make a page of {expected / 1e6:.1f} MB; at most "
            f"{LARGEST_PAGE / 1e6:.0f} MB are written: ask for fewer "
            + to_caller("--samples or --checkpoints", "samples or checkpoints")
        )

"""Test the weights of a run."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from synfire_bp.engines.base import Segment, explain_strays, training_split
from synfire_bp.engines.registry import make_engine
from synfire_bp.errors import InvariantError, SynfireError
from synfire_bp.model.model import assemble
from synfire_bp.progress import WorkProgress, silent
from synfire_bp.runs.plugins import refuse_other_plugins
from synfire_bp.runs.run import Run
from synfire_bp.training.data import check_same_data, dataset_of
from synfire_bp.training.guarantees import suspects

__all__ = ["test"]


def test(
    run: Run | str | Path,
    *,
    engine: str = "circuit",
    split: str = "test",
    quiet: bool | None = None,
) -> Segment:
    """Test a run's weights on its data set, through the inference circuit or the oracle.

    Parameters
    ----------
    run : Run or path
        A run, or its directory.
    engine : {"circuit", "oracle"}
        The inference circuit, the algorithm in integers, or an engine of a plug-in.
    split : {"test", "train"}
        Which samples are shown.
    quiet : bool, optional
        Show no progress; if left out, it is shown in a notebook, and nowhere else.

    Returns
    -------
    Segment
        Its `score` holds the accuracies.

    Raises
    ------
    InvariantError
        If the inference circuit had stray spikes.
    SynfireError
        If the run, its data or the engine cannot be used.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> few = ["network.sizes=[64, 8, 10]", "training.samples=100", "training.epochs=1"]
    >>> _ = sb.train(sb.Experiment.from_file("digits", few), engine="oracle", out="runs/few")
    >>> sb.test("runs/few", engine="oracle").score.samples
    359
    """
    if split not in ("test", "train"):
        raise SynfireError(f"split is {split!r:.40}; must be 'test' or 'train'")
    if not isinstance(run, Run):
        if not isinstance(run, (str, Path)):
            raise SynfireError(
                f"test takes a Run, or the path of its directory, not {type(run).__name__}"
            )
        run = Run.open(run)
    quiet = silent(quiet)
    refuse_other_plugins(run.path)
    model = assemble(run.experiment)
    dataset = dataset_of(model, quiet=quiet)
    check_same_data(run, dataset)
    weights = tuple(run.weights[f"w{n + 1}"] for n in range(model.circuit.n_weight_layers))
    with WorkProgress(quiet) as progress, closing(make_engine(engine, model, dataset)) as used:
        n = len(dataset.test) if split == "test" else len(training_split(model, dataset))
        progress.begin(f"testing on {split}", n)
        segment = used.test(weights, split, progress=progress.reached)
    if segment.strays and model.guarantees.silent_when_closed:
        plan = model.inference
        why = explain_strays(plan.circuit, segment.strays, plan.neurons.chip)
        raise InvariantError(why + suspects(model, "silent_when_closed"))
    return segment

"""A run directory, for reading: its files are read when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import (
    ExperimentError,
    RunDirectoryError,
    SynfireError,
    to_caller,
)
from synfire_bp.exchange.neo import neo_block
from synfire_bp.exchange.nir import nir_graph
from synfire_bp.exchange.recording import Recording
from synfire_bp.exchange.xarray import xarray_dataset
from synfire_bp.files import expanded, quoted
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.forward import forward_thresholds
from synfire_bp.model.model import Model, assemble
from synfire_bp.runs.checkpoint import load_checkpoint
from synfire_bp.runs.directory import (
    ACTIVITY,
    CHECKPOINT,
    EXPERIMENT,
    METRICS,
    PROVENANCE,
    SPIKE_COUNT_COLUMNS,
    SPIKE_COUNTS,
    SPIKES,
    WEIGHTS,
)
from synfire_bp.runs.manifest import how_to_check, proved
from synfire_bp.runs.plugins import refuse_missing_plugins
from synfire_bp.runs.provenance import stored_provenance
from synfire_bp.runs.reading import (
    read_last_test,
    read_metrics,
    read_provenance,
    read_spikes,
    read_table,
    read_text,
    read_weights,
    refuse_other_neurons,
    refuse_other_sizes,
)
from synfire_bp.summary import Summarised, Summary, percent

if TYPE_CHECKING:
    import neo
    import nir
    import pandas as pd
    import xarray

__all__ = ["PopulationSpikes", "Run"]

_T = TypeVar("_T")


class PopulationSpikes(NamedTuple):
    """Spikes of one population: which neuron (`i`), in which time step (`step`).

    Attributes
    ----------
    i : integer array, shape (spikes,)
        Neuron, from 0 within its population.
    step : integer array, shape (spikes,)
        Phases since phase 0 of the first recorded sample.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> spikes = sb.PopulationSpikes(i=np.array([0, 2]), step=np.array([3, 15]))
    >>> spikes.step // 12  # which sample, in the training circuit
    array([0, 1])
    """

    i: NDArray[np.integer]
    step: NDArray[np.integer]


@dataclass(frozen=True, repr=False)
class Run(Summarised):
    """A run directory, for reading.  Files are read when they are asked for.

    Every attribute raises RunDirectoryError if there is no run, or its file is missing or damaged.

    Parameters
    ----------
    path : str or Path
        The directory.  `Run.open` looks at once whether it is one.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> few = ["network.sizes=[64, 8, 10]", "training.samples=100", "training.epochs=2"]
    >>> _ = sb.train(sb.Experiment.from_file("digits", few), engine="oracle", out="runs/few")
    >>> run = sb.Run("runs/few")
    >>> run.finished, list(run.weights), run.weights["w1"].shape
    (True, ['w1', 'w2', 'w1_init', 'w2_init'], (64, 8))
    >>> run.metrics[["epoch", "split", "samples"]].values.tolist()
    [[1.0, 'train', 100], [1.0, 'test', 359], [2.0, 'train', 100], [2.0, 'test', 359]]
    >>> sb.Run("runs/none").metrics
    Traceback (most recent call last):
        ...
    synfire_bp.errors.RunDirectoryError: runs/none: no such run; ...
    """

    path: Path

    def __post_init__(self) -> None:
        """Take a path that is given as text, too."""
        object.__setattr__(self, "path", expanded(self.path))

    def _summary(self) -> Summary:
        title = f"Run {self.path}"
        try:
            self._refuse_none()
        except RunDirectoryError as error:
            return Summary(title, (str(error).removeprefix(f"{self.path}: "),))
        about = stored_provenance(self.path)  # whatever is wrong with the files, as far as it goes
        try:
            experiment = self.experiment._summary()
        except SynfireError as error:
            experiment = Summary("", (), (("model", str(error)),))
        try:
            table = self.metrics
        except RunDirectoryError as error:
            said, rows = [str(error)], []
        else:
            tests = table[table.split == "test"]
            rows = [
                (f"{row['epoch']:g}", f"{row['samples']:,}",
                 *(percent(row[f"accuracy_{way}"]) for way in ("spikes", "argmax", "potential")))
                for row in tests.to_dict("records")
            ]  # fmt: skip
            said = [
                f"epoch {epoch}: test {spikes} by spikes, {potential} by potential"
                for epoch, _, spikes, _, potential in rows[-1:]
            ]
        state = "finished" if about.get("finished") else "not finished"
        named = experiment.title.removeprefix("Experiment ")
        warned = [str(text) for text in about.get("warnings", ())]
        return Summary(
            title,
            (f"{named}, {about.get('engine', 'unknown engine')}, {state}".lstrip(", "), *said),
            (
                *experiment.facts,
                ("engine", str(about.get("engine", "?"))),
                ("state", state),
                ("warnings", "; ".join(warned)),
            ),
            ("epoch", "test samples", "by spikes", "by argmax", "by potential"),
            rows,
        )

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run directory.

        Raises
        ------
        RunDirectoryError
            If it is none.
        """
        run = cls(Path(path))
        run._refuse_none()
        return run

    def _refuse_none(self) -> None:
        """Raise RunDirectoryError if there is no run in this place."""
        path = self.path
        if not path.exists():
            make = to_caller(
                f"synfire-bp train MODEL --out {quoted(path)}",
                f"sb.train(sb.Experiment.from_file(MODEL), out={str(path)!r})",
            )
            raise RunDirectoryError(f"{path}: no such run; make one with: {make}")
        if not (path / EXPERIMENT).is_file():
            raise RunDirectoryError(f"{path}: is not a run directory (it holds no {EXPERIMENT})")

    @cached_property
    def experiment(self) -> Experiment:
        """The model, every default written out.

        Raises PluginError if it needs a plug-in that is not loaded; all else can be read without.
        """
        self._refuse_none()
        if (self.path / PROVENANCE).exists():
            _ = self.provenance  # which names the plug-ins: it must be whole
        refuse_missing_plugins(self.path)
        text, file = self._read(EXPERIMENT, read_text), self.path / EXPERIMENT
        try:
            return Experiment.from_yaml(text, str(file), folder=self.path)
        except ExperimentError as error:
            raise RunDirectoryError(f"{self.path}: its model cannot be read: {error}") from None

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Versions, commit, checksums of the data, engine, machine, wall time."""
        return self._read(PROVENANCE, read_provenance)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Accuracies and losses, one row per evaluation and split (`METRIC_COLUMNS`).

        `accuracy_spikes` and `silent` are NaN for runs of older versions, which did not count them.
        """
        return self._read(METRICS, read_metrics)

    @cached_property
    def last_test(self) -> dict[str, float]:
        """What the last test found, by the columns of `metrics`; does not need pandas."""
        return self._read(METRICS, read_last_test)

    @cached_property
    def activity(self) -> pd.DataFrame:
        """Sparsity, weight changes, …; without rows if the engine reported none."""
        import pandas as pd

        table = self._read(ACTIVITY, read_table, pd.DataFrame)
        return table.fillna({"warnings": ""}) if "warnings" in table else table

    @cached_property
    def spike_counts(self) -> pd.DataFrame:
        """Spikes per population and phase (`SPIKE_COUNT_COLUMNS`)."""
        return self._read(SPIKE_COUNTS, lambda file: read_table(file, SPIKE_COUNT_COLUMNS))

    @cached_property
    def weights(self) -> dict[str, NDArray[np.int16]]:
        """Weights now and at the start: w1, w2, …, w1_init, w2_init, … (pre x post).

        Also b2, …, where errors come back through a matrix of its own.
        """

        def of_the_checkpoint() -> dict[str, NDArray[np.int16]] | None:
            checkpoint = self.path / CHECKPOINT  # of a training that is not finished
            return load_checkpoint(checkpoint).weight_arrays if checkpoint.exists() else None

        def read(file: IO[bytes]) -> dict[str, NDArray]:
            weights = read_weights(file)
            with suppress(SynfireError):  # of a model whose plug-in is not here, nothing is known
                refuse_other_sizes(weights, self.experiment.network.sizes)
            return weights

        return self._read(WEIGHTS, read, of_the_checkpoint)

    @cached_property
    def spikes(self) -> dict[str, PopulationSpikes]:
        """Recorded spikes by population."""
        arrays = self._spike_arrays
        names = [name.removesuffix("/i") for name in arrays if name.endswith("/i")]
        return {name: PopulationSpikes(arrays[f"{name}/i"], arrays[f"{name}/step"])
                for name in names}  # fmt: skip

    @cached_property
    def spikes_about(self) -> dict[str, NDArray]:
        """What was stored with the spikes, such as which samples they belong to."""
        return {k: v for k, v in self._spike_arrays.items() if not k.endswith(("/i", "/step"))}

    @cached_property
    def _spike_arrays(self) -> dict[str, NDArray]:
        def refuse() -> None:
            model, out = self.path / EXPERIMENT, f"{self.path}-spikes"
            make = to_caller(
                f"synfire-bp train {quoted(model)} --engine circuit --set record.samples=3 "
                f"--out {quoted(out)}",
                f"sb.train(run.experiment.changed(['record.samples=3']), out={out!r})",
            )
            raise RunDirectoryError(
                f"{self.path}: no spikes were recorded; make a run that does with: {make}"
            )

        def read(file: IO[bytes]) -> dict[str, NDArray]:
            arrays = read_spikes(file)
            fired = {k.removesuffix("/i"): v for k, v in arrays.items() if k.endswith("/i")}
            with suppress(SynfireError):
                refuse_other_neurons(fired, self.model.circuit.slices)
            return arrays

        return self._read(SPIKES, read, refuse)

    @property
    def engine(self) -> str:
        """Which engine trained, such as "circuit" or "oracle"."""
        return self.provenance["engine"]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the training warned of: who never fired, who could not learn, what never changed."""
        return tuple(self.provenance.get("warnings", ()))

    @property
    def finished(self) -> bool:
        """Whether the training ran to its end."""
        return bool(self.provenance["finished"])

    @cached_property
    def model(self) -> Model:
        """The model, resolved: circuits, neurons, algorithm."""
        return assemble(self.experiment)

    @cached_property
    def recording(self) -> Recording:
        """The recorded spikes with what explains them, in ms; 0 ms is the first one's phase 0.

        Raises RunDirectoryError if no spikes were recorded, or nothing says of which samples.
        """
        about, circuit, plan = self.spikes_about, self.model.circuit, self.model.network
        if "samples" not in about:
            raise RunDirectoryError(f"{self.path / SPIKES}: does not say which samples it holds")
        phase = plan.neurons.phase_ms
        period = phase * circuit.n_phases
        read_at = circuit.forward_phase("o") * phase
        return Recording(
            name=self.model.name, circuit=circuit,
            spikes={name: (i, step * phase) for name, (i, step) in self.spikes.items()},
            stop=len(about["samples"]) * period, resolution=phase, first=0.0, period=period,
            samples={
                name: about[key]
                for name, key in (("sample", "samples"), ("label", "labels"))
                if key in about
            },
            potentials=about.get("potentials"), read_at=read_at,
            about={"first": int(about.get("first", 0)), **self._origin()},
        )  # fmt: skip

    def to_neo(
        self, populations: Sequence[str] | None = None, *, per_sample: bool = False
    ) -> neo.Block:
        """Return the recorded spikes, and the output's potentials, as a Neo block.

        Parameters
        ----------
        populations, per_sample
            As for `synfire_bp.exchange.neo.neo_block`, which says what is in the block.

        Returns
        -------
        neo.Block
            One phase lasts 1 ms (neurons in millivolts: as long as their phase; a spike's time is
            the beginning of its phase).  Phase 0 of the first recorded sample is at 0 ms.

        Raises
        ------
        SynfireError
            If neo is not installed (the extra ``neo``), no spikes were recorded, or a population is
            unknown.

        Examples
        --------
        ::

            block = sb.Run.open("runs/digits").to_neo()
            trains = {train.name: train for train in block.segments[0].spiketrains}
            trains["d+[3]"].times
        """
        return neo_block(self.recording, populations, per_sample=per_sample)

    def to_nir(
        self, *, neurons: str = "threshold", readout: str = "spikes", dt: float = 1e-3
    ) -> nir.NIRGraph:
        """Return the trained network, as it infers, as a NIR graph.

        Parameters
        ----------
        neurons, readout, dt
            As for `synfire_bp.exchange.nir.nir_graph`, which says what is in the graph.

        Raises
        ------
        SynfireError
            If nir is not installed (the extra ``nir``), or a variant or the neurons make the
            inference network something else than a function of the pixels.

        Examples
        --------
        ::

            nir.write("digits.nir", sb.Run.open("runs/digits").to_nir())
        """
        thresholds = forward_thresholds(self.model)
        weights = [self.weights[f"w{n}"] for n in range(1, len(thresholds) + 1)]
        return nir_graph(
            weights, thresholds, neurons=neurons, readout=readout, dt=dt,
            about={"model": self.model.name, **self._origin()},
        )  # fmt: skip

    def to_xarray(self) -> xarray.Dataset:
        """Return spike counts, metrics and weights as one dataset with named dimensions.

        Returns
        -------
        xarray.Dataset
            `spikes` (epoch, population, phase), each column of `metrics` (epoch, split), and the
            matrices w1, w1_init, … (int16), such as (input, hidden).

        Raises
        ------
        SynfireError
            If xarray is not installed (the extra ``xarray``), or a file is missing or damaged.

        Examples
        --------
        ::

            run = sb.Run.open("runs/digits").to_xarray()
            run.spikes.sel(population="d+", phase=4) / run.samples.sel(split="train")
        """
        return xarray_dataset(
            self.model.circuit, self.spike_counts, self.metrics, self.weights,
            {"model": self.model.name, **self._origin()},
        )  # fmt: skip

    def _origin(self) -> dict[str, str]:
        """Return what made the run, as annotations."""
        version = self.provenance.get("versions", {}).get("synfire_bp", "")
        return {"engine": self.engine, "synfire_bp": str(version)}

    def _read(
        self,
        name: str,
        read: Callable[[IO[bytes]], _T],
        instead: Callable[[], _T | None] = lambda: None,
    ) -> _T:
        """Return what a file holds, if it is what was written there; or what stands for none."""
        file = self.path / name
        content, whole = proved(self.path, name)
        if content is None:
            self._refuse_none()
            if whole and (substitute := instead()) is not None:
                return substitute
            raise RunDirectoryError(f"{file}: no such file; {self._why_missing(name, whole)}")
        try:
            held = read(io.BytesIO(content))
        except Exception as error:  # as many kinds as there are ways to spoil a file
            said = f"{type(error).__name__}: {error}"
            raise RunDirectoryError(
                f"{file}: is damaged ({said:.200}); {how_to_check(self.path)} repairs what it can"
            ) from None
        if not whole:
            raise RunDirectoryError(
                f"{file}: was changed after it was written (its SHA-256 differs), by hand or by "
                f"a fault; {how_to_check(self.path)} says what can be done"
            )
        return held

    def _why_missing(self, name: str, never_there: bool) -> str:
        if not never_there:
            return f"it was there; {how_to_check(self.path)} restores what it can"
        engine = stored_provenance(self.path).get("engine", "circuit")
        go_on = to_caller(
            f"synfire-bp train {quoted(self.path / EXPERIMENT)} --engine {engine} "
            f"--out {quoted(self.path)} --resume",
            f"sb.train(run.experiment, engine={engine!r}, out={str(self.path)!r}, resume=True)",
        )
        return f"the training was stopped before it wrote one. Continue with: {go_on}"

"""Names that lie elsewhere: old module paths, which warn, and names that are imported when asked.

An old path such as ``synfire_bp.experiment`` stays importable for one release: it is found by a
finder that Python asks last, and hands out the names of the modules that took its place, with a
DeprecationWarning that names them; `python -m` an old path runs the module that took its place.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

__all__ = ["MOVED", "install", "lazily"]

MOVED: dict[str, tuple[str, ...]] = {
    "alignment": ("training.alignment",),
    "bench_report": ("bench.report",),
    "chain": ("analysis.variants.chain",),
    "chance": ("network.chance",),
    "contenders": ("bench.contenders",),
    "datasets": ("data",),
    "decay": ("circuit.decay",),
    "deep": ("circuit.deep", "circuit.schedule"),
    "deep_kernels": ("oracle.kernels", "oracle.passes"),
    "deep_oracle": ("oracle.training", "oracle.deprecated"),
    "designs": ("sweep.designs",),
    "experiment": ("model", "model.sections", "variants"),
    "gating_chain": ("variants.gating.pools",),
    "idx": ("data.idx", "data.published", "data.download"),
    "interrupt": ("training.interrupt",),
    "lines": ("network.lines",),
    "loihi.learning": ("loihi.engine.learning", "loihi.engine.arithmetic"),
    "loihi.rules": ("loihi.engine.rules", "loihi.engine.engine", "circuit.products"),
    "measuring": ("bench.measuring",),
    "neurons": ("network.equations",),
    "oracle_kernels": ("oracle.kernels", "oracle.passes"),
    "physical.engine": ("engines.circuit", "physical.neurons"),
    "physical.section": ("variants.neuron",),
    "plasticity": ("circuit.rule", "network.learning"),
    "reference": ("circuit.reference",),
    "replay": ("variants.gating.replay",),
    "scaling": ("bench.scaling",),
    "schedule": ("training.schedule",),
    "scores": ("data.scores",),
    "standalone": ("engines.spec", "program"),
    "standalone.build": ("engines.spec", "program.build"),
    "standalone.cache": ("program.cache",),
    "standalone.dense": ("dense.synapses", "dense.codeobject", "dense.generator"),
    "standalone.generate": ("program.generate",),
    "standalone.program": ("program.program",),
    "sweep_checks": ("sweep.checks",),
    "sweep_execution": ("sweep.execution", "sweep.cluster"),
    "sweep_runs": ("sweep.worker",),
    "sweep_store": ("sweep.store", "sweep.tables", "sweep.columns"),
    "synapses": ("circuit.layout", "network.numbers"),
    "traffic": ("bench.traffic",),
    "variants_feedback": ("variants.feedback",),
    "variants_gating": ("variants.gating",),
    "variants_reward": ("variants.reward",),
    "variants_synapses": ("variants.synapses",),
    "verification": ("training.verification",),
    "version": ("",),
    "weights": ("circuit.weights",),
    "yaml_text": ("model.yaml_text",),
}
"""Old module to the modules that hold its names now; all below `synfire_bp`."""

RENAMED = {
    "FeedbackSection": "Feedback",
    "GatingSection": "Gating",
    "HardwareSection": "Hardware",
    "NeuronSection": "Neuron",
    "RewardSection": "Reward",
    "SynapsesSection": "Synapses",
    "VariantSection": "Variant",
    "ProgramSpec": "CircuitProgram",
    "numbers": "chip_step_numbers",
}
"""Old name to new name, in the modules above."""


class _OldModule(ModuleType):
    """A module that is not there any more: its names are those of its heirs."""

    __path__ = []  # noqa: RUF012  (an old package had modules of its own)

    def __init__(self, name: str, heirs: Sequence[str], renamed: Mapping[str, str]):
        super().__init__(name, f"Moved to {', '.join(heirs)}.")
        self._heirs, self._renamed = heirs, renamed

    def __dir__(self) -> list[str]:
        return sorted({n for heir in self._heirs for n in dir(import_module(heir))})

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            modules = map(import_module, self._heirs)
            return sorted({n for module in modules for n in getattr(module, "__all__", ())})
        if not name.startswith("__") or name == "__version__":
            for heir in self._heirs:
                module = import_module(heir)
                for known in (name, self._renamed.get(name, name)):
                    if hasattr(module, known):
                        warnings.warn(
                            f"{self.__name__}.{name} is old; use {heir}.{known}",
                            DeprecationWarning,
                            stacklevel=2,
                        )
                        return getattr(module, known)
        raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")


class _OldPaths(MetaPathFinder, Loader):
    """Finds modules of a package by the paths that they had."""

    def __init__(
        self, package: str, moved: Mapping[str, Sequence[str]], renamed: Mapping[str, str]
    ):
        self.package, self._moved, self._renamed = f"{package}.", moved, renamed

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        old = fullname.removeprefix(self.package)
        if not fullname.startswith(self.package) or old not in self._moved:
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        heirs = self._heirs(spec.name)
        warnings.warn(
            f"{spec.name} has moved; import from {' or '.join(heirs)}",
            DeprecationWarning,
            stacklevel=2,  # the code that imports: Python skips its own frames
        )
        return _OldModule(spec.name, heirs, self._renamed)

    def get_code(self, fullname: str) -> CodeType:
        """Return what `python -m` runs: a warning, and the module that took the place."""
        heir, *_ = self._heirs(fullname)
        says = f"python -m {fullname} is old; use python -m {heir}"
        return compile(
            "import runpy, warnings\n"
            f"warnings.warn({says!r}, DeprecationWarning)\n"
            f"runpy.run_module({heir!r}, run_name=__name__, alter_sys=True)\n",
            f"<{fullname}>",
            "exec",
        )

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to execute."""

    def _heirs(self, fullname: str) -> list[str]:
        heirs = self._moved[fullname.removeprefix(self.package)]
        return [(self.package + heir).rstrip(".") for heir in heirs]


def install(
    package: str = "synfire_bp",
    moved: Mapping[str, Sequence[str]] = MOVED,
    renamed: Mapping[str, str] = RENAMED,
) -> None:
    """Let Python find the old paths of a package, after everything else.

    Parameters
    ----------
    package : str
        Its name.
    moved : mapping
        Old module to the modules that hold its names now, all below the package.
    renamed : mapping
        Old name to new name, in these modules.
    """
    known = {finder.package for finder in sys.meta_path if isinstance(finder, _OldPaths)}
    if f"{package}." not in known:
        sys.meta_path.append(_OldPaths(package, moved, renamed))


def lazily(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package: it imports a name from its module when it is asked for.

    Parameters
    ----------
    package : str
        The package's `__name__`.
    names : mapping
        Name to the module of the package that has it.
    """

    def get(name: str) -> Any:
        if name in names:
            return getattr(import_module(f"{package}.{names[name]}"), name)
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    return get

"""Sections that every model file may have: what is learnt, by which network, how long.

Each entry has its meaning, its unit and its source; the sections that drop an assumption of the
circuit are in `synfire_bp.variants`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from synfire_bp.circuit.accumulator import PARTS, Accumulator
from synfire_bp.circuit.eligibility import GAINS, LONGEST, LONGEST_IN_PHASES, Eligibility
from synfire_bp.circuit.numbers import (
    CLOSING,
    STRONGEST_BLOCK,
    WEAKEST_BLOCK,
    WEIGHT_LIMIT,
    FixedWeight,
)
from synfire_bp.circuit.reader import read_rule
from synfire_bp.circuit.rule import LARGEST_TRACE, PAPER_RULE, Rule, Trace, parse_rule
from synfire_bp.data.datasets import SOURCES
from synfire_bp.data.images import Preprocessing
from synfire_bp.errors import CircuitError, RuleError
from synfire_bp.model.yaml_text import nearest, shown
from synfire_bp.section import LARGEST, Section, unit
from synfire_bp.variants.base import Guarantees

__all__ = [
    "LAYERS",
    "WIDEST_CLOSING",
    "AugmentSection",
    "DatasetSection",
    "LearningSection",
    "NetworkSection",
    "RecordSection",
    "TraceSection",
    "TracesSection",
    "TrainingSection",
]

WIDEST_CLOSING = 32128
"""Largest closing bias: `open`, 512 above it, is then the largest fixed weight in steps of 128."""

LAYERS = 3
"""Fewest layers that a network has: input, hidden, output."""

PositiveInt = Annotated[int, Field(ge=1, le=LARGEST)]

Units = Annotated[int, Field(ge=1, le=1_000_000)]
"""Size of a layer; beyond the bound no machine holds the weights."""


def _names_of_now(schema: dict[str, Any]) -> None:
    """Let the JSON schema list the data sets that are registered when it is asked for."""
    schema["enum"] = list(SOURCES)


class AugmentSection(Section):
    """How training images are altered each time they are shown; tests see them as they are."""

    shift: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Largest shift of an image along its rows and along its columns, in pixels "
        "before dataset.shrink, at most dataset.crop: the border that the crop cuts off moves "
        "in. Both shifts are drawn uniformly for each sample of each epoch, from training.seed. "
        "0: no shift. Takes (2*shift+1)^2 bytes for each input of each training sample, and for "
        "the circuit as much again in a temporary file: for MNIST 0.22 GB with shift 1, 0.6 GB "
        "with 2, 1.2 GB with 3.",
        json_schema_extra=unit("pixels"),
    )


class DatasetSection(Section):
    """What is learnt, and how images become binary patterns."""

    name: str = Field(
        description="Data set: digits (8x8, comes with scikit-learn), mnist, fashion-mnist, npz "
        "(your own images: arrays x_train, y_train, x_test, y_test in one file), or the name of "
        "one from a plug-in.",
        json_schema_extra=_names_of_now,
    )
    path: str | None = Field(
        default=None,
        description="File of an npz data set, relative to the model file. Only for npz.",
    )
    crop: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="Pixels cut off on each side of an image. null: the data set's default "
        "(mnist 4, so that 28x28 becomes 20x20, as in the paper; all others 0).",
        json_schema_extra=unit("pixels"),
    )
    shrink: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="After cropping, each square of this many pixels on a side is replaced by "
        "one pixel, its mean: 2 turns 20x20 into 10x10; 1 leaves images unchanged.",
        json_schema_extra=unit("pixels"),
    )
    scale: float | None = Field(
        default=None,
        gt=0,
        description="Factor on every pixel; the product is rounded to two digits. null: the data "
        "set's default (256/255/255 for 8-bit grey levels, as in the authors' code; digits "
        "1/16).",
    )
    threshold: float | None = Field(
        default=None,
        description="A pixel is on if its scaled value is above this, no unit. null: the data "
        "set's default (0.5, as in the authors' code).",
    )
    augment: AugmentSection | None = Field(
        default=None,
        description="How training images are altered each time they are shown. null: unchanged.",
    )

    @field_validator("name", mode="before")
    @classmethod
    def _name_is_known(cls, name: Any) -> Any:
        if not isinstance(name, str) or name not in SOURCES:
            hint = nearest(name, SOURCES) if isinstance(name, str) else ""
            raise ValueError(f"is {shown(name)}{hint}; must be one of {', '.join(SOURCES)}")
        return name

    @field_validator("path")
    @classmethod
    def _path_belongs_to_npz(cls, path: str | None, info: ValidationInfo) -> str | None:
        name = info.data.get("name")
        if name is None:
            return path
        takes_path = SOURCES[name].takes_path
        if takes_path and not path:
            raise ValueError(f"is missing; the data set '{name}' needs the path of its .npz file")
        if path is not None and "\0" in path:
            raise ValueError(f"is {shown(path)}, but no path has the character U+0000")
        if not takes_path and path is not None:
            raise ValueError(
                f"has no effect on the data set '{name}'; remove it, or use dataset.name: npz"
            )
        return path

    @field_validator("augment")
    @classmethod
    def _shift_is_within_the_crop(
        cls, augment: AugmentSection | None, info: ValidationInfo
    ) -> AugmentSection | None:
        if augment is None or not {"name", "crop"} <= info.data.keys():
            return augment  # or these are wrong themselves
        crop = info.data["crop"]
        if crop is None:
            crop = SOURCES[info.data["name"]].preprocessing.crop
        if augment.shift > crop:
            _refuse_key(
                ("shift",),
                augment.shift,
                f"is {augment.shift}, but dataset.crop is {crop}, and only pixels that it cuts off "
                f"can move in: at most {crop}",
            )
        return augment

    @property
    def shift(self) -> int:
        """Furthest that a training image is moved, in pixels; 0: not at all."""
        return 0 if self.augment is None else self.augment.shift

    def preprocessing(self) -> Preprocessing:
        """Return how images become binary, with the data set's defaults where nothing is said."""
        names = ("crop", "shrink", "scale", "threshold", "shift")
        given = {key: getattr(self, key) for key in names}
        stated = {key: value for key, value in given.items() if value is not None}
        return replace(SOURCES[self.name].preprocessing, **stated)


def _refuse_key(place: tuple[str, ...], given: Any, why: str) -> None:
    """Refuse the value of a key inside of the one that is being validated."""
    error: Any = {"type": "value_error", "loc": place, "input": given, "ctx": {"error": why}}
    raise ValidationError.from_exception_data("model", [error])


MOST_LAYERS = 32
MOST_SYNAPSES = 2**31
"""Of all matrices: more would not be indexed by 32 bits, nor fit a machine's memory."""


class NetworkSection(Section):
    """Size of the network and range of its weights."""

    sizes: tuple[Units, ...] = Field(
        strict=False,  # YAML has lists, not tuples; the sizes themselves stay strict
        min_length=LAYERS,
        max_length=MOST_LAYERS,
        description="Units of the input, hidden and output layer (paper, Table 1: 400, 400, 10 "
        "for MNIST); several hidden layers are listed in order.",
        json_schema_extra=unit("units"),
    )
    closing: int = Field(
        default=CLOSING,
        ge=CLOSING,
        le=WIDEST_CLOSING,
        multiple_of=128,
        description="Magnitude of the bias that keeps a population closed until a gate opens it, "
        "in weight units (threshold 1024); raise it if wide layers make closed populations fire "
        "(paper: Methods).",
        json_schema_extra=unit("weight units"),
    )
    weight_limit: int = Field(
        default=WEIGHT_LIMIT,
        ge=2,
        le=WEIGHT_LIMIT,
        multiple_of=2,
        description="Plastic weights are clipped to plus or minus this, in weight units "
        "(threshold 1024); even, because mixed-sign 8-bit weights are even (authors' code: 254).",
        json_schema_extra=unit("weight units"),
    )
    paper_gates: bool = Field(
        default=True,
        description="Whether a circuit with one hidden layer has the paper's gates, which block "
        "h, h< and h> in phase 8. false: they are blocked in phases 0 and 8, twice as strongly, "
        "so that when closed they withstand sums of 25,472 instead of 9,216 at the paper's "
        "closing bias. Deeper circuits block every phase in which a closed layer receives input.",
    )
    resting_block: int | None = Field(
        default=None,
        ge=WEAKEST_BLOCK,
        le=STRONGEST_BLOCK,
        description="How firmly h, h< and h> are blocked in phases 0 and 8 if paper_gates is "
        "false: an 8-bit mantissa times a power of two; null: 16,256 at the paper's closing bias. "
        "On the emulated chip, blocks are part of the input of a step, which wraps around beyond "
        "32,768 either way: a weaker block leaves more room for negative sums.",
        json_schema_extra=unit("weight units"),
    )
    initial_spread: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Factor on the standard deviation of the initial weights, "
        "sqrt(2/(n_pre+n_post)) (authors' code: 1).",
    )

    @field_validator("sizes")
    @classmethod
    def _matrices_fit(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        synapses = sum(pre * post for pre, post in pairwise(sizes))
        if synapses > MOST_SYNAPSES:
            raise ValueError(
                f"makes {synapses:,} weights, but at most {MOST_SYNAPSES:,} are possible; choose "
                "smaller layers"
            )
        return sizes

    @field_validator("resting_block")
    @classmethod
    def _is_a_weight(cls, strength: int | None) -> int | None:
        if strength is not None:
            try:
                FixedWeight.from_value("resting_block", -strength)
            except CircuitError as error:
                raise ValueError(str(error)) from None
        return strength

    @model_validator(mode="after")
    def _there_is_a_resting_block(self) -> Self:
        if self.resting_block is None:
            return self
        if self.paper_gates or len(self.sizes) != LAYERS:
            why = "paper_gates is true" if self.paper_gates else "there are several hidden layers"
            raise ValueError(
                f"resting_block is {self.resting_block}, but {why}; it is for circuits with one "
                "hidden layer and paper_gates: false"
            )
        return self


class TraceSection(Section):
    """A trace of spikes."""

    impulse: int = Field(
        ge=0, le=LARGEST_TRACE, description="What a spike adds; the trace saturates at 127."
    )
    tau: float | None = Field(
        default=None,
        ge=0,
        description="Time constant of the decay, in phases (12 per sample in the paper's "
        "circuit). null: no decay.",
        json_schema_extra=unit("phases"),
    )


class TracesSection(Section):
    """Traces of spikes, which a learning rule may read; they start from 0 where a run begins."""

    x1: TraceSection | None = Field(default=None, description="Of presynaptic spikes.")
    x2: TraceSection | None = Field(default=None, description="Of presynaptic spikes.")
    y1: TraceSection | None = Field(default=None, description="Of postsynaptic spikes.")
    y2: TraceSection | None = Field(default=None, description="Of postsynaptic spikes.")
    y3: TraceSection | None = Field(default=None, description="Of postsynaptic spikes.")


EVERY = 64
"""Phases between two flags, if nothing is said."""


class AccumulatorSection(Section):
    """A tag of each synapse that collects fractions of what the rule says."""

    kind: Literal["programmable", "loihi1"] = Field(
        default="programmable",
        description="How a tag is transferred to the weight. programmable: as soon as the tag "
        "reaches a whole step, the step is added to the weight and the remainder stays, as a "
        "programmable learning engine can do. loihi1: at intervals the whole tag is added to the "
        "weight with stochastic rounding and the tag is reset to 0, as Loihi 1's engine can do, "
        "which adds up products.",
    )
    every: int | None = Field(
        default=None,
        description="With kind loihi1: phases between two flags u_k, a power of two from 16 to "
        "512. Tags are added to weights when a flag falls in phase 0: with 64 phases every 16 "
        "samples of 12 phases. null: 64, with that kind",
        json_schema_extra=unit("phases"),
    )
    fractions: tuple[float, ...] = Field(
        strict=False,  # YAML has lists, not tuples; the fractions themselves stay strict
        description="Fractions of the change given by the rule that the tag collects, used one "
        "after another: multiples of 1/32 up to 1, such as [1, 0.5, 0.25]. The last one stays in "
        "use.",
    )
    epochs: int = Field(
        default=6,
        ge=1,
        description="Number of epochs for which each fraction is used.",
        json_schema_extra=unit("epochs"),
    )

    @field_validator("fractions")
    @classmethod
    def _count_in_parts(cls, fractions: tuple[float, ...]) -> tuple[float, ...]:
        if not fractions:
            raise ValueError("is empty, but must have one fraction or more")
        for place, fraction in enumerate(fractions):
            if not 0 < fraction <= 1 or (fraction * PARTS) % 1:
                near = min(max(round(fraction * PARTS), 1), PARTS) / PARTS
                raise ValueError(
                    f"entry {place} is {fraction!r}, no multiple of 1/{PARTS} from 1/{PARTS} to 1; "
                    f"the nearest is {near:g}"
                )
        return fractions

    @model_validator(mode="after")
    def _every_fits_the_kind(self) -> Self:
        if self.every is not None and self.kind == "programmable":
            raise ValueError(
                f"every is {self.every}, but weights take whole steps as they come if kind is "
                "programmable; remove it, or set kind: loihi1"
            )
        _read(self.parsed)
        return self

    def parsed(self) -> Accumulator:
        """Return what a tag collects."""
        shares = tuple(round(PARTS * one) for one in self.fractions)
        every = (self.every or EVERY) if self.kind == "loihi1" else None
        return Accumulator(shares, self.epochs, every)


class EligibilitySection(Section):
    """A trace of each synapse that remembers what it was about to learn, until a reward comes."""

    tau: float | None = Field(
        default=None,
        ge=0,
        le=LONGEST,
        description="Time constant of the decay of the trace, in samples. 0: the trace lasts "
        "only for its own sample, and with the default reward the weights end as without a "
        "trace. Traces of seconds bridge a late dopamine signal in vivo (Izhikevich 2007; "
        "Gerstner et al. 2018). null: see tau_phases.",
        json_schema_extra=unit("samples"),
    )
    tau_phases: float | None = Field(
        default=None,
        gt=0,
        le=LONGEST_IN_PHASES,
        description="Instead of tau: time constant of a decay in every phase, in phases (12 per "
        "sample in the paper's circuit). What an earlier phase of a sample adds has then decayed "
        "more by the end of the sample. null: see tau.",
        json_schema_extra=unit("phases"),
    )
    gain: float = Field(
        default=1.0,
        gt=0,
        le=1,
        multiple_of=1 / GAINS,
        description="Fraction of reward x trace that is added to a weight at the end of each "
        "sample, in steps of 1/16. A long trace adds up over samples, so choose a smaller gain "
        "for a longer trace.",
    )

    @model_validator(mode="after")
    def _one_time_constant(self) -> Self:
        if (self.tau is None) == (self.tau_phases is None):
            given = (
                "neither is" if self.tau is None else f"{self.tau:g} and {self.tau_phases:g} are"
            )
            raise ValueError(
                f"tau, tau_phases: {given} given; give one of them, a time constant in samples "
                f"(tau, 0 ... {LONGEST}) or in phases (tau_phases, up to {LONGEST_IN_PHASES})"
            )
        return self

    @property
    def said(self) -> str:
        """The time constant in words."""
        if self.tau_phases is not None:
            return f"{self.tau_phases:g} phases"
        return f"{self.tau:g} samples"

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a time constant that is not given: runs of before have but one."""
        return {key: value for key, value in handler(self).items() if value is not None}

    def parsed(self) -> Eligibility:
        """Return the trace."""
        return Eligibility(self.tau or 0.0, round(GAINS * self.gain), self.tau_phases)


class LearningSection(Section):
    """What every plastic synapse does by itself."""

    traces: TracesSection | None = Field(
        default=None, description="Traces of spikes, for the rules to read. null: none."
    )
    tag: str | None = Field(
        default=None,
        description="Rule for the tag t of each synapse, dt = …, in the same language as the "
        "rule for its weight. null: no tag.",
    )
    accumulator: AccumulatorSection | None = Field(
        default=None,
        description="Collects fractions of the change given by the rule; the weight follows in "
        "whole steps. null: weights change by the rule at once.",
    )
    eligibility: EligibilitySection | None = Field(
        default=None,
        description="Trace of each synapse that accumulates the change given by the rule; at the "
        "end of each sample the weight changes by reward x trace (section reward). null: weights "
        "change by the rule at once.",
    )
    rule: str = Field(
        default=PAPER_RULE,
        description="Learning rule, a sum of products of x0 (the presynaptic neuron fires), y0 "
        "(the postsynaptic neuron fires), r1 (the reward signal), traces x1, x2, y1, y2, y3, the "
        "weight w, the tag t and flags u_k (every 2^k-th phase), evaluated in every phase; dw in "
        "weight units (paper: Methods). Or the name of a rule.",
    )

    @field_validator("tag")
    @classmethod
    def _tag_can_be_read(cls, tag: str | None) -> str | None:
        if tag is not None:
            _read(read_rule, tag, ("dt",))
        return tag

    @field_validator("eligibility")
    @classmethod
    def _one_of_them_holds_changes_back(cls, given: Any, info: ValidationInfo) -> Any:
        if given is not None and info.data.get("accumulator") is not None:
            raise ValueError(
                "is given, and learning.accumulator too: a weight follows one of them; remove one"
            )
        return given

    @field_validator("rule")
    @classmethod
    def _rule_can_be_read(cls, rule: str, info: ValidationInfo) -> str:
        given = info.data
        if {"tag", "traces"} <= given.keys():  # else these are wrong themselves
            waits = given.get("accumulator"), given.get("eligibility")
            _read(_parsed, rule, given["tag"], given["traces"], *waits)
        return rule

    def parsed(self) -> Rule:
        """Return the rule, read."""
        return _parsed(self.rule, self.tag, self.traces, self.accumulator, self.eligibility)

    @property
    def guarantees(self) -> Guarantees:
        """What of the paper's circuit holds with this rule: all, if it knows coincidences alone."""
        rule = self.parsed()
        return Guarantees(
            copies_equal=rule.by_coincidence or rule.fine is not None,
            silent_when_closed=rule.by_coincidence or rule.fine is not None,
            samples_apart=not rule.keeps,
        )


def _read(read: Callable[..., object], *given: object) -> None:
    """Read a rule, or say in one line why it cannot be."""
    try:
        read(*given)
    except RuleError as error:
        raise ValueError(str(error).splitlines()[0]) from None


def _parsed(
    text: str,
    tag: str | None,
    traces: TracesSection | None,
    accumulator: AccumulatorSection | None,
    eligibility: EligibilitySection | None,
) -> Rule:
    rule = parse_rule(text, tag, _traces(traces))
    if accumulator is not None:
        rule = rule.accumulating(accumulator.parsed())
    return rule if eligibility is None else rule.remembering(eligibility.parsed())


def _traces(section: TracesSection | None) -> dict[str, Trace]:
    given = {} if section is None else {name: getattr(section, name) for name in _TRACES}
    return {name: Trace(trace.impulse, trace.tau) for name, trace in given.items() if trace}


_TRACES = tuple(TracesSection.model_fields)


class TrainingSection(Section):
    """How long, on how much, and from which random numbers."""

    epochs: PositiveInt = Field(
        description="Passes through the training samples (paper: 60 for MNIST).",
        json_schema_extra=unit("epochs"),
    )
    samples: PositiveInt | None = Field(
        default=None,
        description="Training samples used: the first ones in file order. null: all.",
        json_schema_extra=unit("samples"),
    )
    evaluate_every: float = Field(
        default=1.0,
        gt=0,
        description="Interval between evaluations on the test set, in epochs (paper, Fig. 3: 0.5).",
        json_schema_extra=unit("epochs"),
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=LARGEST,
        description="Seed of the initial weights, of the order of the samples and of their shifts.",
    )
    renew_copies: bool = Field(
        default=False,
        description="Reset all copies of a weight matrix to its first copy (x→h, h→o) at the "
        "start of each epoch, without the clipping that initial weights undergo, so that copies "
        "can drift apart only within one epoch (authors' code). No effect where copies stay "
        "equal.",
    )


class RecordSection(Section):
    """What is kept besides weights and accuracies."""

    samples: int = Field(
        default=0,
        ge=0,
        le=LARGEST,
        description="Number of samples, the last ones of the training, whose spikes are written "
        "to spikes.npz. 0: none.",
        json_schema_extra=unit("samples"),
    )

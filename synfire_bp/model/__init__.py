"""A model file: from its text to the resolved model that is trained."""

from synfire_bp.model.experiment import Experiment, json_schema
from synfire_bp.model.library import list_models
from synfire_bp.model.model import Model, assemble
from synfire_bp.model.networks import build_network
from synfire_bp.model.sections import (
    DatasetSection,
    LearningSection,
    NetworkSection,
    RecordSection,
    TrainingSection,
)

__all__ = [
    "DatasetSection",
    "Experiment",
    "LearningSection",
    "Model",
    "NetworkSection",
    "RecordSection",
    "TrainingSection",
    "assemble",
    "build_network",
    "json_schema",
    "list_models",
]

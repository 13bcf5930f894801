"""All that a plugin needs, and all of it that is promised to stay: the decorator, what each family's specs extend, and what parts are given.

See docs/plugins.md. A plugin imports from here and from installed packages, from nowhere else in runner.
"""

from runner.bundle.inputs import Inputs
from runner.bundle.models import Model
from runner.bundle.recipe import Lookup, Operation, Project
from runner.core.around import AroundSpec
from runner.core.expressions import literal, parse, quoted
from runner.core.faults import fault
from runner.core.files import read_json, write_bytes, write_json, write_parquet, write_text
from runner.core.gates import Gate, Status
from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.core.spec import KindSpec, Spec
from runner.core.stage import Given
from runner.data.sources.source import FileSourceSpec
from runner.data.splits.split import SplitSpec
from runner.data.unreadable import UnreadableError
from runner.features.matrices import Matrix
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.stats.metrics import MetricSpec, Predicted
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

__all__ = [
    "AroundSpec",
    "CandidateSpec",
    "FileSourceSpec",
    "Fit",
    "Fitted",
    "FittedStep",
    "Fitting",
    "Gate",
    "Given",
    "Inputs",
    "KindSpec",
    "Lookup",
    "Matrix",
    "MetricSpec",
    "Model",
    "Operation",
    "Predicted",
    "Project",
    "Range",
    "Space",
    "Spec",
    "SplitSpec",
    "Status",
    "StepSpec",
    "UnreadableError",
    "fault",
    "literal",
    "parse",
    "quoted",
    "read_json",
    "register",
    "seed_for",
    "write_bytes",
    "write_json",
    "write_parquet",
    "write_text",
]

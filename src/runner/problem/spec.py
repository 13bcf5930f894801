"""What may be declared of a problem."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from runner.core.around import RoomSpec
from runner.core.registry import Registered
from runner.core.spec import ComplaintsError, KindSpec, Spec
from runner.problem import consistency, policies

assert policies  # the import registers the kinds that the union below is made of


class PayoffSpec(Spec):
    """What each outcome of the decision is worth, as SQL over the row."""

    unit: str = Field(min_length=1)
    """Currency or other unit of every value, such as EUR."""
    actions: dict[str, dict[str, str]] | None = None
    """Classification: action to label to the SQL value of having taken that action when that label came true."""
    sql: str | None = None
    """Regression: SQL value over the row with the columns `decision` and `actual` added."""
    rows_per_month: int | None = Field(default=None, ge=1)
    """How many rows a usual month brings; lets reports speak of money a month."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.actions is None) == (self.sql is None):
            raise ValueError("give `actions` for classification or `sql` for regression, exactly one of them")
        if self.actions is not None and len(self.actions) < 2:
            raise ValueError("a decision needs at least two actions; doing nothing is one")
        return self


class BaselineSpec(Spec):
    """How the decision is made today, as SQL over the row."""

    sql: str
    """Classification: TRUE where the policy's action is taken, or a number that ranks rows. Regression: the number predicted."""
    meaning: str = ""
    """One sentence for the report: whose rule this is."""


class CriterionSpec(Spec):
    """When the model is worth shipping, in business terms."""

    baseline: str
    """The baseline that must be beaten: a name under `baselines`, or `constant`."""
    minimum_gain_per_row: float = 0.0
    """The least gain over the baseline that pays for a model, in the payoff's unit per row."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the intervals that must clear the minimum."""

    @model_validator(mode="before")
    @classmethod
    def _no_metric(cls, given: Any) -> Any:
        """Two models with the same score can earn very differently, so that no score of a model is a criterion."""
        metrics = _metrics_in(given)
        if metrics:
            raise ValueError("; ".join(f"{key}: {metric} is a score of models, not a business criterion; {INSTEAD}" for key, metric in metrics.items()))
        return given


# Scores of models that people try to declare as a criterion, written without signs.
METRIC_WORDS = (
    "accuracy acc balancedaccuracy auc rocauc auroc aucroc prauc auprc averageprecision f1 f1score fbeta precision recall sensitivity specificity "
    "logloss crossentropy brier brierscore mcc kappa gini ks lift rmse mse mae mape smape r2 rsquared medae pinball rmsle"
)
METRICS = frozenset(METRIC_WORDS.split())
METRIC_KEYS = frozenset({"metric", "metrics", "score", "scorer", "scoring", "objective", "loss"})
INSTEAD = (
    "declare what each outcome is worth under problem.payoff, and here the gain that pays for a model over how the decision is made today, such as "
    "{baseline: NAME, minimum_gain_per_row: 0.5} for half a unit of problem.payoff.unit a row"
)


def _metrics_in(given: Any) -> dict[str, str]:
    """Key to the score that it names; a criterion that is nothing but a score stands under its own name."""
    if isinstance(given, str):
        return {"criterion": given} if _plain(given) in METRICS else {}
    if not isinstance(given, dict):
        return {}
    named = {str(key): str(value) for key, value in given.items() if str(key) in METRIC_KEYS}
    return named | {str(key): str(key) for key in given if _plain(str(key)) in METRICS}


def _plain(word: str) -> str:
    return "".join(sign for sign in word.casefold() if sign.isalnum())


class FairnessSpec(Spec):
    """How far apart the groups of each protected column may be treated."""

    max_action_gap: float = Field(gt=0, le=1)
    """Largest allowed difference between groups in the share of rows acted on."""
    min_group_rows: int = Field(default=100, ge=10)
    """Groups smaller than this are reported as unknown, not judged."""


class ConstraintsSpec(Spec):
    """What the model must respect whatever it earns."""

    max_latency_ms_p99: float | None = Field(default=None, gt=0)
    """Longest time to score one row, 99th percentile, in milliseconds."""
    max_bundle_mb: float | None = Field(default=None, gt=0)
    """Largest bundle, in megabytes."""
    interpretable_only: bool = False
    """Keep to candidates whose reasoning can be read: constant, rule, linear, tree, additive."""
    monotone: dict[str, Literal[-1, 1]] = {}
    """Feature to the direction in which it may move the probability of the positive label, or the prediction."""
    forbidden: list[str] = []
    """Columns that must not be used as features."""
    protected: list[str] = []
    """Columns that are not features, and whose groups are compared."""
    fairness: FairnessSpec | None = None
    """The bound between groups of the protected columns; left out, they are compared and not judged."""


class FeasibilitySpec(Spec):
    """The least data that makes the attempt worth its cost."""

    min_rows: int = Field(default=200, ge=1)
    """Fewest rows, before and after filter and quarantine; with fewer the run is refused."""
    min_positives: int = Field(default=50, ge=1)
    """Fewest rows of the rarest label (classification)."""


class ProblemSpec(RoomSpec):
    """The decision, what it is worth, and what success means."""

    decision: str = Field(min_length=1)
    """The decision in one sentence."""
    row: str = Field(min_length=1)
    """What one row is."""
    owner: str | None = None
    """Who answers for the decision; needed for promotion, not for exploration."""
    approvers: list[str] = []
    """Who has to agree before a bundle is promoted; needed for promotion, not for exploration."""
    open_questions: dict[str, str] = {}
    """What only a person can answer and nobody has yet: name to question. While one is left, exploring goes on, an adopted run is refused."""
    task: Literal["binary", "multiclass", "regression"]
    """What is predicted: one of two labels, one of several labels, or a number."""
    target: str
    """Column of the outcome (made by `data.label` where that is declared)."""
    positive: str | None = None
    """Binary: the label the model gives the probability of, as text."""
    key: list[str] = []
    """Columns that name a row; copied to the score output, never features."""
    time: str | None = None
    """Column of the moment of decision."""
    payoff: PayoffSpec
    """What each outcome is worth: models are chosen and judged by it."""
    policy: Annotated[KindSpec, Registered("policy")]
    """How a score becomes an action."""
    baselines: dict[str, BaselineSpec] = {}
    """Name to a way in which the decision is made today; each stands on the ladder and is paid like a model."""
    criterion: CriterionSpec
    """The gain that the model must surely bring; without it the verdict is NO GO."""
    constraints: ConstraintsSpec = ConstraintsSpec()
    """Limits that no gain can buy off."""
    feasibility: FeasibilitySpec = FeasibilitySpec()
    """The least data; with less the run is refused before anything is computed."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        complaints = [*consistency.of_task(self), *consistency.of_actions(self), *consistency.of_names(self)]
        if complaints:
            raise ComplaintsError(complaints)
        return self

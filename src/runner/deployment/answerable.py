"""Who answers for a bundle: what promotion asks for, and exploration does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from runner.core.faults import Fault


@dataclass(frozen=True)
class Answerable:
    """What the problem that a bundle was made for says of people.

    owner: None where nobody is declared; approvers: as declared; open_questions: those that the problem leaves open.
    """

    owner: str | None = None
    approvers: tuple[str, ...] = ()
    open_questions: tuple[str, ...] = ()

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Answerable:
        """From a mapping with these keys, such as deployment.json; what is missing there counts as not declared."""
        return cls(written.get("owner"), tuple(written.get("approvers") or ()), tuple(written.get("open_questions") or ()))

    @classmethod
    def of_text(cls, text: str) -> Answerable:
        """From what `as_text` gave; text that is empty names nobody."""
        return cls.of(json.loads(text)) if text else cls()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "approvers": list(self.approvers), "open_questions": list(self.open_questions)}

    def as_text(self) -> str:
        """One line of JSON, for a tag."""
        return json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True)

    def faults(self, at: str) -> list[Fault]:
        """What stands between the bundle and promotion.

        >>> [fault.wrong for fault in Answerable("head of credit", ()).faults("registry: credit")]
        ['no approver is declared']
        """
        hint = "declare it in the experiment's file, adopt it and run it again; the new version can be promoted"
        found = []
        if not self.owner:
            found.append(Fault(at, "no owner is declared", "problem.owner, who answers for the decision", hint))
        if not self.approvers:
            found.append(Fault(at, "no approver is declared", "problem.approvers, who has to agree", hint))
        found += [Fault(at, f"the question {key!r} is open", "no entry under problem.open_questions", hint) for key in self.open_questions]
        return found

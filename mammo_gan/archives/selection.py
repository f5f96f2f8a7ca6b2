"""Which images of an archive an experiment uses: rules applied one after the other, and what each of them removed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from mammo_gan.archives.counts import Published
from mammo_gan.archives.records import Mammogram
from mammo_gan.errors import UserError


class Rule(ABC):
    """A condition on one image; its text, as str(), names it in the table of removals.

    A rule about something that an archive may not say decides what becomes of an image of which it isn't said, and its
    text tells that.
    """

    @abstractmethod
    def keeps(self, record: Mammogram) -> bool:
        """Whether the image may be used."""

    def knows(self, record: Mammogram) -> bool:
        """Whether the archive says of the image what the rule asks."""
        return True


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did: images that it removed, and images (kept or removed) of which the archive says nothing."""

    rule: str
    removed: int
    unknown: int


class Selection:
    """Rules in the order in which they are applied; an image is counted at the first that it breaks.

    Args:
        rules: of `mammo_gan.archives.rules`.
        paper: what the paper counted, to be shown beside the counts here; None where it says nothing.
    """

    def __init__(self, rules: Sequence[Rule], paper: Published | None = None) -> None:
        self.rules = tuple(rules)
        self.paper = paper

    def steps(self, records: Sequence[Mammogram]) -> tuple[list[Mammogram], list[Step]]:
        """The images that keep every rule, in their order, and what each rule did.

        Raises:
            UserError: no image is left.
        """
        kept, steps = list(records), []
        for rule in self.rules:
            before, unknown = len(kept), sum(not rule.knows(record) for record in kept)
            kept = [record for record in kept if rule.keeps(record)]
            steps.append(Step(str(rule), before - len(kept), unknown))
        if not kept:
            removed = "; ".join(map(_told, (step for step in steps if step.removed)))
            raise UserError(
                f"selection: none of the archive's {len(records)} images is left. Removed by each rule: "
                f"{removed or 'nothing'}. Check the archive, or loosen these rules"
            )
        return kept, steps

    def apply(self, records: Sequence[Mammogram]) -> tuple[list[Mammogram], list[tuple[str, int]]]:
        """As `steps`, with (rule, images removed by it) for each rule."""
        kept, steps = self.steps(records)
        return kept, [(step.rule, step.removed) for step in steps]


def _told(step: Step) -> str:
    unknown = f" (of {step.unknown} images the archive doesn't say it)" if step.unknown else ""
    return f"{step.rule}: {step.removed}{unknown}"

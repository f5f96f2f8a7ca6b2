"""Rules about how an image was taken (alyafi2019_dcgan, Table 2). An image of which it isn't known is left out.

Images of one device at one setting have alike grey levels (3.1); of one of unknown origin that can't be said.
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass

from mammo_gan.archives.records import Acquisition, Mammogram
from mammo_gan.archives.rules.names import check_names
from mammo_gan.archives.selection import Rule
from mammo_gan.errors import UserError

_UNKNOWN = "(unknown: left out)"
_COMPANY_FORMS = ("inc", "incorporated", "corp", "corporation", "co", "ltd", "limited", "gmbh", "ag")


def plain_name(name: str) -> str:
    """A maker's or a model's name as it is compared: lower case, words alone, without its company's legal form.

    Headers and tables write "HOLOGIC, Inc.", "Hologic, Inc" and "Hologic"; "LORAD, A Hologic Company" is another name.
    """
    words = re.findall(r"\w+", name.casefold())
    while len(words) > 1 and words[-1] in _COMPANY_FORMS:
        words.pop()
    return " ".join(words)


class _OfAcquisition(Rule):
    """One value of the acquisition, known and as wanted."""

    @abstractmethod
    def value(self, acquisition: Acquisition) -> object:
        """What the rule looks at; None is unknown."""

    @abstractmethod
    def fits(self, acquisition: Acquisition) -> bool:
        """Whether the value, which is known, is as wanted."""

    def knows(self, record: Mammogram) -> bool:
        return record.acquisition is not None and self.value(record.acquisition) is not None

    def keeps(self, record: Mammogram) -> bool:
        return record.acquisition is not None and self.knows(record) and self.fits(record.acquisition)


@dataclass(frozen=True)
class MadeBy(_OfAcquisition):
    """The device's maker is one of these, however the name is written."""

    manufacturers: Collection[str]

    def __post_init__(self) -> None:
        check_names("manufacturers", self.manufacturers)

    def value(self, acquisition: Acquisition) -> object:
        return acquisition.manufacturer

    def fits(self, acquisition: Acquisition) -> bool:
        return plain_name(acquisition.manufacturer or "") in map(plain_name, self.manufacturers)

    def __str__(self) -> str:
        return f"manufacturer is {' or '.join(self.manufacturers)} {_UNKNOWN}"


@dataclass(frozen=True)
class OfModels(_OfAcquisition):
    """The device is one of these models. "Selenia" alone is not the "Lorad Selenia"."""

    models: Collection[str]

    def __post_init__(self) -> None:
        check_names("models", self.models)

    def value(self, acquisition: Acquisition) -> object:
        return acquisition.model

    def fits(self, acquisition: Acquisition) -> bool:
        return plain_name(acquisition.model or "") in map(plain_name, self.models)

    def __str__(self) -> str:
        return f"model is {' or '.join(self.models)} {_UNKNOWN}"


@dataclass(frozen=True)
class AtTubeCurrent(_OfAcquisition):
    """Taken at this current of the X-ray tube, in mA."""

    milliamperes: float

    def __post_init__(self) -> None:
        _check_positive("milliamperes", self.milliamperes)

    def value(self, acquisition: Acquisition) -> object:
        return acquisition.tube_current

    def fits(self, acquisition: Acquisition) -> bool:
        # Headers hold decimal text; no more than what is lost on the way from there is allowed for.
        return math.isclose(acquisition.tube_current or 0.0, self.milliamperes, rel_tol=1e-6)

    def __str__(self) -> str:
        return f"tube current is {self.milliamperes:g} mA {_UNKNOWN}"


@dataclass(frozen=True)
class AtMagnification(_OfAcquisition):
    """Taken at this magnification; 1 leaves out magnification views, and devices whose geometry gives 1.03."""

    factor: float

    def __post_init__(self) -> None:
        _check_positive("factor", self.factor)

    def value(self, acquisition: Acquisition) -> object:
        return acquisition.magnification

    def fits(self, acquisition: Acquisition) -> bool:
        return math.isclose(acquisition.magnification or 0.0, self.factor, rel_tol=1e-6)

    def __str__(self) -> str:
        return f"magnification is {self.factor:g} {_UNKNOWN}"


@dataclass(frozen=True)
class ForPresentation(_OfAcquisition):
    """Processed by the device for display, not its raw data."""

    def value(self, acquisition: Acquisition) -> object:
        return acquisition.for_presentation

    def fits(self, acquisition: Acquisition) -> bool:
        return acquisition.for_presentation is True

    def __str__(self) -> str:
        return f"for presentation {_UNKNOWN}"


def _check_positive(field: str, number: float) -> None:
    if not (math.isfinite(number) and number > 0):
        raise UserError(f"selection: {field}: expected a number above 0, found {number}")

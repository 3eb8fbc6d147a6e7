"""What every section of a manifest is made of: the kinds of values, and how a mistake in it is said."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from radiogenomics._errors import InputError
from radiogenomics.study.manifest import choices

Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Length = Annotated[float, Field(gt=0, le=1e6)]


def one_of(kind: str) -> AfterValidator:
    """Demand a name of the table of a kind; the table is read when a value is checked."""

    def check(value: str) -> str:
        if value not in (known := choices.names(kind)):
            raise PydanticCustomError("unknown_name", "unknown name", {"known": known})
        return value

    return AfterValidator(check)


class MisfitError(InputError):
    """Keys of a section that do not fit each other.

    Attributes
    ----------
    found : tuple of (tuple of str, str)
        The parts of each key, from the section that raises it on, and what is wrong with it and what to do.
    """

    def __init__(self, *found: tuple[tuple[str, ...], str]) -> None:
        self.found = found
        super().__init__("; ".join(f"{'.'.join(key)}: {remedy}" for key, remedy in found))


class Section(BaseModel):
    """Keys are known, of the right type, and stay as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

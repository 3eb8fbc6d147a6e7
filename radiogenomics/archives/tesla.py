"""Field strength of image series: by scanner model where that is certain, else from the header of an image."""

from pathlib import Path

import pandas as pd

from radiogenomics._errors import InputError

_BY_MODEL = {
    1.5: (
        "aera", "altea", "amira", "avanto", "avanto_fit", "discovery mr450", "espree", "ingenia ambition s", "ingenia ambition x",
        "magnetom aera", "magnetom altea", "magnetom amira", "magnetom avanto", "magnetom sola", "magnetom vision",
        "magnetom vision plus", "optima mr360", "optima mr450w", "signa artist", "signa artist evo", "signa explorer",
        "signa voyager", "sola", "sonata", "sonatavision", "symphony", "symphonytim", "symphonyvision",
    ),
    3.0: (
        "allegra", "biograph_mmr", "discovery mr750", "discovery mr750w", "ingenia elition s", "ingenia elition x", "lumina",
        "magnetom lumina", "magnetom prisma", "magnetom prisma fit", "magnetom skyra", "magnetom skyra fit", "magnetom vida",
        "prisma", "prisma_fit", "signa architect", "signa pet/mr", "signa pioneer", "signa premier", "skyra", "skyra_fit",
        "spectra", "trio", "triotim", "verio", "vida",
    ),
}  # fmt: skip
"""Models that were built with one field strength, as DICOM writes them; Signa HDxt, Achieva, Ingenia and others had two."""
_OF_MODEL = {model: tesla for tesla, models in _BY_MODEL.items() for model in models}
_SLACK = 0.05  # of the asked field strength: 3 T scanners say 2.89, 1.5 T ones 1.494
_GAUSS = 100.0  # no magnet has so many tesla: such a number is gauss


def tesla_by_model(models: pd.Series) -> pd.Series:
    """Tell the field strength of scanner models -> tesla; NaN where the model was built with several, or is unknown."""
    plain = models.fillna("").str.strip().str.lower().str.replace(r"\s*\(biomatrix\)$", "", regex=True)
    return plain.map(_OF_MODEL).astype(float)


def tesla_of(folder: Path) -> float:
    """Read the field strength of a fetched series from one of its images -> tesla.

    Raises
    ------
    InputError
        If the header does not say it.
    """
    from pydicom import dcmread

    first = min(path for path in Path(folder).iterdir() if not path.name.startswith("."))
    value = dcmread(first, stop_before_pixels=True, specific_tags=["MagneticFieldStrength"]).get("MagneticFieldStrength")
    if not value:
        raise InputError(
            f"{first}: its header does not say the field strength; choose its series by a list, not by field_strength."
        )
    tesla = float(value)
    return tesla / 10_000 if tesla >= _GAUSS else tesla


def is_tesla(value: float, asked: list[float]) -> bool:
    """Tell whether a field strength is one of those asked for, within 5 %."""
    return any(abs(value - one) <= _SLACK * one for one in asked)

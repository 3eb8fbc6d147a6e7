"""One image and one lesion -> PyRadiomics' features, and the null that goes with them."""

import functools
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics._errors import InputError, MissingPackageError
from radiogenomics._files import endless, parsing
from radiogenomics._parallel import one_thread
from radiogenomics._tables import check_patients, summarise
from radiogenomics.features._inputs import described, labelled_mask, placed_mask

if TYPE_CHECKING:
    from radiogenomics.features._extractor import Extractor

PARAMETERS = Path(__file__).with_name("radiomics.yaml")
"""PyRadiomics parameters that give the 1,781 features; each setting stands there with its reason."""

_IMAGES = {
    "Original": "original",
    "Wavelet": "wavelet",
    "LoG": "log-sigma",
    "Square": "square",
    "SquareRoot": "squareroot",
    "Logarithm": "logarithm",
    "Exponential": "exponential",
    "Gradient": "gradient",
    "LBP2D": "lbp-2D",
    "LBP3D": "lbp-3D",
}


def radiomics(image: sitk.Image, mask: sitk.Image, *, parameters: Path | None = None) -> pd.Series:
    """Measure one lesion in one image -> PyRadiomics' features by PyRadiomics' names.

    The values are those of ``RadiomicsFeatureExtractor(parameters).execute(image, mask)`` of PyRadiomics 3.0.1, to the last
    bit; they follow PyRadiomics' conventions, which differ from IBSI's in places (bin edges, resampling grid, kurtosis).

    Parameters
    ----------
    image : SimpleITK.Image
        Three-dimensional, one finite value a voxel, in any unit.
    mask : SimpleITK.Image
        Labels on the image's voxels; the lesion has the label that the parameters name (1 unless they say otherwise).
    parameters : Path, optional
        A PyRadiomics parameter file (YAML); without it `PARAMETERS`: 14 shape features, and 93 features on each of 19 images,
        after normalisation and resampling to 1 mm.

    Returns
    -------
    Series
        float64, named ``value``, index ``feature`` (`original_shape_Elongation`, `wavelet-LLH_glcm_Contrast`...): 1,781 with
        `PARAMETERS`. What PyRadiomics cannot compute is NaN; see `nonfinite`.

    Raises
    ------
    ValueError
        If the parameter file is missing or has unknown keys or values; the mask is empty, lacks the label or lies on another
        grid; the image has values that are not finite, or but one value inside the lesion; or the lesion is too small for
        what the parameters ask.

    References
    ----------
    van Griethuysen et al. 2017, Cancer Research 77:e104, doi:10.1158/0008-5472.CAN-17-0339.
    """
    path = Path(parameters or PARAMETERS)
    extractor = _extractor(path)
    label = extractor.settings.get("label", 1)
    lesion = labelled_mask(image, mask, label=label, source=path.name)
    # ITK sums on several threads in another order each time: the last bits of the normalisation would change from call to call.
    with one_thread(), _quiet("radiomics"), np.errstate(all="ignore"):
        try:
            features = extractor.execute(image, lesion)
        except ValueError as error:
            raise InputError(f"{described(lesion, label)} cannot be measured as {path.name} asks: {error}. {_REMEDY}") from error
    lacking = _lacking(features, extractor)
    if lacking:
        raise InputError(
            f"{described(lesion, label)} got no image of type {summarise(lacking)}, which {path.name} asks for: the volume "
            "around it has fewer voxels than the filter needs, or a package is missing. Give the whole volume, or leave the "
            "filter out."
        )
    values = {name: float(value) for name, value in features.items()}
    return pd.Series(values, dtype=float, name="value").rename_axis("feature")


_REMEDY = "Outline the whole lesion, leave the patient out, or lower the limits in a parameter file of your own."


def shuffle(image: sitk.Image, mask: sitk.Image, *, random_state: int | np.random.Generator) -> sitk.Image:
    """Permute the voxels inside a lesion -> the image without its texture; volume, shape and histogram stay.

    The voxels change places on the image's own grid, before any resampling or filter. What a signature gains from such an
    image it owes to volume, shape and grey values, and not to texture (Welch et al. 2019, Radiotherapy and Oncology
    130:2-9, doi:10.1016/j.radonc.2018.10.027).

    Parameters
    ----------
    image : SimpleITK.Image
        The image; it is not changed.
    mask : SimpleITK.Image
        One label, on the image's voxels.
    random_state : int or numpy.random.Generator
        Gives the permutation; one a patient.

    Returns
    -------
    SimpleITK.Image
        A new image of the same type and place. Features of it take the prefix ``shuffled_``.

    Raises
    ------
    ValueError
        If the mask is empty, on another grid, or holds several labels.
    """
    placed = placed_mask(image, mask)
    inside = sitk.GetArrayViewFromImage(placed) > 0
    labels = np.unique(sitk.GetArrayViewFromImage(placed)[inside])
    if len(labels) > 1:
        raise InputError(
            f"The mask holds {len(labels)} labels ({summarise(labels)}); shuffle one lesion at a time, such as mask == 1."
        )
    values = sitk.GetArrayFromImage(image)
    values[inside] = np.random.default_rng(random_state).permutation(values[inside])
    shuffled = sitk.GetImageFromArray(values)
    shuffled.CopyInformation(image)
    return shuffled


def check_parameters(path: Path) -> None:
    """Read a PyRadiomics parameter file and find its mistakes, before anything is measured.

    Parameters
    ----------
    path : Path
        A PyRadiomics parameter file (YAML).

    Raises
    ------
    ValueError
        If it is missing or has unknown keys or values.
    """
    _extractor(Path(path))


def nonfinite(table: pd.DataFrame) -> pd.DataFrame:
    """Find values that are not numbers -> one row per feature that has any, the worst first.

    Parameters
    ----------
    table : DataFrame, shape (n_patients, n_features)
        A patient table of features.

    Returns
    -------
    DataFrame
        Columns ``feature``, ``missing`` (patients with NaN), ``infinite`` (patients with infinity), ``n`` (all patients) and
        ``patients`` (who, comma-separated). Empty when every value is finite.

    Raises
    ------
    ValueError
        If `table` is no patient table.
    """
    values = check_patients(table, "table").to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(values)
    columns = np.flatnonzero(bad.any(axis=0))
    shapes = pd.DataFrame(
        {
            "feature": table.columns[columns],
            "missing": np.isnan(values[:, columns]).sum(axis=0),
            "infinite": np.isinf(values[:, columns]).sum(axis=0),
            "n": len(table),
            "patients": [", ".join(map(str, table.index[bad[:, column]])) for column in columns],
        }
    )
    worst = (-(shapes["missing"] + shapes["infinite"])).argsort(kind="stable")
    return shapes.iloc[worst].reset_index(drop=True)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Hold other packages' loggers back; what matters of their words is raised as an error or reported as a value."""
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _extractor(path: Path) -> "Extractor":
    """Read a parameter file, once as long as it does not change."""
    if kind := endless(path):
        raise InputError(f"The parameter file {path} is {kind}, which never ends; give a PyRadiomics YAML file.")
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise InputError(f"The parameter file {path} cannot be read ({error.strerror}); give a PyRadiomics YAML file.") from error
    return _read(path, changed)


def _no_parameters(path: Path, error: Exception) -> InputError:
    text = " ".join(str(getattr(error, "msg", None) or error).split())
    return InputError(f"The parameter file {path} is not valid for PyRadiomics: {text} Compare it with {PARAMETERS}.")


@functools.lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> "Extractor":
    try:
        from radiogenomics.features._extractor import Extractor
    except ImportError as error:
        raise MissingPackageError(
            "Radiomic features need the package PyRadiomics: pip install 'radiogenomics[radiomics]'."
        ) from error

    with _quiet("pykwalify", "radiomics"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pykwalify loads its checks the old way
        with parsing(path, partial(_no_parameters, path)):
            extractor = Extractor(str(path))
    extractor.settings["additionalInfo"] = False  # diagnostics are no features, and cost time
    return extractor


def _lacking(features: dict[str, Any], extractor: "Extractor") -> list[str]:
    """Name image types that were asked for and not made: PyRadiomics only logs when a volume is too small for a filter."""
    if all(kind.startswith("shape") for kind in extractor.enabledFeatures):
        return []
    made = {name.split("_", 1)[0] for name in features}
    wanted = [_IMAGES[kind] for kind in extractor.enabledImagetypes]
    for sigma in extractor.enabledImagetypes.get("LoG", {}).get("sigma", []):
        wanted.append(f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D")
    return [name for name in wanted if not any(one.startswith(name) for one in made)]

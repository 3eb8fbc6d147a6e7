"""PyRadiomics' extractor with the same numbers and less work.

What PyRadiomics repeats is done once: the discretisation (of six feature classes), the list of feature names (of every
class and image). What it does to the whole image is done to the part that matters. Formulas stay PyRadiomics' own, but for
three sums over the grey-level co-occurrence matrix, which add the same terms in the same order.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from radiomics import getFeatureClasses, imageoperations
from radiomics.featureextractor import RadiomicsFeatureExtractor
from radiomics.glcm import RadiomicsGLCM

from radiogenomics.features import _kernels
from radiogenomics.features._inputs import box_of

Array = np.ndarray[Any, Any]

SPLINE_REACH = 48
"""Voxels after which a cubic B-spline has forgotten a border: its pole, sqrt(3) - 2, raised to 28 is 1e-16, the last bit of a
grey value (Unser 1999, doi:10.1109/79.799930); the 20 voxels more let rounding, too, come out alike."""


@dataclass(frozen=True)
class _Region:
    """Grey values of one image inside the lesion's box, and their grey levels."""

    inside: Array
    levels: Array
    present: Array

    @classmethod
    def of(cls, image: sitk.Image, mask: sitk.Image, settings: dict[str, Any]) -> "_Region":
        inside = sitk.GetArrayViewFromImage(mask) == settings.get("label", 1)
        values = sitk.GetArrayViewFromImage(image)[inside]
        levels = np.zeros(inside.shape, dtype="int")
        levels[inside] = np.digitize(values, _edges(values, settings))
        return cls(inside, levels, np.unique(levels[inside]))


def _edges(values: Array, settings: dict[str, Any]) -> Array:
    """Ask PyRadiomics for the bin edges; for a fixed width they depend on the extremes alone, and it looks for them slowly."""
    extremes = values if settings.get("binCount") is not None else np.array([values.min(), values.max()])
    return np.asarray(imageoperations.getBinEdges(extremes, **settings))


class _Shared:
    """Takes grey levels from a `_Region` instead of discretising anew; stands before a feature class of PyRadiomics."""

    settings: dict[str, Any]
    coefficients: dict[str, Any]

    def _initSegmentBasedCalculation(self) -> None:  # noqa: N802 - PyRadiomics' name
        self.maskArray = self.settings["region"].inside.copy()  # the C code of some classes marks what it has visited

    def _applyBinning(self, matrix: Array) -> Array:  # noqa: N802 - PyRadiomics' name
        region: _Region = self.settings["region"]
        self.coefficients["grayLevels"] = region.present
        self.coefficients["Ng"] = int(region.present[-1])
        return region.levels.copy()

    @classmethod
    @functools.cache
    def getFeatureNames(cls) -> dict[str, bool]:  # noqa: N802 - PyRadiomics' name
        names: dict[str, bool] = super().getFeatureNames()  # type: ignore[misc]
        return names


class _Cooccurrence(_Shared, RadiomicsGLCM):  # type: ignore[misc]
    """The grey-level co-occurrence matrix: marginal sums, cluster moments and the correlation's eigenvalues, compiled."""

    __module__ = RadiomicsGLCM.__module__  # names the logger of its instances

    def _calculateCoefficients(self) -> None:  # noqa: N802 - PyRadiomics' name
        if self.P_glcm.shape[3] == 1:  # NumPy adds a single angle pairwise, not in turn
            super()._calculateCoefficients()
            return
        levels, top = self.coefficients["grayLevels"], self.coefficients["Ng"]
        p = self.P_glcm
        i, j = np.meshgrid(levels.astype("float"), levels.astype("float"), indexing="ij", sparse=True)
        sums, differences = np.zeros((2 * top - 1, p.shape[3])), np.zeros((top, p.shape[3]))
        _kernels.sums_and_differences(p[0], levels, sums, differences)
        eps = np.spacing(1)
        self.coefficients |= {
            "eps": eps,
            "i": i,
            "j": j,
            "kValuesSum": np.arange(2, 2 * top + 1, dtype="float"),
            "kValuesDiff": np.arange(0, top, dtype="float"),
            "px": p.sum(2, keepdims=True),
            "py": p.sum(1, keepdims=True),
            "ux": np.sum(i[None, :, :, None] * p, (1, 2), keepdims=True),
            "uy": np.sum(j[None, :, :, None] * p, (1, 2), keepdims=True),
            "pxAddy": sums[None],
            "pxSuby": differences[None],
            "HXY": -np.sum(p * np.log2(p + eps), (1, 2)),
        }

    def _cluster(self, power: int) -> Array:
        """Mean over angles of sum p (i + j - ux - uy)^power: each sum of two levels is raised once, not once a cell."""
        about = {name: self.coefficients[name][:, 0] for name in ("ux", "uy")}
        raised = (np.arange(2, 2 * self.coefficients["Ng"] + 1.0)[None, :, None] - about["ux"] - about["uy"]) ** power
        levels = self.coefficients["grayLevels"]
        cells = raised[:, levels[:, None] + levels[None, :] - 2]
        return np.asarray(np.nanmean(np.sum(self.P_glcm * cells, (1, 2)), 1))

    def getClusterProminenceFeatureValue(self) -> Array:  # noqa: N802 - PyRadiomics' name
        return self._cluster(4)

    def getClusterShadeFeatureValue(self) -> Array:  # noqa: N802 - PyRadiomics' name
        return self._cluster(3)

    def getClusterTendencyFeatureValue(self) -> Array:  # noqa: N802 - PyRadiomics' name
        return self._cluster(2)

    def getMCCFeatureValue(self) -> Any:  # noqa: N802 - PyRadiomics' name
        if self.P_glcm.shape[1] < 2:
            return 1
        of = self.coefficients
        q = _kernels.correlation_squares(self.P_glcm[0], of["px"][0, :, 0], of["py"][0, 0], of["eps"])
        roots = np.linalg.eigvals(q.transpose((2, 0, 1)))
        roots.sort()
        return np.nanmean(np.sqrt(roots[None, :, -2]), 1).real


@functools.cache
def _classes() -> dict[str, type]:
    """PyRadiomics' feature classes by name, each with shared grey levels."""
    own: dict[str, type] = {"glcm": _Cooccurrence}
    return {
        name: own.get(name) or type(kind.__name__, (_Shared, kind), {"__module__": kind.__module__})
        for name, kind in getFeatureClasses().items()
        if not name.startswith("shape")
    }


class Extractor(RadiomicsFeatureExtractor):  # type: ignore[misc]
    """PyRadiomics' own `execute`, with loading and feature classes in their quicker form.

    Takes an image and a mask that have been checked: one grid, whole numbers, the label present.
    """

    @staticmethod
    def loadImage(image: sitk.Image, mask: sitk.Image, general: None = None, **settings: Any) -> tuple[sitk.Image, sitk.Image]:  # noqa: N802 - PyRadiomics' name
        statistics = _statistics(image) if settings.get("normalize", False) else None
        resampled = settings.get("interpolator") is not None and settings.get("resampledPixelSpacing") is not None
        if resampled:
            image, mask = _near(image, mask, settings)
        mask = _alone(mask, settings.get("label", 1))
        if settings.get("preCrop", False) and not resampled:
            box, _ = imageoperations.checkMask(image, mask, **settings)
            image, mask = imageoperations.cropToTumorMask(image, mask, box, **settings)
        if statistics is not None:
            image = _normalised(image, statistics, settings)
        return imageoperations.resampleImage(image, mask, **settings) if resampled else (image, mask)

    def computeFeatures(self, image: sitk.Image, mask: sitk.Image, name: str, **settings: Any) -> dict[str, Any]:  # noqa: N802 - PyRadiomics' name
        region = _Region.of(image, mask, settings)
        values: dict[str, Any] = {}
        for kind, wanted in self.enabledFeatures.items():
            if kind.startswith("shape"):
                continue
            features = _classes()[kind](image, mask, **settings, region=region)
            for feature in wanted or ():
                features.enableFeatureByName(feature)
            values |= {f"{name}_{kind}_{feature}": value for feature, value in features.execute().items()}
        return values


def _statistics(image: sitk.Image) -> tuple[float, float]:
    """Mean and standard deviation of the whole image, as ITK's own normalisation takes them."""
    measured = sitk.StatisticsImageFilter()
    measured.Execute(image)
    return measured.GetMean(), measured.GetSigma()


def _normalised(image: sitk.Image, statistics: tuple[float, float], settings: dict[str, Any]) -> sitk.Image:
    """Centre and scale a part of an image by the statistics of the whole, in the order of ITK and PyRadiomics."""
    mean, deviation = statistics
    values = sitk.GetArrayFromImage(image).astype(float)
    values -= mean
    values *= 1 / deviation
    if (outliers := settings.get("removeOutliers")) is not None:
        np.clip(values, -outliers, outliers, out=values)
    values *= settings.get("normalizeScale", 1)
    normalised = sitk.GetImageFromArray(values)
    normalised.CopyInformation(image)
    return normalised


def _alone(mask: sitk.Image, label: int) -> sitk.Image:
    """Leave one label in a mask, of the type that PyRadiomics works with."""
    binary = sitk.Cast(mask == label, sitk.sitkUInt32)
    return binary if label == 1 else binary * label


def _near(image: sitk.Image, mask: sitk.Image, settings: dict[str, Any]) -> tuple[sitk.Image, sitk.Image]:
    """Cut off what lies far behind the lesion.

    What lies before it stays: a moved origin would round positions otherwise, and nearest neighbour puts a position just
    half-way between two voxels on either side then (0.9 mm to 1 mm has one such position every 9 voxels).
    """
    box = box_of(sitk.GetArrayViewFromImage(mask) == settings.get("label", 1))
    ends = []
    for side, native, wanted in zip(box, mask.GetSpacing(), settings["resampledPixelSpacing"], strict=True):
        padding = math.ceil(settings.get("padDistance", 5) * max(wanted / native, 1))
        ends.append(side.stop + padding + SPLINE_REACH)
    parts = tuple(slice(0, min(end, size)) for end, size in zip(ends, mask.GetSize(), strict=True))
    return image[parts], mask[parts]

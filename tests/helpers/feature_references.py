"""Two outside measures of the radiomic features: PyRadiomics' published baselines and the digital phantom of IBSI 1.

Both are read from the folder of reference numbers beside the checkout and are no part of the project. `benchmarks/ibsi.py` writes
the tables of docs/features.md with what stands here, and `features/test_reference.py` holds those tables.

Sources: van Griethuysen et al. 2017, doi 10.1158/0008-5472.CAN-17-0339 (PyRadiomics and its baselines);
Zwanenburg et al. 2020, doi 10.1148/radiol.2020191145 (IBSI 1, its phantom and its reference values).
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radiogenomics import features
from radiogenomics._parallel import one_thread

CLASSES = ("firstorder", "shape", "shape2D", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
IMAGES = ("brain1", "brain2", "breast1")

# What PyRadiomics' own tests accept between a feature and its baseline (tests/testUtils.py, checkResult).
PYRADIOMICS_TOLERANCE = 0.03

# PyRadiomics' name -> the tag in IBSI's file of reference values, without its aggregation.
SHAPE = {
    "Elongation": "morph_pca_elongation",
    "Flatness": "morph_pca_flatness",
    "LeastAxisLength": "morph_pca_least_axis",
    "MajorAxisLength": "morph_pca_maj_axis",
    "Maximum3DDiameter": "morph_diam",
    "MeshVolume": "morph_volume",
    "MinorAxisLength": "morph_pca_min_axis",
    "Sphericity": "morph_sphericity",
    "SurfaceArea": "morph_area_mesh",
    "SurfaceVolumeRatio": "morph_av",
    "VoxelVolume": "morph_vol_approx",
}
FIRSTORDER = {
    "10Percentile": "stat_p10",
    "90Percentile": "stat_p90",
    "Energy": "stat_energy",
    "Entropy": "ih_entropy",
    "InterquartileRange": "stat_iqr",
    "Kurtosis": "stat_kurt",
    "Maximum": "stat_max",
    "Mean": "stat_mean",
    "MeanAbsoluteDeviation": "stat_mad",
    "Median": "stat_median",
    "Minimum": "stat_min",
    "Range": "stat_range",
    "RobustMeanAbsoluteDeviation": "stat_rmad",
    "RootMeanSquared": "stat_rms",
    "Skewness": "stat_skew",
    "Uniformity": "ih_uniformity",
    "Variance": "stat_var",
}
GLCM = {
    "Autocorrelation": "cm_auto_corr",
    "ClusterProminence": "cm_clust_prom",
    "ClusterShade": "cm_clust_shade",
    "ClusterTendency": "cm_clust_tend",
    "Contrast": "cm_contrast",
    "Correlation": "cm_corr",
    "DifferenceAverage": "cm_diff_avg",
    "DifferenceEntropy": "cm_diff_entr",
    "DifferenceVariance": "cm_diff_var",
    "Id": "cm_inv_diff",
    "Idm": "cm_inv_diff_mom",
    "Idmn": "cm_inv_diff_mom_norm",
    "Idn": "cm_inv_diff_norm",
    "Imc1": "cm_info_corr1",
    "Imc2": "cm_info_corr2",
    "InverseVariance": "cm_inv_var",
    "JointAverage": "cm_joint_avg",
    "JointEnergy": "cm_energy",
    "JointEntropy": "cm_joint_entr",
    "MaximumProbability": "cm_joint_max",
    "SumAverage": "cm_sum_avg",
    "SumEntropy": "cm_sum_entr",
    "SumSquares": "cm_joint_var",
}
GLRLM = {
    "GrayLevelNonUniformity": "rlm_glnu",
    "GrayLevelNonUniformityNormalized": "rlm_glnu_norm",
    "GrayLevelVariance": "rlm_gl_var",
    "HighGrayLevelRunEmphasis": "rlm_hgre",
    "LongRunEmphasis": "rlm_lre",
    "LongRunHighGrayLevelEmphasis": "rlm_lrhge",
    "LongRunLowGrayLevelEmphasis": "rlm_lrlge",
    "LowGrayLevelRunEmphasis": "rlm_lgre",
    "RunEntropy": "rlm_rl_entr",
    "RunLengthNonUniformity": "rlm_rlnu",
    "RunLengthNonUniformityNormalized": "rlm_rlnu_norm",
    "RunPercentage": "rlm_r_perc",
    "RunVariance": "rlm_rl_var",
    "ShortRunEmphasis": "rlm_sre",
    "ShortRunHighGrayLevelEmphasis": "rlm_srhge",
    "ShortRunLowGrayLevelEmphasis": "rlm_srlge",
}
GLSZM = {
    "GrayLevelNonUniformity": "szm_glnu",
    "GrayLevelNonUniformityNormalized": "szm_glnu_norm",
    "GrayLevelVariance": "szm_gl_var",
    "HighGrayLevelZoneEmphasis": "szm_hgze",
    "LargeAreaEmphasis": "szm_lze",
    "LargeAreaHighGrayLevelEmphasis": "szm_lzhge",
    "LargeAreaLowGrayLevelEmphasis": "szm_lzlge",
    "LowGrayLevelZoneEmphasis": "szm_lgze",
    "SizeZoneNonUniformity": "szm_zsnu",
    "SizeZoneNonUniformityNormalized": "szm_zsnu_norm",
    "SmallAreaEmphasis": "szm_sze",
    "SmallAreaHighGrayLevelEmphasis": "szm_szhge",
    "SmallAreaLowGrayLevelEmphasis": "szm_szlge",
    "ZoneEntropy": "szm_zs_entr",
    "ZonePercentage": "szm_z_perc",
    "ZoneVariance": "szm_zs_var",
}
GLDM = {
    "DependenceEntropy": "ngl_dc_entr",
    "DependenceNonUniformity": "ngl_dcnu",
    "DependenceNonUniformityNormalized": "ngl_dcnu_norm",
    "DependenceVariance": "ngl_dc_var",
    "GrayLevelNonUniformity": "ngl_glnu",
    "GrayLevelVariance": "ngl_gl_var",
    "HighGrayLevelEmphasis": "ngl_hgce",
    "LargeDependenceEmphasis": "ngl_hde",
    "LargeDependenceHighGrayLevelEmphasis": "ngl_hdhge",
    "LargeDependenceLowGrayLevelEmphasis": "ngl_hdlge",
    "LowGrayLevelEmphasis": "ngl_lgce",
    "SmallDependenceEmphasis": "ngl_lde",
    "SmallDependenceHighGrayLevelEmphasis": "ngl_ldhge",
    "SmallDependenceLowGrayLevelEmphasis": "ngl_ldlge",
}
NGTDM = {
    "Busyness": "ngt_busyness",
    "Coarseness": "ngt_coarseness",
    "Complexity": "ngt_complexity",
    "Contrast": "ngt_contrast",
    "Strength": "ngt_strength",
}
NAMES = {"shape": SHAPE, "firstorder": FIRSTORDER, "glcm": GLCM, "glrlm": GLRLM, "glszm": GLSZM, "gldm": GLDM, "ngtdm": NGTDM}
IBSI = {f"original_{kind}_{name}": tag for kind, names in NAMES.items() for name, tag in names.items()}

NOT_IN_IBSI = {
    "original_shape_Maximum2DDiameterSlice": "largest diameter within a row-column plane",
    "original_shape_Maximum2DDiameterColumn": "largest diameter within a row-slice plane",
    "original_shape_Maximum2DDiameterRow": "largest diameter within a column-slice plane",
    "original_firstorder_TotalEnergy": "Energy times the volume of a voxel",
    "original_glcm_MCC": "maximal correlation coefficient",
}


@dataclass(frozen=True)
class Aggregation:
    """One of IBSI's ways from matrices to one number: PyRadiomics' settings for it, IBSI's endings and the classes it concerns."""

    name: str
    settings: dict[str, object]
    ending: dict[str, str]


DIRECTED = ("glcm", "glrlm")
UNDIRECTED = ("glszm", "gldm", "ngtdm")
# The first is what the package computes: features of each of the 13 directions, averaged.
AGGREGATIONS = (
    Aggregation("3D, averaged", {}, dict.fromkeys(DIRECTED, "_3D_avg") | dict.fromkeys(UNDIRECTED, "_3D")),
    Aggregation("3D, merged", {"weightingNorm": "no_weighting"}, dict.fromkeys(DIRECTED, "_3D_comb")),
    Aggregation("2.5D, averaged", {"force2D": True}, dict.fromkeys(DIRECTED, "_2_5D_avg") | dict.fromkeys(UNDIRECTED, "_2_5D")),
    Aggregation("2.5D, merged", {"force2D": True, "weightingNorm": "no_weighting"}, dict.fromkeys(DIRECTED, "_2_5D_comb")),
)

# Binning from 0 in steps of 1 leaves the phantom's whole numbers as they are: IBSI discretises the phantom no further.
PHANTOM_SETTINGS = {"binWidth": 1, "distances": [1], "gldm_a": 0, "symmetricalGLCM": True, "additionalInfo": False}


def to_n_minus_1(length: float, voxels: int) -> float:
    return length * float(np.sqrt(voxels / (voxels - 1)))


# Features that follow another convention: what turns PyRadiomics' value into IBSI's, given the voxels of the mask, and in words.
CONVENTIONS = {
    "original_firstorder_Kurtosis": (
        lambda value, _: value - 3,
        "IBSI's is the excess kurtosis, 3 less",
    ),
    "original_shape_MajorAxisLength": (
        to_n_minus_1,
        "variance over N, IBSI's over N - 1: factor sqrt(N / (N - 1)); here within the tolerance all the same",
    ),
    "original_shape_MinorAxisLength": (to_n_minus_1, "variance over N, IBSI's over N - 1: factor sqrt(N / (N - 1))"),
    "original_shape_LeastAxisLength": (to_n_minus_1, "variance over N, IBSI's over N - 1: factor sqrt(N / (N - 1))"),
}

# IBSI features that PyRadiomics leaves out because they follow from those it keeps: how, in words and as a function of the table of
# measured features at one aggregation (`original_` left off the names).
DERIVED = {
    "morph_comp_1": (
        "MeshVolume / sqrt(pi SurfaceArea^3)",
        lambda f: f["shape_MeshVolume"] / np.sqrt(np.pi * f["shape_SurfaceArea"] ** 3),
    ),
    "morph_comp_2": ("Sphericity^3", lambda f: f["shape_Sphericity"] ** 3),
    "morph_sph_dispr": ("1 / Sphericity", lambda f: 1 / f["shape_Sphericity"]),
    "morph_asphericity": ("1 / Sphericity - 1", lambda f: 1 / f["shape_Sphericity"] - 1),
    "morph_integ_int": ("Mean x MeshVolume", lambda f: f["firstorder_Mean"] * f["shape_MeshVolume"]),
    "stat_cov": ("sqrt(Variance) / Mean", lambda f: np.sqrt(f["firstorder_Variance"]) / f["firstorder_Mean"]),
    "cm_dissimilarity": ("DifferenceAverage", lambda f: f["glcm_DifferenceAverage"]),
    "cm_sum_var": ("ClusterTendency", lambda f: f["glcm_ClusterTendency"]),
    "ngl_glnu_norm": (
        "GrayLevelNonUniformity / voxels",
        lambda f: f["gldm_GrayLevelNonUniformity"] / (f["firstorder_Energy"] / f["firstorder_RootMeanSquared"] ** 2),
    ),
    "ngl_dc_perc": ("always 1", lambda f: 1.0),
}

# Why the rest of IBSI's values have no counterpart: the first of these with which the tag begins or ends.
ABSENT = {
    "dzm_": "distance zone matrix",
    "ih_": "statistic of the discretised intensities",
    "ivh_": "intensity-volume histogram",
    "loc_": "intensity peak",
    "ngl_dc_energy": "dependence energy",
    "morph_": "density within a fitted body, centre of mass shift or spatial autocorrelation",
    "stat_": "robust dispersion",
    "_2D": "each slice by itself: PyRadiomics has no average over slices",
    "_2D_avg": "each slice by itself: PyRadiomics has no average over slices",
    "_2D_comb": "each slice by itself: PyRadiomics has no average over slices",
}


def settings_file(folder: Path, settings: dict[str, object], kinds: tuple[str, ...]) -> Path:
    """Write settings and feature classes as a parameter file (JSON is YAML); a setting of None is PyRadiomics' default."""
    given = {key: value for key, value in settings.items() if value is not None}
    text = json.dumps({"setting": given, "imageType": {"Original": {}}, "featureClass": dict.fromkeys(kinds)})
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"
    path.write_text(text)
    return path


def measured(image: sitk.Image, mask: sitk.Image, settings: dict[str, object], kinds: tuple[str, ...], folder: Path) -> pd.Series:
    """Features of an image within a mask, under given settings, as this package computes them for a patient of a cohort."""
    # On several threads ITK adds the sums behind a normalisation in the order in which the threads end: the last bits vary.
    with one_thread():
        return features.radiomics(image, mask, parameters=settings_file(folder, settings, kinds))


# ---------------------------------------------------------------------------------------------------------------- IBSI 1


def phantom(folder: Path) -> tuple[sitk.Image, sitk.Image]:
    """The digital phantom and its mask, from the folder of reference numbers."""
    nifti = folder / "ibsi" / "ibsi_1_digital_phantom" / "nifti"
    return sitk.ReadImage(str(nifti / "image" / "phantom.nii.gz")), sitk.ReadImage(str(nifti / "mask" / "mask.nii.gz"))


def phantom_voxels(folder: Path) -> int:
    """How many voxels the phantom's mask holds."""
    return int(sitk.GetArrayFromImage(phantom(folder)[1]).sum())


def ibsi_values(folder: Path) -> pd.DataFrame:
    """IBSI's reference values: one row per tag, columns reference and tolerance."""
    path = folder / "ibsi" / "ibsi_1_reference_values" / "ibsi_1_dig_phantom.csv"
    table = pd.read_csv(path, sep=";").set_index("tag")
    return table.set_axis(["reference", "tolerance"], axis=1)


def agrees(value: float, reference: float, tolerance: float) -> bool:
    """Whether a value, at the three digits to which IBSI states its own, lies within IBSI's tolerance."""
    return abs(float(f"{value:.3g}") - reference) <= tolerance + 1e-9 * abs(reference)


def measured_phantom(folder: Path, scratch: Path) -> dict[str, pd.Series]:
    """Features of the phantom by aggregation; shape and first order, which know none, stand in each."""
    image, mask = phantom(folder)
    return {each.name: measured(image, mask, PHANTOM_SETTINGS | each.settings, tuple(NAMES), scratch) for each in AGGREGATIONS}


def ibsi_table(values: pd.DataFrame, features: dict[str, pd.Series], voxels: int) -> pd.DataFrame:
    """One row per IBSI tag, and per PyRadiomics feature that IBSI 1 has not: value, verdict and reason."""
    rows = [row for each in AGGREGATIONS for row in _counterparts(each, values, features[each.name], voxels)]
    rows += [_alone(name, features[AGGREGATIONS[0].name][name]) for name in NOT_IN_IBSI]
    named = {row["ibsi"] for row in rows}
    rows += [_absent(tag, values, features) for tag in values.index if tag not in named]
    return pd.DataFrame(rows)


def _counterparts(each: Aggregation, values: pd.DataFrame, features: pd.Series, voxels: int) -> Iterator[dict[str, object]]:
    for name, stem in IBSI.items():
        kind = name.split("_")[1]
        if kind in each.ending or (each is AGGREGATIONS[0] and kind in ("shape", "firstorder")):
            tag = stem + each.ending.get(kind, "")
            row = {"feature": name, "ibsi": tag, "aggregation": each.name if kind in each.ending else "", "value": features[name]}
            yield row | _verdict(name, features[name], values.loc[tag], voxels)


def _verdict(name: str, value: float, target: pd.Series, voxels: int) -> dict[str, object]:
    if name not in CONVENTIONS:
        equal = agrees(value, target["reference"], target["tolerance"])
        return {"verdict": "equal" if equal else "different", "reason": ""}
    convert, words = CONVENTIONS[name]
    # The other convention must account for the whole difference: the converted value is IBSI's to its three digits.
    explained = agrees(convert(value, voxels), target["reference"], 0.0)
    return {"verdict": "PyRadiomics convention" if explained else "different", "reason": words}


def _alone(name: str, value: float) -> dict[str, object]:
    row = {"feature": name, "ibsi": "", "aggregation": "", "value": value}
    return row | {"verdict": "not in IBSI 1", "reason": NOT_IN_IBSI[name]}


def _absent(tag: str, values: pd.DataFrame, features: dict[str, pd.Series]) -> dict[str, object]:
    row = {"feature": "", "ibsi": tag, "aggregation": "", "value": np.nan, "verdict": "not in PyRadiomics"}
    for each in AGGREGATIONS:
        for stem, (words, derive) in DERIVED.items():
            if tag in {stem, *(stem + ending for ending in each.ending.values())}:
                value = derive(features[each.name].rename(lambda name: name.removeprefix("original_")))
                if not agrees(value, *values.loc[tag]):
                    return row | {"verdict": "different", "value": value, "reason": f"{words} gives {value:.4g}"}
                return row | {"value": value, "reason": f"follows: {words}"}
    return row | {"reason": next(words for part, words in ABSENT.items() if tag.startswith(part) or tag.endswith(part))}


# ------------------------------------------------------------------------------------------------------------- baselines


@dataclass(frozen=True)
class Baseline:
    """One column of one baseline file: a class of features of one image under one set of settings."""

    kind: str
    column: str
    image: str
    settings: dict[str, object]
    features: pd.Series
    facts: pd.Series  # the file's diagnostics: hashes, boxes, versions


def baselines(folder: Path, kind: str) -> list[Baseline]:
    """The published baselines of one class of features, as far as their images are here."""
    table = pd.read_csv(folder / "pyradiomics" / f"baseline_{kind}.csv", index_col=0)
    told = table.index.str.startswith("diagnostics_")
    return [
        Baseline(
            kind=kind,
            column=column,
            image=column.split("_")[0],
            settings=ast.literal_eval(table.loc["diagnostics_Configuration_Settings", column]),
            features=table.loc[~told, column].astype(float),
            facts=table.loc[told, column],
        )
        for column in table
        if column.split("_")[0] in IMAGES
    ]


def pictured(baseline: Baseline, images: Path) -> tuple[sitk.Image, sitk.Image]:
    """The image and mask of a baseline."""
    image, mask = (sitk.ReadImage(str(images / f"{baseline.image}_{what}.nrrd")) for what in ("image", "label"))
    return image, (_one_slice(mask, baseline) if baseline.kind == "shape2D" else mask)


def _one_slice(mask: sitk.Image, baseline: Baseline) -> sitk.Image:
    # The two-dimensional baselines were made with masks of one slice, which are not published but say where they lie.
    level = ast.literal_eval(baseline.facts["diagnostics_Mask-corrected_BoundingBox"])[2]
    only = sitk.Image(mask.GetSize(), mask.GetPixelID())
    only.CopyInformation(mask)
    piece = mask[:, :, level : level + 1]
    return sitk.Paste(only, piece, piece.GetSize(), destinationIndex=[0, 0, level])


def measured_baselines(folder: Path, images: Path, scratch: Path) -> dict[tuple[str, str], pd.DataFrame]:
    """Every baseline computed anew: (class, column) -> `compared`. Classes that share image and settings are measured at once."""
    alike: dict[str, list[Baseline]] = {}
    for baseline in (each for kind in CLASSES for each in baselines(folder, kind)):
        circumstances = (baseline.image, baseline.kind == "shape2D", sorted(baseline.settings.items()))
        alike.setdefault(repr(circumstances), []).append(baseline)
    found = {}
    for group in alike.values():
        kinds = tuple(baseline.kind for baseline in group)
        together = measured(*pictured(group[0], images), group[0].settings, kinds, scratch)
        for baseline in group:
            found[baseline.kind, baseline.column] = compared(
                baseline, together[together.index.str.startswith(f"original_{baseline.kind}_")]
            )
    return found


def compared(baseline: Baseline, found: pd.Series) -> pd.DataFrame:
    """One row per feature of a baseline: what is published, what is measured, and the relative difference."""
    table = pd.DataFrame({"published": baseline.features, "measured": found})
    # As in PyRadiomics' tests, a published zero is compared absolutely.
    scale = table["published"].abs().where(table["published"] != 0, 1.0)
    return table.assign(difference=(table["measured"] - table["published"]).abs() / scale)

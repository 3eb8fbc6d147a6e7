"""Members of every kind as somebody else would write them: each is small, and none is of any use."""

import os
import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from radiogenomics._errors import InputError
from radiogenomics.features import Architecture
from radiogenomics.linking import LinkMethod
from radiogenomics.pathways import Method
from radiogenomics.signatures import Recipe


class MedianGene(Method):
    """A pathway is as high as its median gene, beside the training patients' median of that gene."""

    def fit(self, training):
        self.centre = np.median(training, axis=1, keepdims=True)

    def score(self, values, *, own):
        return np.array([np.median((values - self.centre)[rows], axis=0) for rows in self.sets.rows()])


def fetch_from_shelf(item, place, *, expected=None):
    """An archive that is a folder, named by TOY_SHELF."""
    file = Path(os.environ["TOY_SHELF"]) / item
    if not file.is_file():
        raise InputError(f"the shelf has no {item!r}.")
    place.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(file, place))


def build_tiny():
    import torch

    layers = torch.nn.Conv2d(3, 6, 5, stride=4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    return torch.nn.Sequential(*layers)


TINY = Architecture(6, build_tiny)


class VoxelList:
    """Masks as lists of voxels, one a line."""

    what = "lists of voxels (.voxels)"
    endings = (".voxels",)

    def reads(self, path, head):
        return path.suffix == ".voxels"

    def read(self, path, *, image, segment, threshold, tell):
        values = np.zeros(image.GetSize()[::-1], np.uint8)
        values[tuple(np.loadtxt(path, dtype=int, ndmin=2).T)] = 1
        mask = sitk.GetImageFromArray(values)
        mask.CopyInformation(image)
        return mask


VOXELS = VoxelList()


def build_ridge(*, strength=1.0, random_state=0):
    steps = [("impute", SimpleImputer()), ("scale", StandardScaler()), ("classify", LogisticRegression(C=1 / strength))]
    return Pipeline(steps)


RIDGE = Recipe(build_ridge, frozenset({"parameters"}))


def normal_scores(values):
    return ndtri(rankdata(values, axis=0) / (len(values) + 1))


NORMAL = LinkMethod(normal_scores)

MEMBERS = {
    "radiogenomics.pathways:METHODS": {"median_gene": MedianGene},
    "radiogenomics.archives:ARCHIVES": {"shelf": fetch_from_shelf},
    "radiogenomics.features:BACKBONES": {"tiny": TINY},
    "radiogenomics.lesions:READERS": {"voxel_list": VOXELS},
    "radiogenomics.signatures:RECIPES": {"ridge": RIDGE},
    "radiogenomics.linking:METHODS": {"normal_scores": NORMAL},
}

ENTRY_POINTS = """
[radiogenomics.pathway_methods]
median_gene = toy_members:MedianGene
[radiogenomics.archives]
shelf = toy_members:fetch_from_shelf
[radiogenomics.backbones]
tiny = toy_members:TINY
[radiogenomics.mask_readers]
voxel_list = toy_members:VOXELS
[radiogenomics.recipes]
ridge = toy_members:RIDGE
[radiogenomics.link_methods]
normal_scores = toy_members:NORMAL
"""

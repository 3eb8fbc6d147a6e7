"""Sections of benchmarks/features.py: slices a second for each network, and the time of kinetics."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from radiogenomics import features, images, lesions
from radiogenomics._parallel import one_thread, parallel_map
from radiogenomics.features import _networks
from tests.helpers.imaging_phantoms import breast

SLICES = 64
BATCH = 16
ROUNDS = 3
OPTIONS = {"min_enhancement": 70.0}


def seconds(function, *arguments, **options) -> tuple[float, object]:
    start = time.perf_counter()
    result = function(*arguments, **options)
    return time.perf_counter() - start, result


def heading(title: str, *columns: str) -> None:
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def plain(network: torch.nn.Module, crops: np.ndarray) -> np.ndarray:
    """What a user of torchvision writes: batches of 16, on one thread like ours."""
    with one_thread(), torch.inference_mode():
        return np.concatenate([network(torch.from_numpy(crops[at : at + BATCH])).numpy() for at in range(0, len(crops), BATCH)])


def share(task: tuple[features.Backbone, np.ndarray]) -> np.ndarray:
    backbone, crops = task
    return backbone.extract(crops)


def same_input(name: str, crops: np.ndarray) -> np.ndarray:
    """Convert crops for vit_small, which expects 0.5 and 0.5; googlenet does so by itself."""
    if name != "vit_small":
        return crops
    mean, std = (np.reshape(values, (3, 1, 1)) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return ((crops * std + mean - 0.5) / 0.5).astype(np.float32)


def deep_section(real: Path | None) -> None:
    """Slices a second; the ways alternate, so that a busy machine slows all alike, and the middle of the rounds counts."""
    del real
    heading(
        f"Deep features, {SLICES} slices of 224 x 224, random weights, CPU, middle of {ROUNDS} rounds, slices/s",
        *("network", "features", f"torchvision, batches of {BATCH}, 1 thread", "1 process", "2 processes", "ratio, 1 process"),
        *("ratio, 2 processes", "largest difference / range"),
    )
    crops = np.random.default_rng(0).normal(size=(SLICES, 3, 224, 224)).astype(np.float32)
    for name in features.BACKBONES:
        backbone = features.Backbone(name, weights="random")
        network = _networks.build(name)
        _networks.fill_randomly(network, random_state=0)
        tasks = {f"{number}": (backbone, part) for number, part in enumerate(np.split(crops, 8))}
        parallel_map(share, dict.fromkeys("ab", (backbone, crops[:1])), n_jobs=2)  # starts the workers
        inputs, rounds = same_input(name, crops), []
        for _ in range(ROUNDS):
            loop, expected = seconds(plain, network, inputs)
            one, found = seconds(backbone.extract, crops)
            two, _ = seconds(parallel_map, share, tasks, n_jobs=2)
            rounds.append((loop, one, two, loop / one, loop / two))
        loop, one, two, ratio_one, ratio_two = (statistics.median(column) for column in zip(*rounds, strict=True))
        spread = np.ptp(expected, axis=0)
        off = (np.abs(found - expected).max(axis=0)[spread > 0] / spread[spread > 0]).max()
        rates = " | ".join(f"{SLICES / spent:.1f}" for spent in (loop, one, two))
        print(f"| {name} | {expected.shape[1]} | {rates} | {ratio_one:.2f} | {ratio_two:.2f} | {off:.0e} |", flush=True)


def kinetics_section(real: Path | None) -> None:
    heading("Kinetics and cropping, 1 process, middle of 5", "patient", "phases", "voxels in the zones", "kinetics, s", "crop, s")
    for shape in ((20, 64, 64), (60, 256, 256)):
        with tempfile.TemporaryDirectory() as folder:
            volumes, mask = breast(shape, noise=15, seconds=(0, 90, 200, 300))
            images.write_dicom(volumes, Path(folder), patient="P", seconds=[0, 90, 200, 300], timing="TriggerTime")
            phases = read(Path(folder))
        timed(f"simulated, {shape[2]} x {shape[1]} x {shape[0]}", phases, mask)
    folder = real.parent / "mri" / "UCSF-BR-06" if real else None
    if folder and folder.is_dir():
        phases = read(folder / "image_dce_3dfgre_orig")
        drawn = lesions.read_mask(folder / "mask" / "1-1.dcm", image=phases.first)
        level = images.background_level(phases.pre)
        enhancement = images.percent_enhancement(phases.first, phases.pre, background=level)
        grown = lesions.grow_from_seed(enhancement, seed=(66, 148, 31), radius_mm=40, fraction=0.5, smoothing_mm=0.8)
        timed("UCSF-BR-06, focus", phases, lesions.validate_mask(grown.mask, phases.first))
        timed("UCSF-BR-06, whole breast region", phases, lesions.validate_mask(drawn, phases.first))


def read(folder: Path) -> images.Phases:
    return images.read_phases(images.dynamic_series(images.find_series(folder)), pre_contrast=1)


def timed(name: str, phases: images.Phases, mask: sitk.Image) -> None:
    level = images.background_level(phases.pre)
    lesion = lesions.lesion_of_patient(lesions.place(mask, phases.first), lesions="largest")
    zones = lesions.zones(lesion, rim_mm=2.0, surround_mm=5.0, within=images.body_mask(phases.pre, background=level))
    spent = statistics.median(seconds(features.kinetics, phases, zones, background=level, **OPTIONS)[0] for _ in range(5))
    cropped = statistics.median(seconds(features.crop, phases.first, lesion, view="2.5d")[0] for _ in range(5))
    voxels = int((sitk.GetArrayViewFromImage(zones) > 0).sum())
    print(f"| {name} | {len(phases.images)} | {voxels:,} | {spent:.3f} | {cropped:.3f} |")

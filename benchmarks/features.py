"""Measure radiomic features: python benchmarks/features.py [--real FOLDER].

Prints the tables of docs/features.md, each section against its peer in the same run. The peer is what a user of PyRadiomics
writes: a loop over `RadiomicsFeatureExtractor(parameters).execute(image, mask)`, with the same parameters and its default
diagnostics. Patients are simulated, 256 x 256 x 60 voxels of 0.9 x 0.9 x 2 mm, and lie on disk as files.
"""

import argparse
import cProfile
import logging
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import SimpleITK as sitk
import yaml
from radiomics.featureextractor import RadiomicsFeatureExtractor
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _deep import deep_section, kinetics_section

from radiogenomics import features
from radiogenomics._parallel import one_thread, parallel_map
from tests.helpers.imaging_phantoms import breast, ellipsoid

SHAPE, SMALL = (60, 256, 256), (20, 64, 64)
SPACING = np.array([2.0, 0.9, 0.9])
RADII_MM = (6, 10, 15)
PATIENTS = 4
REPEATS = 5
PADS = (5, 10, 20, 30, 40)
STEPS = {
    "eigenvalues (MCC)": ("eigvals", "correlation_squares"),
    "LoG filters": ("LaplacianRecursiveGaussian",),
    "resampling": ("ResampleImageFilter",),
    "texture matrices": ("calculate_g", "calculate_ngtdm"),
}


def patient(folder: Path, *, shape: tuple[int, int, int], radius_mm: float, seed: int) -> Path:
    """Write one simulated patient: a breast with a textured lesion of the given radius."""
    phases, mask = breast(shape, noise=15, seed=seed)
    inside = ellipsoid(shape, np.array(shape) * [0.5, 0.45, 0.55], radius_mm / SPACING)
    texture = 700 + 400 * ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1)
    values = np.where(inside, texture, sitk.GetArrayViewFromImage(phases[1])).astype(np.int16)
    folder.mkdir(parents=True)
    for name, array in (("image", values), ("mask", inside.astype(np.uint8))):
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(mask)
        sitk.WriteImage(image, str(folder / f"{name}.mha"))
    return folder


def read(folder: Path) -> tuple[sitk.Image, sitk.Image]:
    return tuple(sitk.ReadImage(str(folder / f"{name}.mha")) for name in ("image", "mask"))


def ours(task: tuple[Path, Path]) -> pd.Series:
    folder, parameters = task
    return features.radiomics(*read(folder), parameters=parameters)


def plain(task: tuple[Path, Path]) -> pd.Series:
    folder, parameters = task
    found = RadiomicsFeatureExtractor(str(parameters)).execute(*read(folder))
    return pd.Series({name: float(value) for name, value in found.items() if not name.startswith("diagnostics")})


def written(path: Path, **changes: object) -> Path:
    """The package's parameters with changes, and PyRadiomics' own default for diagnostics."""
    content = yaml.safe_load(features.PARAMETERS.read_text())
    changed = content["setting"] | {"additionalInfo": True} | changes
    content["setting"] = {name: value for name, value in changed.items() if value is not None}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def seconds(function, *arguments, **options) -> tuple[float, float, object]:
    """Time a call -> seconds by the wall's clock and by the processor's, which others on the machine do not stretch."""
    start, busy = time.perf_counter(), time.process_time()
    result = function(*arguments, **options)
    return time.perf_counter() - start, time.process_time() - busy, result


def workers_busy() -> float:
    """Processor seconds that the worker processes have spent so far."""
    return sum(sum(worker.cpu_times()[:2]) for worker in psutil.Process().children(recursive=True))


def serial(function, tasks: dict[str, tuple[Path, Path]]) -> dict[str, pd.Series]:
    with one_thread():
        return {name: function(task) for name, task in tasks.items()}


def differing(left: dict[str, pd.Series], right: dict[str, pd.Series]) -> int:
    """Count values that are not the same bits."""
    return sum(int(((left[name] != right[name]) & ~(left[name].isna() & right[name].isna())).sum()) for name in left)


def heading(title: str, *columns: str) -> None:
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def speed(scratch: Path) -> None:
    """Patients a minute; the three ways alternate, so that a busy machine slows all alike, and the middle ratio counts."""
    heading(
        f"1 mm, {PATIENTS} patients of {SHAPE[2]} x {SHAPE[1]} x {SHAPE[0]}, middle of {REPEATS} rounds",
        *("lesion radius, mm", "voxels at 1 mm", "plain loop, patients/min", "1 process", "2 processes"),
        *("ratio, 1 process", "of processor time", "ratio, 2 processes", "of processor time of two cores", "values that differ"),
    )
    parameters = written(scratch / "1mm.yaml")
    for radius in RADII_MM:
        places = {seed: scratch / f"{radius}" / f"{seed}" for seed in range(PATIENTS)}
        folders = [patient(place, shape=SHAPE, radius_mm=radius, seed=seed) for seed, place in places.items()]
        tasks = {folder.name: (folder, parameters) for folder in folders}
        parallel_map(ours, tasks, n_jobs=2)  # starts the workers and loads what they need
        serial(ours, {"0": tasks["0"]})
        rounds = []
        for _ in range(REPEATS):
            loop, loop_busy, expected = seconds(serial, plain, tasks)
            one, busy, alone = seconds(serial, ours, tasks)
            before = workers_busy()
            two, _, shared = seconds(parallel_map, ours, tasks, n_jobs=2)
            rounds.append((loop, one, two, loop / one, loop_busy / busy, loop / two, 2 * loop_busy / (workers_busy() - before)))
        loop, one, two, *ratios = (statistics.median(column) for column in zip(*rounds, strict=True))
        voxels = expected["0"]["original_shape_VoxelVolume"]
        cells = [f"{60 * PATIENTS / spent:.0f}" for spent in (loop, one, two)] + [f"{ratio:.2f}" for ratio in ratios]
        off = differing(expected, alone) + differing(expected, shared.require())
        print(f"| {radius} | {voxels:,.0f} | {' | '.join(cells)} | {off} of {2 * PATIENTS * 1781:,} |")


def growth(scratch: Path) -> None:
    heading("Growth with patients, 1 process, 10 mm", "patients", "processor s", "s a patient")
    tasks = [(scratch / "10" / f"{seed}", features.PARAMETERS) for seed in range(PATIENTS)]
    for number in (2, 4, 8, 16):
        some = {f"{index}": tasks[index % PATIENTS] for index in range(number)}
        _, spent, _ = seconds(serial, ours, some)
        print(f"| {number} | {spent:.1f} | {spent / number:.2f} |")


def memory(scratch: Path) -> None:
    heading("Peak memory of a worker, 1 patient", "way", "image and mask, MiB", "growth of the peak, MiB")
    for way in ("plain", "ours"):
        command = [sys.executable, __file__, "--memory", way, str(scratch / "10" / "0"), str(scratch / "1mm.yaml")]
        size, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        print(f"| {way} | {float(size):.0f} | {float(peak):.0f} |")


def print_memory(way: str, folder: Path, parameters: Path, scratch: Path) -> None:
    """Print the size of image and mask and the growth of the peak while they are measured (Linux)."""
    function = {"plain": plain, "ours": ours}[way]
    small = patient(scratch / "small", shape=SMALL, radius_mm=6, seed=0)
    function((small, parameters))  # loads the code
    size = sum(sitk.GetArrayViewFromImage(image).nbytes for image in read(folder))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    function((folder, parameters))
    print(size / 2**20, status("VmHWM") - before)


def status(name: str) -> float:
    """Read this process's memory in MiB: VmRSS now, VmHWM at its peak."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def kind_of(feature: str) -> str:
    image = feature.split("_")[0]
    return "shape" if "_shape_" in feature else "wavelet (8 bands)" if image.startswith("wavelet") else image


def native(scratch: Path, name: str, folder: Path) -> None:
    """Native spacing: PyRadiomics' own `preCrop` with several margins, against the whole image."""
    _, loop, whole = seconds(serial, plain, {name: (folder, written(scratch / "native.yaml", resampledPixelSpacing=None))})
    spent, off = [], {}
    for pad in PADS:
        path = written(scratch / f"native{pad}.yaml", resampledPixelSpacing=None, preCrop=True, padDistance=pad)
        _, busy, cropped = seconds(serial, ours, {name: (folder, path)})
        spent.append(busy)
        relative = (cropped[name] - whole[name]).abs() / whole[name].abs().clip(lower=1e-12)
        off[pad] = relative.groupby([kind_of(feature) for feature in relative.index], sort=False)
    heading(
        f"Native spacing, {name}: processor seconds, and the relative difference to no pre-crop",
        "voxels kept around",
        *map(str, PADS),
    )
    print(f"| s (no pre-crop: {loop:.1f}) | {' | '.join(f'{one:.2f}' for one in spent)} |")
    print(f"| times faster | {' | '.join(f'{loop / one:.1f}' for one in spent)} |")
    for kind in off[PADS[0]].groups:
        cells = [f"{group.median()[kind]:.0e} (largest {group.max()[kind]:.0e})" for group in off.values()]
        print(f"| {kind} | {' | '.join('0' if cell == '0e+00 (largest 0e+00)' else cell for cell in cells)} |")


def small(scratch: Path) -> None:
    """The demonstration's patients: what one costs and what it is spent on."""
    heading(
        f"Small patients, {SMALL[2]} x {SMALL[1]} x {SMALL[0]}, 1 process",
        *("lesion radius, mm", "voxels at 1 mm", "plain loop, processor s", "ours, processor s", "largest parts of ours"),
    )
    for radius in (5, 7, 9):
        folder = patient(scratch / f"small{radius}", shape=SMALL, radius_mm=radius, seed=0)
        task = {"0": (folder, scratch / "1mm.yaml")}
        found = serial(ours, task)["0"]
        loop, mine = (statistics.median(seconds(serial, way, task)[1] for _ in range(REPEATS)) for way in (plain, ours))
        print(f"| {radius} | {found['original_shape_VoxelVolume']:,.0f} | {loop:.2f} | {mine:.2f} | {parts(task)} |")


def parts(task: dict[str, tuple[Path, Path]]) -> str:
    """Name the costliest steps, as shares of the profiled time."""
    profile = cProfile.Profile()
    profile.runcall(serial, ours, task)
    stats = pstats.Stats(profile)
    costs = dict.fromkeys(STEPS, 0.0)
    for (_, _, name), (_, _, own, _, _) in stats.stats.items():
        for step, words in STEPS.items():
            costs[step] += own if any(word in name for word in words) else 0
    largest = sorted(costs.items(), key=lambda item: -item[1])
    return ", ".join(f"{step} {100 * cost / stats.total_tt:.0f} %" for step, cost in largest)


def radiomics_section(real: Path | None) -> None:
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        speed(scratch)
        growth(scratch)
        memory(scratch)
        small(scratch)
        native(scratch, "simulated, 10 mm", scratch / "10" / "0")
        for name in ("breast1", "brain1") if real else ():
            copy = scratch / name
            copy.mkdir()
            for kind, new in (("image", "image"), ("label", "mask")):
                sitk.WriteImage(sitk.ReadImage(str(real / f"{name}_{kind}.nrrd")), str(copy / f"{new}.mha"))
            native(scratch, name, copy)


SECTIONS = {"radiomics": radiomics_section, "deep": deep_section, "kinetics": kinetics_section}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="the folder of PyRadiomics' breast1 and brain1")
    parser.add_argument("--only", choices=SECTIONS, help="one section instead of all")
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        way, folder, parameters = arguments.memory
        with tempfile.TemporaryDirectory() as scratch:
            print_memory(way, Path(folder), Path(parameters), Path(scratch))
        return
    for name, section in SECTIONS.items():
        if arguments.only in (None, name):
            section(arguments.real)


if __name__ == "__main__":
    main()

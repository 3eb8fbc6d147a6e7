"""Measure reading, registration and seed growing: python benchmarks/images.py [--real FOLDER].

Prints the tables of docs/images.md. Reading is set against a bare pydicom loop over the same files in the same run.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from radiogenomics import images, lesions
from tests.helpers.imaging_phantoms import breast, write

SHAPE = (60, 256, 256)
REPEATS = 9
MOTIONS = [((3.0, -2.5, 3.0), (3.0, -2.0, 2.5)), ((5.0, 0.0, 0.0), (0.0, 5.0, 0.0)), ((-2.0, 4.0, -2.0), (-4.0, 1.0, 2.0))]


def dynamic(folder: Path) -> images.Phases:
    return images.read_phases(images.dynamic_series(images.find_series(folder)), pre_contrast=1)


def bare(folder: Path) -> list[np.ndarray]:
    return [pydicom.dcmread(path).pixel_array for path in sorted(folder.iterdir())]


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def reading(folder: Path, name: str) -> None:
    """Alternate both readers, so that a busy machine slows both alike; the middle of the ratios counts."""
    dynamic(folder), bare(folder)
    pairs = [(seconds(bare, folder), seconds(dynamic, folder)) for _ in range(REPEATS)]
    loop, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    volume, peak = memory(folder)
    print(f"| {name} | {1000 * loop:.0f} | {1000 * ours:.0f} | {ratio:.2f} | {volume:.0f} | {peak:.0f} | {peak / volume:.2f} |")


def memory(folder: Path) -> tuple[float, float]:
    """Give the size of the volumes and the growth of the peak while reading them, in MiB, in a fresh process (Linux)."""
    command = [sys.executable, __file__, "--memory", str(folder)]
    volume, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(volume), float(peak)


def print_memory(folder: Path) -> None:
    pydicom.dcmread(next(folder.iterdir())).pixel_array  # noqa: B018 - loads the decoders
    sitk.GetImageFromArray(np.zeros((2, 2, 2)))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    phases = dynamic(folder)
    size = sum(sitk.GetArrayViewFromImage(image).nbytes for image in phases.images.values())
    print(size / 2**20, status("VmHWM") - before)


def status(name: str) -> float:
    """Read this process's memory in MiB: VmRSS now, VmHWM at its peak."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def registration(shape: tuple[int, int, int]) -> None:
    phases, _ = breast(shape, noise=15)
    fixed, post = phases[:2]
    for shift, turn in MOTIONS:
        motion = sitk.Euler3DTransform()
        motion.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in fixed.GetSize()]))
        motion.SetTranslation(shift)
        motion.SetRotation(*np.deg2rad(turn))
        moving = sitk.Resample(post, post, motion.GetInverse(), sitk.sitkLinear, 0.0)
        for metric in ("mutual information", "correlation"):
            start = time.process_time()  # a busy machine stretches the wall clock
            found = images.register(moving, fixed, metric=metric)
            spent = time.process_time() - start
            off = np.abs(np.array(found.GetTranslation()) - shift).max()
            angle = np.abs(np.rad2deg([found.GetAngleX(), found.GetAngleY(), found.GetAngleZ()]) - turn).max()
            print(
                f"| {shape[2]} x {shape[1]} x {shape[0]} | {shift} | {turn} | {metric} | {spent:.1f} | {off:.3f} | {angle:.3f} |"
            )


def growing() -> None:
    for noise in (0, 10, 20, 40, 60, 80, 120):
        scores: dict[str, list[float]] = {"seed": [], "box": []}
        for seed in range(5):
            phases, truth = breast((40, 96, 104), noise=noise, seed=seed)
            enhancement = images.percent_enhancement(phases[1], phases[0], background=60)
            options = {"fraction": 0.5, "smoothing_mm": 0.8}
            grown = lesions.grow_from_seed(enhancement, seed=(57, 43, 20), radius_mm=15, **options)
            boxed = lesions.grow_in_box(enhancement, box=[(45, 69), (32, 54), (14, 26)], **options)
            scores["seed"].append(lesions.dice(grown.mask, truth))
            scores["box"].append(lesions.dice(boxed.mask, truth))
        cells = " | ".join(f"{np.mean(score):.3f} ({min(score):.3f})" for score in scores.values())
        print(f"| {noise} | {456 / noise if noise else float('inf'):.1f} | {cells} |")


def heading(*titles: str) -> None:
    print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="a folder with one dynamic series, such as UCSF-BR-06/image_dce_3dfgre_orig")
    parser.add_argument("--memory", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        print_memory(arguments.memory)
        return
    heading("series", "bare loop, ms", "read_phases, ms", "ratio", "volumes, MiB", "peak growth, MiB", "peak / volumes")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write(breast(SHAPE)[0], folder)
        reading(folder, "phantom, 3 x 60 slices of 256 x 256")
    if arguments.real:
        reading(arguments.real, arguments.real.parent.name)
    heading("voxels", "shift, mm", "turn, degrees", "metric", "CPU s", "largest error, mm", "largest error, degrees")
    for shape in ((60, 128, 128), SHAPE):
        registration(shape)
    heading("noise", "contrast to noise", "Dice from a seed (lowest of 5)", "Dice in a box (lowest of 5)")
    growing()


if __name__ == "__main__":
    main()

"""Commands that need no study: extract, features and keys."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from radiogenomics._errors import InputError
from radiogenomics.cli.shell import Jobs, Quiet, Scheduler, TableHelp, Verbose, app, log, say, shown_progress

Series = Annotated[int | None, typer.Option("--series", help="Number of the dynamic series, if the examination has several.")]
Segment = Annotated[str | None, typer.Option("--segment", help="Segment, structure or label of the mask to use.")]
Several = Annotated[
    Literal["largest", "union", "each"],
    typer.Option("--lesions", help="Which lesion to measure if there are several; `each` gives one row per lesion."),
]
Register = Annotated[bool, typer.Option("--register", help="Register the phases to the pre-contrast phase first.")]
Resample = Annotated[bool, typer.Option("--resample", help="Resample masks that are on a different grid.")]
Background = Annotated[
    float | None,
    typer.Option("--background", help="Signal below which a voxel is air. Default: estimated from the image."),
]
Content = Annotated[str | None, typer.Option("--content", help="Image type to use if the series has several, such as water.")]
Derived = Annotated[bool, typer.Option("--derived", help="Use the series given by --series even if its header says DERIVED.")]
PreContrast = Annotated[int, typer.Option("--pre-contrast", min=1, help="Number of phases before contrast injection.")]
Seconds = Annotated[
    str | None,
    typer.Option("--seconds", help="Time of each phase in seconds, if the files do not give it: 0,90,180."),
]
Parameters = Annotated[Path | None, typer.Option("--parameters", help="PyRadiomics parameter file, instead of the built-in one.")]
Deep = Annotated[
    list[str] | None,
    typer.Option(
        "--deep",
        help="Deep features as NETWORK=WEIGHTS. Networks: {backbones}. Weights: a name such as IMAGENET1K_V1, a file, or "
        "random. May be repeated.",
    ),
]


@app.command(cls=TableHelp)
def extract(
    folder: Annotated[Path, typer.Argument(help="Folder (or zip) of one patient, with DICOM files or one volume per phase.")],
    out: Annotated[Path, typer.Option("--out", help="Output folder.")],
    mask: Annotated[Path | None, typer.Option("--mask", help="Lesion mask: {mask_kinds}.")] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", help="Voxel x,y,z inside the lesion (from 0), from which the lesion is grown.")
    ] = None,
    box: Annotated[
        str | None,
        typer.Option("--box", help="Box x0:x1,y0:y1,z0:z1 around the lesion (voxels from 0) to grow it in."),
    ] = None,
    patient: Annotated[str | None, typer.Option("--patient", help="PatientID, if the folder holds several patients.")] = None,
    series: Series = None,
    segment: Segment = None,
    lesions: Several = "largest",
    register: Register = False,
    resample: Resample = False,
    background: Background = None,
    content: Content = None,
    derived: Derived = False,
    pre_contrast: PreContrast = 1,
    seconds: Seconds = None,
    radius: Annotated[float, typer.Option("--radius", help="Maximum distance from the seed, in mm.")] = 40.0,
    fraction: Annotated[
        float, typer.Option("--fraction", help="Growth threshold, from background signal (0) to lesion signal (1).")
    ] = 0.5,
    leak: Annotated[
        Literal["shrink", "refuse"], typer.Option("--leak", help="What to do with a lesion that grows to the radius.")
    ] = "shrink",
    parameters: Parameters = None,
    deep: Deep = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Process the images of one patient: phases, enhancement maps, lesion, zones, features, tables and figures."""
    from radiogenomics import study

    log(quiet, verbose)
    made = study.extract_patient(
        folder,
        mask=mask,
        seed=_voxel(seed) if seed is not None else None,
        box=_box(box) if box is not None else None,
        out=out,
        patient=patient,
        series=series,
        segment=segment,
        lesions=lesions,
        register=register,
        resample=resample,
        parameters=parameters,
        deep=_pairs(deep or []),
        background=background,
        content=content,
        derived=derived,
        pre_contrast=pre_contrast,
        seconds=_numbers(seconds),
        radius_mm=radius,
        fraction=fraction,
        leak=leak,
    )
    counts = ", ".join(f"{table.shape[1]:,} {name.removeprefix('features_')}" for name, table in made.features.items())
    for lesion in made.tables["lesion"].to_dict("records"):
        which = f"lesion {lesion['lesion']}" if "lesion" in lesion else "lesion"
        say(quiet, f"{made.patient}: {which} of {lesion['volume_mm3']:,.0f} mm3, {lesion['largest_diameter_mm']:.1f} mm across")
    say(quiet, f"{made.patient}: {len(made.phases.images)} phases; features: {counts}; {len(made.files)} files in {out}")


@app.command(cls=TableHelp)
def features(
    folder: Annotated[Path, typer.Argument(help="Folder with one subfolder per patient (DICOM, or one volume per phase).")],
    masks: Annotated[
        Path, typer.Option("--masks", help="Folder with one mask per patient, named after the patient: {mask_kinds}.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Output folder. Run the same command again to resume.")],
    series: Series = None,
    segment: Segment = None,
    lesions: Several = "largest",
    register: Register = False,
    resample: Resample = False,
    background: Background = None,
    content: Content = None,
    derived: Derived = False,
    pre_contrast: PreContrast = 1,
    seconds: Seconds = None,
    parameters: Parameters = None,
    deep: Deep = None,
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="Also measure images with shuffled voxels, as a baseline.")
    ] = False,
    n_jobs: Jobs = -1,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Extract features for a folder of patients, without running a study."""
    from radiogenomics import study

    log(quiet, verbose)
    with shown_progress(quiet) as progress:
        made = study.measure_folder(
            folder,
            masks=masks,
            out=out,
            series=series,
            segment=segment,
            lesions=lesions,
            register_phases=register,
            resample_masks=resample,
            background=background,
            content=content,
            derived=derived,
            pre_contrast=pre_contrast,
            seconds=_numbers(seconds),
            parameters=parameters,
            deep=_pairs(deep or []),
            shuffled=shuffled,
            n_jobs=n_jobs,
            scheduler=scheduler,
            progress=lambda done, total, name: progress(done, total, f"images: {name}"),
        )
    for row in made.tables["left_out"].to_dict("records"):
        say(quiet, f"{row['patient']}: left out: {row['reason']}")
    for name, table in made.tables.items():
        if name.startswith("features_"):
            say(quiet, f"{name}: {len(table)} rows, {table.shape[1]:,} columns")
    say(quiet, f"{len(made.files)} files written to {out}")


@app.command()
def keys(
    word: Annotated[str, typer.Argument(help="Word to search for, such as volume. Default: all keys.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the full reference in Markdown.")] = False,
) -> None:
    """Explain the manifest keys: type, default, meaning, example."""
    from radiogenomics.study.manifest import reference

    if markdown:
        typer.echo(reference.as_markdown(), nl=False)
    else:
        typer.echo(reference.as_text(reference.keys_about(word) if word else reference.every_key()))


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        network, _, weights = text.partition("=")
        if not weights:
            raise InputError(f"--deep is {text!r}; give NETWORK=WEIGHTS, such as googlenet=IMAGENET1K_V1 or googlenet=random.")
        if network in pairs:
            raise InputError(f"--deep names {network} twice, with {pairs[network]} and {weights}; give one.")
        pairs[network] = weights
    return pairs


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?(,\d+(\.\d+)?)+", text):
        raise InputError(f"--seconds is {text!r}; give one number per phase, separated by commas: 0,90,180.")
    return [float(part) for part in text.split(",")]


def _voxel(text: str) -> list[int]:
    if not re.fullmatch(r"\d+,\d+,\d+", text):
        raise InputError(f"--seed is {text!r}; give three whole numbers x,y,z, counted from 0: columns, rows, slices.")
    return [int(part) for part in text.split(",")]


def _box(text: str) -> list[tuple[int, int]]:
    if not re.fullmatch(r"\d+:\d+,\d+:\d+,\d+:\d+", text):
        raise InputError(f"--box is {text!r}; give x0:x1,y0:y1,z0:z1, whole numbers counted from 0: columns, rows, slices.")
    ranges = [part.split(":") for part in text.split(",")]
    return [(int(first), int(last)) for first, last in ranges]

"""Commands that need no study: extract and keys."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from radiogenomics._errors import InputError
from radiogenomics.cli.shell import Quiet, TableHelp, Verbose, app, log, say


@app.command(cls=TableHelp)
def extract(
    folder: Annotated[Path, typer.Argument(help="One patient's DICOM folder, or a zip of it.")],
    out: Annotated[Path, typer.Option("--out", help="Where images, tables and figures go.")],
    mask: Annotated[Path | None, typer.Option("--mask", help="The lesion, one of {mask_kinds}.")] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", help="A voxel x,y,z inside the lesion, counted from 0; it is grown there.")
    ] = None,
    box: Annotated[
        str | None, typer.Option("--box", help="Voxels x0:x1,y0:y1,z0:z1 around the lesion, counted from 0; it is grown inside.")
    ] = None,
    series: Annotated[
        int | None, typer.Option("--series", help="Number of the dynamic series, where the folder holds several.")
    ] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="Which segment, structure or label of the mask.")] = None,
    register: Annotated[bool, typer.Option("--register", help="Align the phases with the pre-contrast one first.")] = False,
    resample: Annotated[bool, typer.Option("--resample", help="Allow a mask on another grid to be resampled.")] = False,
    background: Annotated[
        float | None, typer.Option("--background", help="Signal below which a voxel is air; found in the image when left out.")
    ] = None,
    content: Annotated[
        str | None,
        typer.Option("--content", help="Which images of the series, where it holds several kinds: water, ..."),
    ] = None,
    derived: Annotated[
        bool, typer.Option("--derived", help="Take the series that --series names although it calls itself derived.")
    ] = False,
    radius: Annotated[float, typer.Option("--radius", help="How far from the seed a lesion is grown, in mm.")] = 40.0,
    fraction: Annotated[
        float, typer.Option("--fraction", help="Threshold of growth, between the background (0) and the lesion's level (1).")
    ] = 0.5,
    leak: Annotated[
        Literal["shrink", "refuse"], typer.Option("--leak", help="What becomes of a lesion that reaches the radius.")
    ] = "shrink",
    parameters: Annotated[
        Path | None, typer.Option("--parameters", help="A PyRadiomics parameter file in the place of the package's own.")
    ] = None,
    deep: Annotated[
        list[str] | None,
        typer.Option(
            "--deep",
            help="NETWORK=WEIGHTS; networks are {backbones}, weights a name such as IMAGENET1K_V1, a local file, or random; "
            "may be repeated.",
        ),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take one patient from a DICOM folder to phases, maps, lesion, zones, features, tables and figures."""
    from radiogenomics import study

    log(quiet, verbose)
    made = study.extract_patient(
        folder,
        mask=mask,
        seed=_voxel(seed) if seed is not None else None,
        box=_box(box) if box is not None else None,
        out=out,
        series=series,
        segment=segment,
        register=register,
        resample=resample,
        parameters=parameters,
        deep=_pairs(deep or []),
        background=background,
        content=content,
        derived=derived,
        radius_mm=radius,
        fraction=fraction,
        leak=leak,
    )
    counts = ", ".join(f"{table.shape[1]:,} {name.removeprefix('features_')}" for name, table in made.features.items())
    lesion = made.tables["lesion"].iloc[0]
    say(quiet, f"{made.patient}: lesion of {lesion['volume_mm3']:,.0f} mm3, {lesion['largest_diameter_mm']:.1f} mm across")
    say(quiet, f"{made.patient}: {len(made.phases.images)} phases; features: {counts}; {len(made.files)} files in {out}")


@app.command()
def keys(
    word: Annotated[str, typer.Argument(help="A word, such as volume; every key when left out.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Write the whole reference, docs/manifest.md.")] = False,
) -> None:
    """Explain the keys of a manifest: type, default, meaning and an example of each, all or those about a word."""
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


def _voxel(text: str) -> list[int]:
    if not re.fullmatch(r"\d+,\d+,\d+", text):
        raise InputError(f"--seed is {text!r}; give three whole numbers x,y,z, counted from 0: columns, rows, slices.")
    return [int(part) for part in text.split(",")]


def _box(text: str) -> list[tuple[int, int]]:
    if not re.fullmatch(r"\d+:\d+,\d+:\d+,\d+:\d+", text):
        raise InputError(f"--box is {text!r}; give x0:x1,y0:y1,z0:z1, whole numbers counted from 0: columns, rows, slices.")
    ranges = [part.split(":") for part in text.split(",")]
    return [(int(first), int(last)) for first, last in ranges]

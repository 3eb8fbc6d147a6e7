"""What killed processes leave behind changes no study: hidden files in its inputs, and links among its parts."""

import pytest
import tomli_w

from radiogenomics import simulate, study
from radiogenomics._errors import InputError
from radiogenomics.study.engine.store import claim
from tests.helpers.table_study import MOLECULAR, source, write_simulated

COHORTS = {
    "training": {
        "images": "images_training",
        "masks": {"reader": "masks_training", "second_reader": "second_reader"},
        "clinical": "clinical_training",
    },
    "external": {
        "external": {"images": "images_external", "masks": {"reader": "masks_external"}, "clinical": "clinical_external"}
    },
    "extraction": {},
    "seed": 5,
}


@pytest.fixture
def manifest(tmp_path):
    """A manifest with folders of images and masks, whose files nobody reads here."""
    made = simulate.simulate(n_training=12, n_external=12, random_state=5)
    sources = write_simulated(made, tmp_path)
    places = {
        "second_reader": "again",
        **{f"{what}_{name}": f"{name}/{what}" for what in ("images", "masks") for name in made.lesions},
    }
    for name, place in places.items():
        folder = tmp_path / place / "P1" if name.startswith("images") else tmp_path / place
        folder.mkdir(parents=True)
        (folder / ("1-001.dcm" if name.startswith("images") else "P1.nii.gz")).write_text(name)
        sources[name] = source(tmp_path, place)
    (tmp_path / "demo.toml").write_text(tomli_w.dumps(MOLECULAR | COHORTS | {"sources": sources}))
    return tmp_path / "demo.toml"


def test_what_killed_writers_leave_in_a_folder_enters_no_hash(manifest):
    before = study.gather(manifest)
    for rest in ("training/images/P1/.1-002.dcm", "training/masks/.P2.nii-abcd_123.gz", "training/masks/.P2.nii-abcd_123.nii.gz"):
        (manifest.parent / rest).write_text("half of it")
    after = study.gather(manifest)
    assert (after.hashes, after.listings) == (before.hashes, before.listings)
    assert after.masks("training", "reader") == before.masks("training", "reader")
    (manifest.parent / "training/images/P1/1-002.dcm").write_text("a slice")
    assert study.gather(manifest).hashes["images_training"] != before.hashes["images_training"]


@pytest.mark.parametrize("part", ["kept", "kept/features", "work", "work/signatures-0123456789abcdef"])
def test_a_study_keeps_nothing_through_a_link(tmp_path, part):
    folder, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    elsewhere.mkdir()
    claim(folder, "the study's folder")
    (folder / part).parent.mkdir(exist_ok=True)
    (folder / part).symlink_to(elsewhere)
    with pytest.raises(InputError, match=r"is a link to .*elsewhere; a study writes only into its own folder"):
        claim(folder, "the study's folder")

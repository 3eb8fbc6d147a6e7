"""Kinds of image are no phases, weaker evidence never overrules stronger, and no clock is believed across hours."""

import numpy as np
import pydicom
import pytest

from radiogenomics import images
from tests.helpers.imaging_phantoms import array, noise_volume, write

COUNT = 3  # slices of one volume
SHAPE = (COUNT, 4, 5)


def three(offset=0):
    return [noise_volume(SHAPE, seed=offset + seed) for seed in range(3)]


def reread(folder, **choice):
    return images.read_phases(images.dynamic_series(images.find_series(folder), **choice), pre_contrast=1)


def change(paths, values):
    """Set tags of files; `values(number)` gives those of one file."""
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        for keyword, value in values(number).items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)
        dataset.save_as(path)


def mixed(folder, kinds, *, evidence="TemporalPositionIdentifier"):
    """Write three phases of each kind into one series, kind after kind within each phase -> the volumes by kind."""
    volumes = {}
    for which, tags in enumerate(kinds):
        volumes[which] = three(10 * which)
        paths = write(volumes[which], folder / f"{which}", timing=evidence, tags=tags)
        for path in paths:
            dataset = pydicom.dcmread(path)
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{which}.{dataset.InstanceNumber}"
            phase, place = divmod(int(dataset.InstanceNumber) - 1, COUNT)
            dataset.InstanceNumber = (phase * len(kinds) + which) * COUNT + place + 1
            dataset.ContentTime = f"09{dataset.InstanceNumber // 60:02d}{dataset.InstanceNumber % 60:02d}"
            dataset.save_as(path)
    return volumes


def types(*words):
    return {"ImageType": ["ORIGINAL", "PRIMARY", *words]}


@pytest.mark.parametrize(
    "other",
    [
        types("P", "ND"),
        types("P_FFE", "P", "FFE"),
        types("PHASE MAP", "P", "FFE"),
        types("R_SE", "R", "SE"),
        types("VELOCITY MAP", "P", "PCA"),
        types("I", "NORM"),
        {"ComplexImageComponent": "PHASE"},
        {"ComplexImageComponent": "IMAGINARY"},
    ],
    ids=str,
)
@pytest.mark.parametrize("evidence", ["TemporalPositionIdentifier", "none"])
def test_magnitude_alone_is_dynamic(tmp_path, other, evidence):
    volumes = mixed(tmp_path, [types("M", "NORM"), other], evidence=evidence)
    phases = reread(tmp_path)
    assert len(phases.images) == 3
    for image, truth in zip(phases.images.values(), volumes[0], strict=True):
        np.testing.assert_array_equal(array(image), array(truth))


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        ([types("W", "FFE"), types("F", "FFE")], ("water", "fat")),
        ([types("DIXON", "IN_PHASE"), types("DIXON", "OPP_PHASE")], ("in phase", "out of phase")),
        ([types("IP", "IP"), types("OP", "OP"), types("W"), types("F")], ("in phase", "out of phase", "water", "fat")),
        ([{"EchoTime": "1.15"}, {"EchoTime": "2.3"}], ("echo time 1.15 ms", "echo time 2.3 ms")),
        ([{"FlipAngle": "2"}, {"FlipAngle": "15"}], ("flip angle 2°", "flip angle 15°")),
        ([{"InversionTime": "150"}, {"InversionTime": "900"}], ("inversion time 150 ms", "inversion time 900 ms")),
    ],
    ids=str,
)
@pytest.mark.parametrize("evidence", ["TemporalPositionIdentifier", "none"])
def test_tissues_and_echoes_are_a_question(tmp_path, caplog, kinds, names, evidence):
    volumes = mixed(tmp_path, kinds, evidence=evidence)
    assert set(images.series_table(images.find_series(tmp_path))["content"]) == set(names)
    assert "holds several kinds of image and was split" in caplog.text
    with pytest.raises(ValueError, match=rf"^{len(names)} dynamic series are here: .* Choose one by content \('"):
        reread(tmp_path)
    for which, name in enumerate(names):
        for image, truth in zip(reread(tmp_path, content=name).images.values(), volumes[which], strict=True):
            np.testing.assert_array_equal(array(image), array(truth))
    with pytest.raises(ValueError, match=r"^Content 'silicone' is not part of a dynamic series; the series are "):
        reread(tmp_path, content="silicone")


@pytest.mark.parametrize(
    ("left", "right", "names"),
    [
        ("WATER: Ax Vibrant", "FAT: Ax Vibrant", ("fat", "water")),
        ("InPhase: Ax Vibrant", "OutPhase: Ax Vibrant", ("in phase", "out of phase")),
        ("t1_dixon_tra_dyn_W", "t1_dixon_tra_dyn_opp", ("out of phase", "water")),
    ],
)
def test_series_of_other_tissue_are_told_by_their_names(tmp_path, left, right, names):
    for phase, image in enumerate(three()):
        for which, name in enumerate([left, right]):
            tags = {"SeriesNumber": str(2 * phase + which), "SeriesDescription": name}
            write([image], tmp_path / f"{phase}{which}", seconds=[60.0 * phase], timing="AcquisitionTime", tags=tags)
    with pytest.raises(ValueError, match=r"^2 dynamic series are here: .* Choose one by content "):
        reread(tmp_path)
    assert tuple(sorted(set(images.series_table(images.find_series(tmp_path))["content"]))) == names
    assert reread(tmp_path, content=names[0]).table["seconds"].tolist() == [0, 60, 120]


@pytest.mark.parametrize("raw", [1, 2, 3])
def test_the_raw_data_type_of_ge_tells_magnitude(tmp_path, raw):
    volumes = mixed(tmp_path, [{}, {}])
    for which, value in ((0, 0), (1, raw)):
        for path in (tmp_path / f"{which}").iterdir():
            dataset = pydicom.dcmread(path)
            dataset.add_new(0x00430010, "LO", "GEMS_PARM_01")
            dataset.add_new(0x0043102F, "SS", value)
            dataset.save_as(path)
    phases = reread(tmp_path)
    np.testing.assert_array_equal(array(phases.last), array(volumes[0][2]))


@pytest.mark.parametrize("evidence", ["TemporalPositionIdentifier", "AcquisitionTime"])
def test_kinds_that_no_tag_names_are_refused(tmp_path, evidence):
    """Two images of each position and time: InstanceNumber orders six, but three are the times."""
    mixed(tmp_path, [{}, {}], evidence=evidence)
    message = (
        rf"{evidence} tells 3 times apart, but each position is there 6 times: several kinds of image are mixed in one series"
    )
    with pytest.raises(ValueError, match=message):
        reread(tmp_path)


def test_types_that_only_the_order_of_files_tells_apart_are_refused(tmp_path):
    mixed(tmp_path, [types("ND"), types("ND", "NORM")], evidence="none")
    with pytest.raises(ValueError, match=r"mixes images of ImageType .*NORM at one position, and only ContentTime orders them"):
        reread(tmp_path)


def test_types_that_change_with_time_are_phases(tmp_path):
    paths = write(three(), tmp_path, timing="TemporalPositionIdentifier")
    change(paths[:COUNT], lambda _: types("NATIVE"))
    np.testing.assert_array_equal(array(reread(tmp_path).last), array(three()[2]))


def test_series_in_pairs_of_one_time_are_refused(tmp_path):
    for number in range(6):
        tags = {"SeriesNumber": str(number), "SeriesDescription": f"dyn {number}"}
        image = noise_volume(SHAPE, seed=number)
        write([image], tmp_path / str(number), seconds=[60.0 * (number // 2)], timing="AcquisitionTime", tags=tags)
    with pytest.raises(ValueError, match=r"AcquisitionTime tells 3 times apart, but these are 6 series: several kinds of image"):
        reread(tmp_path)


def test_one_time_of_all_later_phases_is_refined_by_weaker_evidence(tmp_path):
    """One run before contrast and one with three phases after it: two times for four phases is no mixture."""
    truth = [*three(), noise_volume(SHAPE, seed=3)]
    paths = write(truth, tmp_path, timing="ContentTime")
    change(paths, lambda number: {"AcquisitionTime": "090000" if number < COUNT else "090130"})
    phases = reread(tmp_path)
    assert phases.table["evidence"][0] == "ContentTime: 4 values, each position once"
    np.testing.assert_array_equal(array(phases.last), array(truth[3]))
    change(paths, lambda number: {"AcquisitionTime": "093000" if number < COUNT else "090130"})
    with pytest.raises(ValueError, match=r"by ContentTime contradicts AcquisitionTime, which is better evidence"):
        reread(tmp_path)


def test_a_temporal_position_that_some_images_lack_is_refused(tmp_path):
    paths = write(three(), tmp_path, timing=["TemporalPositionIdentifier", "AcquisitionTime"])
    change(paths[2:8], lambda _: {"TemporalPositionIdentifier": None})
    with pytest.raises(ValueError, match=r"6 of 9 images lack the TemporalPositionIdentifier that tells the phases"):
        reread(tmp_path)


def test_diffusion_weightings_are_no_phases(tmp_path):
    paths = write(three(), tmp_path, timing="AcquisitionTime")
    change(paths, lambda number: {"DiffusionBValue": float(400 * (number // COUNT))})
    with pytest.raises(ValueError, match=r"was taken with several settings \(DiffusionBValue 0, 400, 800\)"):
        reread(tmp_path)


def times(folder, clocks, *, dates=(None, None, None), tag="AcquisitionTime", numbers=None, shared=None):
    """Write three phases in one series, each with its clock and date."""
    paths = write(three(), folder, timing="none")
    day = tag.replace("Time", "Date")

    def values(number):
        phase, place = divmod(number, COUNT)
        order = numbers[phase] * COUNT + place if numbers else number
        return {"ContentTime": None, "ContentDate": None, **(shared or {}), tag: clocks[phase], day: dates[phase],
                "InstanceNumber": order}  # fmt: skip

    change(paths, values)


@pytest.mark.parametrize("tag", ["AcquisitionTime", "ContentTime"])
@pytest.mark.parametrize(
    "dates",
    [("20210302", "20210303", "20210303"), (None,) * 3, ("19600101",) * 3, ("", "20210303", "")],
    ids=str,
)
def test_midnight_is_no_new_beginning(tmp_path, caplog, tag, dates):
    times(tmp_path, ("235910", "000040.5", "000210"), dates=dates, tag=tag)
    phases = reread(tmp_path)
    assert phases.table["seconds"].tolist() == [0, 90.5, 180]
    np.testing.assert_array_equal(array(phases.pre), array(three()[0]))
    assert ("runs across midnight without dates" in caplog.text) == (dates[0] != "20210302")


@pytest.mark.parametrize("dates", [("20210302", "20210302", "20210303"), (None,) * 3], ids=str)
def test_midnight_between_series(tmp_path, dates):
    for number, (image, clock) in enumerate(zip(three(), ("235800", "235930", "000100"), strict=True)):
        paths = write([image], tmp_path / f"{number}", timing="none", tags={"SeriesNumber": str(9 - number)})
        values = {"AcquisitionTime": clock, "AcquisitionDate": dates[number], "SeriesInstanceUID": f"1.2.{number}",
                  "ContentTime": None}  # fmt: skip
        change(paths, lambda place, values=values, number=number: {**values, "SOPInstanceUID": f"1.2.{number}.{place}"})
    phases = reread(tmp_path)
    assert phases.table["seconds"].tolist() == [0, 90, 180]
    assert phases.table["series"].tolist() == ["9", "8", "7"]


@pytest.mark.parametrize(
    ("clocks", "dates"),
    [
        (("090000", "140000", "140130"), (None,) * 3),
        (("090000", "090130", "110500"), ("20210302",) * 3),
        (("090000", "090130", "090300"), ("20210302", "20210303", "20210303")),
        (("010000", "090000", "170000"), (None,) * 3),
    ],
    ids=str,
)
def test_hours_between_phases_are_never_believed(tmp_path, clocks, dates):
    times(tmp_path, clocks, dates=dates)
    with pytest.raises(ValueError, match=r"AcquisitionTime puts \d+\.\d hours between phases"):
        reread(tmp_path)


def test_a_clock_that_is_not_believed_gives_no_seconds(tmp_path, caplog):
    """Better evidence tells the phases; the clock would make 5 hours of them."""
    times(tmp_path, ("090000", "140000", "140130"))
    change(sorted(tmp_path.iterdir()), lambda number: {"TemporalPositionIdentifier": number // COUNT + 1})
    phases = reread(tmp_path)
    assert phases.table["seconds"].isna().all()
    assert phases.table["seconds_from"].unique().tolist() == ["unknown"]
    assert "puts 5.0 hours between two phases; it is not used" in caplog.text


@pytest.mark.parametrize("tag", ["AcquisitionTime", "ContentTime"])
def test_a_clock_against_the_order_of_the_files_is_refused(tmp_path, tag):
    times(tmp_path, ("090000", "090130", "090300"), tag=tag, numbers=(2, 0, 1))
    with pytest.raises(ValueError, match=rf"by {tag} contradicts their order by InstanceNumber at every position"):
        reread(tmp_path)


def test_files_numbered_in_no_order_do_not_doubt_a_clock(tmp_path):
    times(tmp_path, ("090000", "090130", "090300"))
    order = np.random.default_rng(5).permutation(3 * COUNT) + 1
    change(sorted(tmp_path.iterdir()), lambda number: {"InstanceNumber": int(order[number])})
    assert reread(tmp_path).table["seconds"].tolist() == [0, 90, 180]


def test_a_processed_dynamic_series_is_taken_by_its_number(tmp_path):
    write(three(), tmp_path, tags={"SeriesNumber": "7", "ImageType": ["DERIVED", "PRIMARY", "M", "MOCO"]})
    with pytest.raises(
        ValueError, match=r"the series are 7 \(derived map\); a derived one needs `derived` \(--derived, extraction\.derived\)\.$"
    ):
        reread(tmp_path, number=7)
    with pytest.raises(ValueError, match=r"^`derived` needs `number`"):
        reread(tmp_path, derived=True)
    with pytest.raises(
        ValueError, match=r"or choose the derived series 7 if it is .* \(--series 7 --derived, or extraction\.series"
    ):
        reread(tmp_path)
    np.testing.assert_array_equal(array(reread(tmp_path, number=7, derived=True).last), array(three()[2]))


def test_patients_in_one_folder_are_named(tmp_path):
    for patient in ("ANNA", "BERTA"):
        write(three(), tmp_path / patient, patient=patient)
    with pytest.raises(
        ValueError, match=r"^2 dynamic series of 2 patients \('ANNA', 'BERTA'\) are here: .*folder of one patient"
    ):
        reread(tmp_path)


def enhanced(path, frames, *, groups=None, **tags):
    """Write an Enhanced MR file; `frames` holds pixels, z and the functional groups of each frame."""
    scratch = path.parent / "scratch"
    (source,) = write([noise_volume((1, 5, 6))], scratch, timing="none")
    dataset = pydicom.dcmread(source)
    source.unlink()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    shared, own = pydicom.Dataset(), []
    shared.PlaneOrientationSequence = [_group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    shared.PixelMeasuresSequence = [_group(PixelSpacing=[1.0, 1.0], SliceThickness=2.0)]
    for pixels, z, extra in frames:
        frame = pydicom.Dataset()
        frame.PlanePositionSequence = [_group(ImagePositionPatient=[0.0, 0.0, z])]
        for sequence, values in extra.items():
            setattr(frame, sequence, [_group(**values)])
        own.append((frame, pixels))
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [frame for frame, _ in own][:groups]
    dataset.NumberOfFrames = len(own)
    dataset.PixelData = b"".join(pixels.astype("<i2").tobytes() for _, pixels in own)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "ImageType", "ContentTime"):
        del dataset[keyword]
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def _group(**values):
    dataset = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def frames_of(kinds, *, position=True):
    """List the frames of three phases of each kind, kinds within phases."""
    for phase in range(3):
        for which, extra in enumerate(kinds):
            for z in range(4):
                content = {"TemporalPositionIndex": phase + 1} if position else {"FrameAcquisitionNumber": 1}
                yield np.full((5, 6), 100 * (phase + 1) + 1000 * which + z), 2.0 * z, {"FrameContentSequence": content, **extra}


def frame_type(component, word="M"):
    return {"MRImageFrameTypeSequence": {"FrameType": ["ORIGINAL", "PRIMARY", word, "NONE"], "ComplexImageComponent": component}}


def test_components_mixed_in_a_multi_frame_file(tmp_path):
    kinds = [frame_type("MAGNITUDE"), frame_type("PHASE")]
    enhanced(tmp_path / "a.dcm", frames_of(kinds), ComplexImageComponent="MIXED", ImageType=["ORIGINAL", "PRIMARY", "M", "MIXED"])
    assert [image[0, 0, 0] for image in reread(tmp_path).images.values()] == [100, 200, 300]


def test_tissues_and_echoes_mixed_in_a_multi_frame_file(tmp_path):
    kinds = [frame_type("MAGNITUDE", "WATER"), frame_type("MAGNITUDE", "FAT")]
    enhanced(tmp_path / "a" / "a.dcm", frames_of(kinds))
    assert [image[0, 0, 0] for image in reread(tmp_path / "a", content="fat").images.values()] == [1100, 1200, 1300]
    kinds = [{"MREchoSequence": {"EffectiveEchoTime": time}} for time in (1.2, 2.4)]
    enhanced(tmp_path / "b" / "b.dcm", frames_of(kinds))
    with pytest.raises(ValueError, match=r"Choose one by content \('echo time 1\.2 ms', 'echo time 2\.4 ms'\)"):
        reread(tmp_path / "b")


def test_a_multi_frame_file_that_does_not_say_which_component_is_no_dynamic_series(tmp_path):
    enhanced(tmp_path / "a.dcm", frames_of([{}, {}]), ComplexImageComponent="MIXED")
    with pytest.raises(ValueError, match=r"^No dynamic series is here .* differ in mixed components"):
        reread(tmp_path)


def test_frames_without_a_group_are_refused(tmp_path):
    enhanced(tmp_path / "a.dcm", frames_of([{}]), groups=11)
    with pytest.raises(ValueError, match=r"a\.dcm says that it holds 12 frames \(NumberOfFrames\) and describes 11 of them"):
        images.find_series(tmp_path)


def test_enhanced_files_of_one_frame_are_slices(tmp_path):
    for number, (pixels, z, extra) in enumerate(frames_of([{}])):
        enhanced(tmp_path / f"{number}.dcm", [(pixels, z, extra)], SOPInstanceUID=f"1.2.3.{number}")
    phases = reread(tmp_path)
    assert [image[0, 0, 3] for image in phases.images.values()] == [103, 203, 303]
    assert phases.pre.GetSize() == (6, 5, 4)

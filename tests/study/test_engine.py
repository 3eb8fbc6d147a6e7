"""How steps run: what goes into each is declared, results lie whole in a study's own folder, and nothing stale is kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from pydantic import BaseModel

from radiogenomics._errors import FileError, InputError, RunError
from radiogenomics.study.engine.code import code_of
from radiogenomics.study.engine.context import Context, UndeclaredReadError
from radiogenomics.study.engine.results import MARKER, Panel, Results
from radiogenomics.study.engine.step import Step, Tables, step
from radiogenomics.study.engine.store import Store, claim


class Toy(BaseModel):
    """A manifest of three settings."""

    factor: float = 2.0
    other: float = 1.0
    with_third: bool = True

    def doubled(self) -> float:
        return 2 * self.factor


class Sources:
    """Two sources of one number each."""

    def __init__(self, **numbers: float) -> None:
        self.numbers = numbers

    def only(self, sources, settings):
        return Sources(**{name: self.numbers[name] for name in sources})

    def identity(self, source):
        return {"sha256": str(self.numbers[source])}


def table(value: float) -> pd.DataFrame:
    return pd.DataFrame({"x": [value]}, index=pd.Index(["p"], name="patient"))


@step(makes={"first": "the first number"}, settings=("factor",), sources=lambda manifest: ["expression"])
def first(*, settings, inputs) -> Tables:
    return {"first": table(settings.factor * inputs.numbers["expression"])}


@step(settings=("other",), stored=False)
def half(first: pd.DataFrame, *, settings) -> float:
    return first["x"].iloc[0] / 2 + settings.other


@step(makes={"kind_*": "a number of a kind"})
def kinds(half: float) -> Tables:
    return {"kind_a": table(half), "kind_b": table(half + 1)}


@step(makes={"third": "the sum of all kinds"}, when=lambda manifest: manifest.with_third)
def third(kind: Tables, first: pd.DataFrame | None = None) -> Tables:
    return {"third": table(sum(one["x"].iloc[0] for one in kind.values()))}


STEPS = (first, half, kinds, third)


def run(folder: Path, *, steps=STEPS, manifest: Toy | None = None, **sources: float) -> list[str]:
    """Run the toy study -> the steps that were computed."""
    manifest = manifest or Toy()
    context = Context(manifest, Sources(**({"expression": 3.0, "unused": 1.0} | sources)))
    chosen = [one for one in steps if one.when(manifest)]
    with Store.writing(folder, chosen) as store:
        done = [one.name for one in chosen if one.stored and store.do(one, context)]
        store.finish()
    return done


def value(folder: Path, name: str) -> float:
    return Results(folder).table(name)["x"].iloc[0]


class TestSteps:
    """What goes into a step, and when it runs again."""

    def test_tables_kinds_and_values_go_in_by_their_names(self, tmp_path):
        assert run(tmp_path / "s") == ["first", "kinds", "third"]
        assert (value(tmp_path / "s", "first"), value(tmp_path / "s", "third")) == (6.0, 9.0)
        assert run(tmp_path / "s") == []

    @pytest.mark.parametrize(
        ("changes", "sources", "again"),
        [
            ({"factor": 5.0}, {}, ["first", "kinds", "third"]),
            ({"other": 5.0}, {}, ["kinds", "third"]),
            ({}, {"expression": 4.0}, ["first", "kinds", "third"]),
            ({}, {"unused": 4.0}, []),
        ],
    )
    def test_a_step_runs_again_when_what_goes_in_changes(self, tmp_path, changes, sources, again):
        run(tmp_path / "s")
        assert run(tmp_path / "s", manifest=Toy(**changes), **sources) == again

    def test_a_source_named_like_a_setting_or_a_table_hides_no_change(self, tmp_path):
        @step(makes={"one": "a number"}, settings=("factor",), sources=lambda manifest: ["factor", "one"])
        def one(*, settings, inputs):
            return {"one": table(settings.factor + inputs.numbers["factor"] + inputs.numbers["one"])}

        run(tmp_path / "s", steps=(one,), factor=1.0, one=1.0)
        assert run(tmp_path / "s", steps=(one,), factor=2.0, one=1.0) == ["one"]
        assert run(tmp_path / "s", steps=(one,), factor=2.0, one=3.0) == ["one"]
        assert value(tmp_path / "s", "one") == 7.0

    def test_a_table_that_came_out_the_same_changes_nothing_after_it(self, tmp_path):
        run(tmp_path / "s")
        assert run(tmp_path / "s", manifest=Toy(factor=3.0), expression=2.0) == ["first"]

    @pytest.mark.parametrize("read", [lambda settings, inputs: settings.other, lambda settings, inputs: settings.nothing])
    def test_an_undeclared_read_is_a_bug_that_says_so(self, tmp_path, read):
        @step(makes={"one": ""}, settings=("factor",))
        def one(*, settings, inputs):
            return {"one": table(read(settings, inputs))}

        with pytest.raises(UndeclaredReadError, match="declares only factor"):
            run(tmp_path / "s", steps=(one,))

    def test_a_method_of_the_manifest_reads_declared_settings_only(self, tmp_path):
        def make(*declared):
            @step(makes={"one": ""}, settings=declared)
            def one(*, settings):
                return {"one": table(settings.doubled())}

            return one

        run(tmp_path / "s", steps=(make("factor"),))
        assert value(tmp_path / "s", "one") == 4.0
        with pytest.raises(UndeclaredReadError, match="'factor'"):
            run(tmp_path / "t", steps=(make("other"),))

    def test_an_undeclared_table_and_a_need_that_nobody_made_are_bugs(self, tmp_path):
        @step(makes={"one": ""})
        def made(*, settings):
            return {"two": table(1)}

        with pytest.raises(RuntimeError, match="makes the table 'two', and declares only one"):
            run(tmp_path / "s", steps=(made,))
        with pytest.raises(RuntimeError, match="step kinds needs the table 'half'"):
            run(tmp_path / "t", steps=(kinds,))

    def test_a_failing_step_leaves_no_record_and_the_study_unfinished(self, tmp_path):
        @step(makes={"bad": ""})
        def bad(first: pd.DataFrame):
            raise InputError("bad")

        with pytest.raises(InputError, match="bad"):
            run(tmp_path / "s", steps=(first, bad))
        results = Results(tmp_path / "s")
        assert list(results.records()) == ["first"]
        assert not results.finished

    def test_panels_are_named_by_kind_and_subject(self, tmp_path):
        import matplotlib.pyplot as plt

        @step()
        def draw(first: pd.DataFrame):
            for subject in ("", "MAPK signaling"):
                _, axes = plt.subplots()
                yield Panel("bars", subject, axes, first, caption="Bars.")

        run(tmp_path / "s", steps=(first, draw))
        panels = Results(tmp_path / "s").panels()
        assert [(one.name, one.kind, one.subject, one.caption) for one in panels] == [
            ("bars", "bars", "", "Bars."),
            ("bars_MAPK_signaling", "bars", "MAPK signaling", "Bars."),
        ]
        assert all(one.path.is_file() and one.path.with_suffix(".svg").is_file() for one in panels)
        assert panels[1].data["x"].tolist() == [6.0]


CHANGES = {
    "modules/_kernels.py": ({"modules"}, {"cohort", "survival", "figures_survival"}),
    "study/steps/survival.py": ({"survival"}, {"modules", "links", "figures_links"}),
    "figures/genes.py": ({"figures_gene_score"}, {"gene_score", "links", "modules"}),
    "_tables.py": ({"modules", "links", "cohort", "survival"}, set()),
}
"""What a change of a file changes, and what it does not."""


class TestCode:
    """The code that makes a result is a part of its key."""

    @pytest.fixture(scope="class")
    @classmethod
    def codes(cls, tmp_path_factory):
        """The code of every step of a copy of the package: as it is (by the name ""), and after a change of each file alone."""
        import shutil

        import radiogenomics

        place = tmp_path_factory.mktemp("copy")
        shutil.copytree(Path(radiogenomics.__file__).parent, place / "radiogenomics", ignore=shutil.ignore_patterns("*.nb?"))
        code = (
            "import json, sys; from pathlib import Path; from radiogenomics.study import pipeline; "
            "from radiogenomics.study.engine import code\n"
            "def codes():\n"
            "    code._hash.cache_clear()\n"  # a comment changes no import
            "    return {s.name: code.code_of(s.function) for s in (*pipeline.STEPS, *pipeline.FIGURES)}\n"
            "found = {'': codes()}\n"
            "for name in sys.argv[1:]:\n"
            "    path = Path('radiogenomics', name); was = path.read_text()\n"
            "    path.write_text(was + '\\n# changed\\n'); found[name] = codes(); path.write_text(was)\n"
            "print(json.dumps(found))"
        )
        out = subprocess.run(
            [sys.executable, "-c", code, *CHANGES], cwd=place, capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONPATH": str(place)},
        )  # fmt: skip
        return json.loads(out.stdout)

    @pytest.mark.parametrize("file", CHANGES)
    def test_a_changed_file_changes_the_steps_that_reach_it_and_no_other(self, codes, file):
        changed, unchanged = CHANGES[file]
        different = {name for name in codes[""] if codes[""][name] != codes[file][name]}
        assert changed <= different
        assert not unchanged & different

    def test_it_does_not_depend_on_where_the_package_lies(self, codes):
        from radiogenomics.study import pipeline

        assert codes[""] == {one.name: code_of(one.function) for one in (*pipeline.STEPS, *pipeline.FIGURES)}

    def test_other_members_from_outside_are_computed_again(self, tmp_path):
        context = Context(Toy(), Sources(expression=3.0), members={"factor": "a"})
        with Store.writing(tmp_path / "s", [first]) as store:
            assert store.do(first, context)
            assert not store.do(first, context)
            assert store.do(first, Context(Toy(), Sources(expression=3.0), members={"factor": "b"}))


class TestFolder:
    """A study lives in a folder of its own, and reading it writes nothing."""

    def test_a_damaged_table_is_refused_when_read_and_made_anew_by_a_run(self, tmp_path):
        run(tmp_path / "s")
        path = tmp_path / "s" / "tables" / "third.parquet"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(FileError, match=r"third\.parquet is not what its step wrote"):
            Results(tmp_path / "s").table("third")
        assert run(tmp_path / "s") == ["third"]
        assert value(tmp_path / "s", "third") == 9.0

    @pytest.mark.parametrize(
        "record",
        ["{", "null", "[]", '{"key": "x"}', '{"key": 1, "made_of": {}, "files": [], "tables": {}, "panels": {}, "order": 0}'],
    )
    def test_a_record_that_is_none_means_that_its_step_is_not_finished(self, tmp_path, record):
        run(tmp_path / "s")
        (tmp_path / "s" / "steps" / "third.json").write_text(record)
        assert list(Results(tmp_path / "s").records()) == ["first", "kinds"]
        assert run(tmp_path / "s") == ["third"]

    @pytest.mark.parametrize("file", ["../outside", "/etc/outside", "tables/../../outside", "tables/deep/er", "kept/x", "work"])
    def test_a_record_of_files_elsewhere_removes_nothing(self, tmp_path, file):
        outside = tmp_path / "outside"
        outside.write_text("mine")
        run(tmp_path / "s")
        path = tmp_path / "s" / "steps" / "third.json"
        record = json.loads(path.read_text())
        record["files"] = {file: "0"}
        path.write_text(json.dumps(record))
        (tmp_path / "s" / "steps" / "foreign.json").write_text(json.dumps(record))
        run(tmp_path / "s", manifest=Toy(with_third=False))
        assert outside.read_text() == "mine"

    def test_a_folder_that_no_study_made_is_refused_and_left_as_it_is(self, tmp_path):
        for name in ("work/keep", "report.html", ".pre-commit-config.yaml", "tables/.a-b.parquet"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("mine")
        before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
        with pytest.raises(InputError, match="is not the folder of a study; give a new or an empty folder with --out"):
            run(tmp_path)
        assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before

    @pytest.mark.parametrize("name", ["tables", "figures", "steps", "work", "kept", "report.html"])
    def test_a_link_to_elsewhere_is_refused(self, tmp_path, name):
        claim(tmp_path / "s", "the study's folder")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / ".a-b.parquet").write_text("mine")
        (tmp_path / "s" / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(InputError, match=rf"{name} is a link to .*elsewhere"):
            run(tmp_path / "s")
        assert (tmp_path / "elsewhere" / ".a-b.parquet").read_text() == "mine"

    def test_what_a_kill_left_half_written_is_swept_by_the_next_run_and_by_no_reader(self, tmp_path):
        run(tmp_path / "s")
        rests = [
            tmp_path / "s" / name
            for name in ("tables/.one-k1ll3d_0.parquet", "steps/.one-k1ll3d_0.json", ".report-k1ll3d_0.html")
        ]
        for rest in rests:
            rest.write_text("half")
        results = Results(tmp_path / "s")
        assert sorted(results.tables()) == ["first", "kind_a", "kind_b", "third"]
        assert all(rest.exists() for rest in rests)
        run(tmp_path / "s")
        assert not any(rest.exists() for rest in rests)

    def test_results_that_are_no_part_of_the_study_any_more_are_removed(self, tmp_path):
        run(tmp_path / "s")
        run(tmp_path / "s", manifest=Toy(with_third=False))
        assert "third" not in Results(tmp_path / "s").tables()
        assert not (tmp_path / "s" / "tables" / "third.csv").exists()

    def test_a_step_that_makes_less_removes_what_it_made(self, tmp_path):
        def make(*names: str) -> Step:
            @step(makes={"a": "", "b": ""}, settings=("factor",))
            def one(*, settings):
                return {name: table(settings.factor) for name in names}

            return one

        run(tmp_path / "s", steps=(make("a", "b"),))
        run(tmp_path / "s", steps=(make("a"),), manifest=Toy(factor=3.0))
        assert list(Results(tmp_path / "s").tables()) == ["a"]
        assert not (tmp_path / "s" / "tables" / "b.parquet").exists()

    def test_a_missing_table_names_those_that_are_there(self, tmp_path):
        run(tmp_path / "s", steps=(first,))
        with pytest.raises(InputError, match="holds no table 'two'; it has first"):
            Results(tmp_path / "s").table("two")

    def test_every_table_says_what_it_holds(self, tmp_path):
        run(tmp_path / "s")
        assert Results(tmp_path / "s").tables() == {
            "first": "the first number",
            "kind_a": "a number of a kind",
            "kind_b": "a number of a kind",
            "third": "the sum of all kinds",
        }

    def test_a_second_run_says_who_is_there_and_loses_nothing(self, tmp_path):
        folder = tmp_path / "s"
        with Store.writing(folder, STEPS), pytest.raises(RunError, match=rf"process {os.getpid()} on .+, since .+ runs a study"):
            run(folder)
        assert run(folder) == ["first", "kinds", "third"]

    def test_an_interrupted_run_leaves_the_study_unfinished_until_one_ends(self, tmp_path):
        run(tmp_path / "s")
        context = Context(Toy(factor=9.0), Sources(expression=3.0, unused=1.0))
        with Store.writing(tmp_path / "s", STEPS) as store:
            store.do(first, context)
        results = Results(tmp_path / "s")
        assert not results.finished
        with pytest.raises(InputError, match="holds no finished study; its last run did not finish"):
            results.settings()
        run(tmp_path / "s", manifest=Toy(factor=9.0))
        assert Results(tmp_path / "s").finished

    def test_a_marker_that_is_damaged_means_unfinished(self, tmp_path):
        run(tmp_path / "s")
        for text in ("{", "null", "[]", "7"):
            (tmp_path / "s" / MARKER).write_text(text)
            assert not Results(tmp_path / "s").finished


def test_every_need_of_the_real_steps_is_made_before_it():
    from radiogenomics.study import pipeline
    from radiogenomics.study.engine.step import is_family, is_optional

    made: set[str] = set()
    for one in (*pipeline.STEPS, *pipeline.FIGURES):
        for name, parameter in one.needs.items():
            wanted = f"{name}_*" if is_family(parameter) else name
            assert wanted in made, f"{one.name} needs {wanted}"
            if not is_optional(parameter) and not is_family(parameter):
                assert wanted in made
        made |= {one.name} if not one.stored else set(one.makes)

"""The rooms import only what the design's table of arrows allows."""

import ast
from pathlib import Path

import pytest

import radiogenomics

ROOT = Path(radiogenomics.__file__).parent
LEAVES = {"_tables", "_files", "_parallel", "_kept", "_errors", "_names", "_registry"}
LOWEST = {"_errors", "_names"}  # what a leaf may import; they import nothing
ROOMS = {
    "stats": set(),
    "archives": set(),
    "images": set(),
    "expression": set(),
    "figures": set(),
    "cohort": {"stats"},
    "linking": {"stats"},
    "pathways": {"stats"},
    "modules": {"stats"},
    "validation": {"stats"},
    "lesions": {"images"},
    "features": {"images", "lesions"},
    "signatures": {"stats", "validation"},
    "genescore": {"stats", "validation"},
    "report": {"figures"},
    "simulate": {"images", "lesions"},
}
ALLOWED = {room: rooms | LEAVES for room, rooms in ROOMS.items()}
ALLOWED |= {"study": set(ROOMS) | LEAVES, "cli": set(ROOMS) | LEAVES | {"study"}, "__main__": {"cli"}, "__init__": set()}
ALLOWED |= {leaf: set() if leaf in LOWEST else LOWEST for leaf in LEAVES}
ALLOWED["_kept"] = LOWEST | {"_files"}
ALLOWED["_parallel"] = LOWEST | {"_kept"}
FILES = sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every first part below `radiogenomics` that a file imports, at the top or inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = _absolute(node, path)
            names += [f"{base}.{alias.name}" for alias in node.names]
    parts = [name.split(".") for name in names]
    rooms = {part[1] for part in parts if part[0] == "radiogenomics" and len(part) > 1}
    return rooms & set(ALLOWED)


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = ["radiogenomics", *path.relative_to(ROOT).with_suffix("").parts[:-1]]
    return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may(path):
    room = room_of(path)
    assert room in ALLOWED, f"{room} is no room of the design"
    assert imported(path) - {room} <= ALLOWED[room]


def test_the_rule_sees_an_arrow_inside_a_function(tmp_path):
    text = "def f():\n    from radiogenomics import modules\n    import radiogenomics.images.dicom\n"
    path = tmp_path / "planted.py"
    path.write_text(text)
    assert imported(path) == {"modules", "images"}


def test_the_two_arms_never_import_each_other():
    imaging, molecular = {"images", "lesions", "features", "signatures"}, {"expression", "modules", "pathways"}
    assert all(not ALLOWED[room] & molecular for room in imaging)
    assert all(not ALLOWED[room] & imaging for room in molecular)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_prints_asserts_or_swallows_every_error(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Assert), f"{path}:{node.lineno} asserts; raise an error that helps"
        if isinstance(node, ast.ExceptHandler):
            name = getattr(node.type, "id", "")
            assert node.type is not None, f"{path}:{node.lineno} catches everything"
            assert name not in ("Exception", "BaseException"), f"{path}:{node.lineno} catches {name}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{path}:{node.lineno} prints"


def test_rooms_are_offered_lazily():
    import subprocess
    import sys

    code = "import sys, radiogenomics as rg; rg.__version__; print([m for m in sys.modules if m.startswith(('pandas', 'radiogenomics.'))])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="No radiogenomics attribute modulse"):
        radiogenomics.modulse  # noqa: B018


@pytest.mark.parametrize("room", ["features", "figures", "pathways", "stats", "study"])
def test_a_lazy_room_has_every_name_of_its_stub_and_no_other(room):
    offered = getattr(radiogenomics, room)
    assert dir(offered) == offered.__all__ == sorted(offered.__all__)
    assert all(getattr(offered, name) is not None for name in offered.__all__)
    with pytest.raises(AttributeError, match=f"No radiogenomics.{room} attribute nowhere"):
        offered.nowhere  # noqa: B018


class TestFloorsOfStudy:
    """Inside `study`, rooms lie on few floors: a room stands above all that it imports."""

    def rooms(self):
        """What each room of `study` imports of the others; a folder is one room."""
        place = ROOT / "study"
        arrows: dict[str, set[str]] = {}
        for path in place.rglob("*.py"):
            room = path.relative_to(place).parts[0].removesuffix(".py")
            if room == "__init__":
                continue
            arrows.setdefault(room, set())
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("radiogenomics.study"):
                    rest = node.module.split(".")[2:]
                    arrows[room] |= {rest[0]} if rest else {alias.name for alias in node.names}
        return {room: found - {room} for room, found in arrows.items()}

    def floors(self, arrows):
        found: dict[str, int] = {}
        while len(found) < len(arrows):
            ready = [room for room, below in arrows.items() if room not in found and below <= set(found)]
            assert ready, f"a circle among {sorted(set(arrows) - set(found))}"
            found |= {room: 1 + max((found[one] for one in arrows[room]), default=0) for room in ready}
        return found

    def test_there_are_at_most_six_and_the_lowest_are_the_manifest_and_the_engine(self):
        floors = self.floors(self.rooms())
        assert max(floors.values()) <= 6, floors
        assert floors["manifest"] == floors["engine"] == 1
        assert floors["inputs"] < floors["steps"] < floors["presentation"] < floors["pipeline"] < floors["api"]

    def test_a_circle_is_seen(self):
        with pytest.raises(AssertionError, match="circle among"):
            self.floors({"a": {"b"}, "b": {"a"}})


def test_the_manifest_imports_no_figure_and_nothing_of_the_study():
    for path in (ROOT / "study" / "manifest").glob("*.py"):
        assert "figures" not in imported(path)
        text = path.read_text(encoding="utf-8")
        assert all(
            line.startswith("from radiogenomics.study.manifest")
            for line in text.splitlines()
            if "radiogenomics.study" in line and line.startswith("from")
        )

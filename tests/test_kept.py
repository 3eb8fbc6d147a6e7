"""Kept results: the same bits again, and nothing that stands in a file is ever run."""

import os
import pickle
import zlib
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radiogenomics import _kept
from radiogenomics._errors import FileError

KEY = "what the result depends on"


@dataclass(frozen=True)
class Reading:
    numbers: dict
    facts: tuple


@dataclass(frozen=True)
class Other:
    numbers: dict


class Trap:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def again(value, folder, of=()):
    path = _kept.place(folder, KEY)
    _kept.store(value, KEY, path, of=of)
    return _kept.load(KEY, path, of=of)


def assert_same(found, value):
    """Compare to the bit: types, data types, orders in memory, names, signs of zero, payloads of NaN."""
    assert type(found) is type(value)
    if isinstance(value, np.ndarray | np.generic):
        assert (found.dtype, found.shape) == (value.dtype, value.shape)
        if value.dtype == object:
            for one, other in zip(found.flat, value.flat, strict=True):
                assert_same(one, other)
        else:
            assert found.tobytes() == value.tobytes()
    elif isinstance(value, list | tuple):
        assert len(found) == len(value)
        for one, other in zip(found, value, strict=True):
            assert_same(one, other)
    elif isinstance(value, dict):
        assert_same(list(found.items()), list(value.items()))
    elif isinstance(value, Reading):
        assert_same((found.numbers, found.facts), (value.numbers, value.facts))
    elif isinstance(value, float):
        assert np.float64(found).tobytes() == np.float64(value).tobytes()
    elif isinstance(value, pd.DataFrame):
        assert_same(found.columns, value.columns)
        assert_same(found.index, value.index)
        for at in range(value.shape[1]):
            assert_same(found.iloc[:, at].array, value.iloc[:, at].array)
    elif isinstance(value, pd.Series):
        assert_same((found.index, found.name, found.array), (value.index, value.name, value.array))
    elif isinstance(value, pd.MultiIndex):
        assert_same((list(found.levels), list(found.names), list(found)), (list(value.levels), list(value.names), list(value)))
    elif isinstance(value, pd.Categorical):
        assert_same((found.codes, found.categories, found.ordered), (value.codes, value.categories, value.ordered))
    elif isinstance(value, pd.Index):
        assert_same((found.name, found.array), (value.name, value.array))
    elif isinstance(value, pd.api.extensions.ExtensionArray):
        assert_same(found.to_numpy(), value.to_numpy())
    else:
        assert found == value


FLOATS = st.floats(width=64)
TEXTS = st.text(st.characters(), max_size=6)
HASHABLE = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), TEXTS, st.tuples(TEXTS, st.integers()))
DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
    hnp.complex_number_dtypes(),
    hnp.unicode_string_dtypes(max_len=3),
    hnp.byte_string_dtypes(max_len=3),
    hnp.datetime64_dtypes(max_period="D", min_period="ns"),
)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
COLUMN_DTYPES = st.sampled_from(["bool", "int8", "uint64", "int64", "float32", "float64", "M8[ns]", "M8[s]", "m8[ns]"])


def columns(n):
    plain = COLUMN_DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, n))
    objects = st.lists(st.one_of(HASHABLE, FLOATS), min_size=n, max_size=n).map(lambda values: _objects(values))
    levels = st.lists(st.sampled_from(["low", "high", None]), min_size=n, max_size=n).map(
        lambda values: pd.Categorical(values, categories=["low", "mid", "high"], ordered=True)
    )
    return st.one_of(plain, objects, levels)


def _objects(values):
    made = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        made[at] = value
    return made


def indexes(n):
    texts = st.lists(TEXTS, min_size=n, max_size=n)
    return st.one_of(
        st.builds(lambda values, name: pd.Index(_objects(values), dtype=object, name=name), texts, HASHABLE),
        st.builds(lambda start, name: pd.RangeIndex(start, start + 2 * n, 2, name=name), st.integers(-5, 5), HASHABLE),
        st.builds(lambda values: pd.Index(values, name="score"), hnp.arrays("float64", n)),
        st.builds(lambda values: pd.CategoricalIndex(values, categories=["a", "b"], name="side"), st.just(["a"] * n)),
        st.builds(lambda values: pd.MultiIndex.from_arrays([values, range(n)], names=["patient", None]), texts),
    )


@st.composite
def series(draw):
    n = draw(st.integers(0, 4))
    values = draw(columns(n))
    return pd.Series(values, index=draw(indexes(n)), name=draw(HASHABLE), dtype=values.dtype)


@st.composite
def frames(draw):
    n, wide = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    index = draw(indexes(n))
    parts = [draw(columns(n)) for _ in range(wide)]
    table = pd.DataFrame({at: pd.Series(one, index=index, dtype=one.dtype) for at, one in enumerate(parts)}, index=index)
    return table.set_axis(draw(indexes(wide)), axis=1)


LEAVES = st.one_of(HASHABLE, FLOATS, ARRAYS, ARRAYS.map(np.asfortranarray), series(), frames(), DTYPES.flatmap(hnp.from_dtype))
VALUES = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.lists(part, max_size=3),
        st.lists(part, max_size=3).map(tuple),
        st.dictionaries(HASHABLE, part, max_size=3),
        st.builds(Reading, st.dictionaries(TEXTS, part, max_size=2), st.tuples(part)),
    ),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_any_value_comes_back_to_the_bit(tmp_path_factory, value):
    assert_same(again(value, tmp_path_factory.getbasetemp(), of=(Reading,)), value)


def test_nan_keeps_its_payload_and_arrays_their_order_in_memory(tmp_path):
    odd = np.frombuffer(bytes.fromhex("010000000000f8ff"), dtype="<f8")[0].item()
    table = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    found = again({"nan": odd, "zero": -0.0, "table": table, "part": table[:, ::2]}, tmp_path)
    assert_same(found["nan"], odd)
    assert str(found["zero"]) == "-0.0"
    assert found["table"].flags.f_contiguous
    assert not found["table"].flags.c_contiguous
    found["table"][0, 0] = 7  # a result can be written to, as one that was computed
    np.testing.assert_array_equal(found["part"], [[0, 2], [3, 5]])


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        Other({}),
        object(),
        pd.Series([1, None], dtype="Int64"),
        np.zeros(2, dtype=[("a", "f8")]),
        np.ma.masked_array([1.0], [True]),
        [(0, {"deep": b"bytes"})],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_kept_to_the_bit_is_refused(tmp_path, value):
    with pytest.raises(TypeError, match="cannot be kept"):
        again(value, tmp_path, of=(Reading,))
    assert list(tmp_path.iterdir()) == []


def sealed(body, name=b"radiogenomics kept 1"):
    """Write as an attacker would who knows the format: the hash is right."""
    return b"\n".join([name, sha256(body).hexdigest().encode(), body])


def laid(text):
    return sealed(zlib.compress(f'{{"key":"{KEY}","value":{text}}}'.encode()))


HOSTILE = {
    "a pickle": lambda trap: pickle.dumps(trap),
    "a pickle with our hash": lambda trap: sealed(pickle.dumps(trap)),
    "a packed pickle": lambda trap: sealed(zlib.compress(pickle.dumps(trap))),
    "objects as bytes": lambda trap: laid('{"array":{"dtype":"|O","shape":[1],"order":"C","bytes":"AAAAAAAAAAA="}}'),
    "an unknown kind": lambda trap: laid('{"os.system":["true"]}'),
    "an undeclared class": lambda trap: laid('{"dataclass":["Trap",{"path":"x"}]}'),
    "another dataclass": lambda trap: laid('{"dataclass":["Other",{"numbers":1}]}'),
    "another field": lambda trap: laid('{"dataclass":["Reading",{"numbers":1,"facts":2,"__class__":3}]}'),
    "a dtype with fields": lambda trap: laid('{"array":{"dtype":"f8,O","shape":[1],"order":"C","bytes":""}}'),
    "a huge shape": lambda trap: laid('{"array":{"dtype":"<f8","shape":[1000000000000000],"order":"C","bytes":""}}'),
    "a negative shape": lambda trap: laid('{"array":{"dtype":"<f8","shape":[-1,-1],"order":"C","bytes":"AAAAAAAAAAA="}}'),
    "no number": lambda trap: laid('{"float":"00"}'),
    "no base64": lambda trap: laid('{"array":{"dtype":"<f8","shape":[1],"order":"C","bytes":"*"}}'),
    "no index": lambda trap: laid('{"series":[1,2,3]}'),
    "a frame of nothing": lambda trap: laid('{"frame":[[{}],null,null]}'),
    "deep": lambda trap: laid("[" * 100_000 + "]" * 100_000),
    "a long number": lambda trap: laid("9" * 10_000),
    "another key": lambda trap: sealed(zlib.compress(b'{"key":"another","value":1}')),
    "no key": lambda trap: sealed(zlib.compress(b"[]")),
    "two kinds": lambda trap: laid('{"tuple":[],"dict":[]}'),
    "another version": lambda trap: sealed(zlib.compress(b'{"key":"k","value":1}'), name=b"radiogenomics kept 9"),
    "no JSON": lambda trap: sealed(zlib.compress(b"\xff\xfe")),
    "more than any result": lambda trap: sealed(zlib.compress(b" " * (_kept.MOST_BYTES + 1), 1)),
    "empty": lambda trap: b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_foreign_file_is_no_result_and_runs_nothing(tmp_path, kind):
    path, trap = _kept.place(tmp_path, KEY), tmp_path / "trap"
    path.write_bytes(HOSTILE[kind](Trap(trap)))
    with pytest.raises(_kept.UnreadableError):
        _kept.load(KEY, path, of=(Reading,))
    assert not trap.exists()


def test_what_is_no_plain_file_is_not_read(tmp_path):
    fifo, link = _kept.place(tmp_path, "fifo"), _kept.place(tmp_path, "link")
    os.mkfifo(fifo)
    link.symlink_to("/dev/zero")
    for key, path in (("fifo", fifo), ("link", link)):
        with pytest.raises(_kept.UnreadableError, match="no plain file"):
            _kept.load(key, path)


def test_only_kept_results_are_forgotten(tmp_path):
    keep = tmp_path / "keep"
    again(1, keep)
    _kept.store(2, "old", _kept.place(keep, "old"))
    half = keep / f".{_kept.place(keep, 'old').stem}-ab12cd_9.kept"
    before = keep / _kept.place(keep, "old").with_suffix(".joblib").name
    own, folder = keep / "notes.txt", keep / ("0" * 32 + ".kept")
    for path in (half, before, own):
        path.write_bytes(b"")
    folder.mkdir()
    _kept.forget_all_but([KEY], keep)
    assert set(keep.iterdir()) == {_kept.place(keep, KEY), own, folder}


def test_nothing_is_forgotten_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    theirs = _kept.place(tmp_path / "real", KEY)
    theirs.write_bytes(b"theirs")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(ValueError, match=r"link is a link; .* remove the link"):
        _kept.forget_all_but([], tmp_path / "link")
    assert theirs.read_bytes() == b"theirs"


def test_a_result_that_cannot_be_written_is_one_error_with_its_file(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match=r"file/[0-9a-f]{32}\.kept cannot be written"):
        again(1, tmp_path / "file")


@pytest.mark.slow
def test_too_large_a_result_is_not_kept_and_said_to_be(tmp_path, caplog):
    path = _kept.place(tmp_path, KEY)
    _kept.store(np.zeros(_kept.MOST_BYTES // 8), KEY, path)
    assert not path.exists()
    assert "is not kept: it holds" in caplog.text

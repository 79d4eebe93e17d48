"""Arrays come back from bytes as they went in, in the fewest bytes that hold them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.metrics.rollups.packing import Coded, narrowed, pack, unpack

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.dictionaries(st.text(max_size=5), st.lists(INT64, max_size=9), max_size=4), st.text(max_size=9))
def test_what_is_packed_is_unpacked(lists, said):
    about, arrays = unpack(
        pack({"said": said}, {name: np.asarray(each, np.int64) for name, each in lists.items()})
    )
    assert about == {"said": said}
    assert {name: array.astype(np.int64).tolist() for name, array in arrays.items()} == lists


@pytest.mark.parametrize(
    "values, kind",
    [
        ([], "i1"),
        ([-128, 127], "i1"),
        ([128], "<i2"),
        ([-(2**15) - 1], "<i4"),
        ([2**31], "<i8"),
        ([-(2**63), 2**63 - 1], "<i8"),
    ],
)
def test_the_smallest_type_that_holds_them_all(values, kind):
    small = narrowed(np.asarray(values, np.int64))
    assert small.dtype == np.dtype(kind)
    assert small.astype(np.int64).tolist() == values


VALUES = st.none() | st.integers(-5, 5) | st.text(max_size=2)


@given(st.lists(st.lists(VALUES, max_size=8), min_size=1, max_size=4))
def test_coded_columns_one_below_the_other(columns):
    joined = Coded.joined([Coded.of(each) for each in columns])
    assert [joined.values[code] for code in joined.codes.tolist()] == [
        one for each in columns for one in each
    ]
    assert len(set(joined.values)) == len(joined.values)

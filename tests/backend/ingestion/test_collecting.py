"""Collecting rarely ends with the last import."""

import gc

from backend.ingestion.collecting import THRESHOLD, rarer_collections


def test_the_usual_threshold_comes_back_after_the_last_of_several():
    usual = gc.get_threshold()
    first, second = rarer_collections(), rarer_collections()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold()[0] == THRESHOLD
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == THRESHOLD
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual

"""Queries of several samples: a query is as slow as its slowest sample."""

import numpy as np

from loadtest.queries import query_index, query_response_ms
from loadtest.records import EngineFacts, Outcome, from_rows
from loadtest.spool import DTYPE

FACTS = EngineFacts(
    load_start_ns=0,
    window_start_ns=50,
    window_end_ns=10**9,
    finished=True,
    client_busy=0.1,
    spinning=True,
    cap_hits=0,
    checked=0,
    wrong=0,
    first_wrong=None,
)


def test_a_query_is_as_slow_as_its_slowest_sample_and_fails_with_any_of_them():
    rows = np.zeros(7, dtype=DTYPE)
    rows["intended_ns"] = [100, 100, 10, 10, 300, 300, 300]
    rows["done_ns"] = np.array([3, 5, 99, 99, 7, 2, 4]) * 1_000_000 + rows["intended_ns"]
    rows["outcome"] = [0, 0, 0, 0, 0, Outcome.TIMEOUT, 0]
    found = from_rows(rows, np.full(7, -1, np.int8), FACTS)
    assert query_index(found).tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert query_response_ms(found).tolist() == [5.0, np.inf], "the first query was of the warm-up"
    empty = from_rows(rows[:0], np.empty(0, np.int8), FACTS)
    assert query_response_ms(empty).tolist() == []

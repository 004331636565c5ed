"""Experiments that never ran: cells, records and folders to make reports of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from loadtest.plan import LoadPlan, write_plan
from loadtest.records import EngineFacts, Outcome, Records, write
from loadtest.scenario import OpenLoop
from tailbed.results.folder import ExperimentFolder
from tailbed.results.schema import Cell, ColdStart, Summary

START_NS = 5_000_000_000
WINDOW_S = 10.0


def make_records(response_ms: np.ndarray, *, failed: int = 0, warmup: int = 20) -> Records:
    """Evenly spaced requests, the last ``failed`` of which time out, after ``warmup`` ones of 9 s each."""
    n = len(response_ms)
    gap = int(WINDOW_S * 1e9) // n
    intended = START_NS + gap * np.arange(-warmup, n, dtype=np.int64)
    took = np.concatenate([np.full(warmup, 9e9), response_ms * 1e6]).astype(np.int64)
    outcome = np.zeros(n + warmup, np.int32)
    if failed:
        outcome[-failed:] = Outcome.TIMEOUT
    return Records(
        intended_ns=intended,
        sent_ns=intended + 1000,
        done_ns=intended + took,
        outcome=outcome,
        input_index=np.zeros(n + warmup, np.int32),
        warmup=intended < START_NS,
        correct=np.full(n + warmup, -1, np.int8),
        facts=EngineFacts(
            load_start_ns=START_NS - warmup * gap,
            window_start_ns=START_NS,
            window_end_ns=START_NS + int(WINDOW_S * 1e9),
            finished=True,
            client_busy=0.1,
            spinning=True,
            cap_hits=0,
            checked=0,
            wrong=0,
            first_wrong=None,
        ),
    )


def make_cell(**fields: Any) -> Cell:
    """A VALID quick cell of digits as ONNX on FastAPI at 200/s, but for ``fields``."""
    return Cell.model_validate(
        {
            "model": "digits",
            "format": "onnx",
            "precision": "fp32",
            "runtime": "onnxruntime",
            "server": "fastapi",
            "protocol": "http",
            "scenario": "poisson 200/s",
            "offered_rate": 200.2,
            "achieved_rate": 200.1,
            "throughput": 200.1,
            "duration_s": WINDOW_S,
            "requests": 2002,
            "errors": 0,
            "error_kinds": {},
            "p50_ms": 0.412,
            "p90_ms": 0.803,
            "p99_ms": 3.5,
            "p999_ms": None,
            "service_p50_ms": 0.4,
            "service_p99_ms": 3.4,
            "lag_p50_ms": 0.001,
            "lag_p99_ms": 0.02,
            "missing": {"p999_ms": "insufficient: 2002 requests, needs 6636"},
            "client_busy": 0.1,
            "answers_checked": 125,
            "answers_wrong": 0,
            "cold_start": ColdStart(ready_ms=640.0, first_answer_ms=655.0),
            "validity": "VALID",
            "reasons": [],
            "mode": "quick",
            "seed": 1,
            "run": None,
            **fields,
        }
    )


def make_folder(path: Path, cells: list[Cell], **fields: Any) -> ExperimentFolder:
    """An experiment's folder with its summary; ``fields`` replace those of a complete one."""
    folder = ExperimentFolder.create(path)
    summary: dict[str, Any] = {
        "suite": "quick",
        "started": "2026-11-21T01:40:02+00:00",
        "elapsed_s": 193.0,
        "complete": True,
        "planned_cells": len(cells),
        "cells": cells,
        "failures": [],
    }
    folder.write_summary(Summary.model_validate(summary | fields))
    return folder


def write_records(folder: ExperimentFolder, cell: Cell, records: Records) -> None:
    """Put the raw records and their plan where ``cell`` says that they lie."""
    assert cell.run is not None
    run = folder.path / cell.run
    run.mkdir(parents=True)
    write(run / "records.parquet", records)
    plan = LoadPlan(
        protocol="oip-http",
        url="http://127.0.0.1:1",
        model=cell.model,
        pool=Path("pool.npz"),
        scenario=OpenLoop(rate=200),
        duration_s=WINDOW_S,
    )
    write_plan(run, plan)

"""What users write of a demand: prices, shares, objectives."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailbed.planning.demand import Demand, DemandError, Price, money, parse_percent
from tailbed.slo import Slo


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.34/h", Price(per_h=0.34)),
        ("$0.34/h", Price(per_h=0.34, currency="$")),
        ("$ 0.34 / h", Price(per_h=0.34, currency="$")),
        ("EUR 0.34/h", Price(per_h=0.34, currency="EUR")),
        ("€12/h", Price(per_h=12, currency="€")),
    ],
)
def test_prices(text: str, expected: Price) -> None:
    assert Price.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0.34",
        "0/h",
        "-1/h",
        "0.34/d",
        "nan/h",
        "1e999/h",
        "eur 1/h",
        "EUR0.34/h",
        "$/h",
        "\u0661/h",
        "1,5/h",
        "9" * 400 + "/h",
    ],
)
def test_no_prices(text: str) -> None:
    with pytest.raises(DemandError, match="is no price: write one as "):
        Price.parse(text)


@given(st.text())
def test_any_text_is_a_price_or_one_line_of_error(text: str) -> None:
    said = ""
    try:
        found = Price.parse(text).per_h
    except DemandError as error:
        found, said = 1.0, str(error)
    assert found > 0
    assert "\n" not in said


def test_an_amount_is_written_as_its_price_was() -> None:
    assert money(1.02, "$") == "$1.02"
    assert money(1234.5, "EUR") == "EUR 1,234.50"
    assert money(0.0472, None) == "0.0472"


def test_percents() -> None:
    assert parse_percent("30%", "headroom", least=0, most=0.9) == 0.3
    assert parse_percent("0 %", "headroom", least=0, most=0.9) == 0
    for wrong in ("30", "0.3", "95%", "-5%", "x%", ""):
        with pytest.raises(DemandError, match="is no headroom: write one from 0% to 90%"):
            parse_percent(wrong, "headroom", least=0, most=0.9)


def test_a_demand_is_the_same_after_a_stop(tmp_path: Path) -> None:
    demand = Demand(
        slo=Slo.parse("p99.9=1s"), rate=2000, price=Price.parse("$1/h"), pairs=(("digits/onnx/fp32", "fastapi"),)
    )
    demand.write(tmp_path)
    assert Demand.read(tmp_path) == demand


def test_a_folder_without_a_demand_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(DemandError, match="is no plan's folder"):
        Demand.read(tmp_path)
    (tmp_path / "demand.json").write_text("{}")
    with pytest.raises(DemandError, match="slo"):
        Demand.read(tmp_path)

"""What of a program's graph torch evaluates as Python, when it loads it and when it makes a module of it."""

from __future__ import annotations

import ast
import re
from typing import Any, Final

from models import TailbedError

_FUNCTIONS: Final = frozenset(
    (
        *("Add", "Mul", "Pow", "Mod", "Abs", "Max", "Min", "Integer", "Rational", "floor", "ceiling", "And", "Or"),
        *("Not", "Equality", "Unequality", "LessThan", "StrictLessThan", "GreaterThan", "StrictGreaterThan"),
        *("Piecewise", "ExprCondPair", "FloorDiv", "ModularIndexing", "Where", "PythonMod", "CleanDiv", "CeilDiv"),
        *("CeilToInt", "FloorToInt", "TruncToFloat", "TruncToInt", "RoundToInt", "RoundDecimal", "ToFloat"),
        *("LShift", "RShift", "PowByNatural", "FloatPow", "FloatTrueDiv", "IntTrueDiv", "Identity"),
        "IsNonOverlappingAndDenseIndicator",
    )
)
"""What sizes are written with: SymPy's functions and torch's own."""
_OF_TEXT: Final = ("Symbol", "Float")
"""Those whose first argument is text; any other one of SymPy's would evaluate a text."""
_TEXT: Final = re.compile(r"[\w.+-]+")
_NAME: Final = re.compile(r"[\w.:#-]*")
_KEYS_OF_NAMES: Final = ("name", "names", "fqn", "target", "operator")
_SPEC: Final = re.compile(r'(?:[\w\s\[\]{}":,.-]|\\")*')
"""JSON of types and names, in which no other character is written by its number."""
_KEYS_OF_SPECS: Final = ("in_spec", "out_spec")


class GraphError(TailbedError):
    """A graph with a text that could be code."""


def check_graph(program: Any, key: str = "") -> None:
    """Check all that lies in a program's JSON: sizes are sums and products, and names are names.

    torch hands sizes to SymPy, which evaluates them, and writes names into the source of the module that it makes.

    Raises:
        GraphError: some are more than that.
    """
    if isinstance(program, dict):
        for name, value in program.items():
            check_graph(value, name)
    elif isinstance(program, list):
        for value in program:
            check_graph(value, key)
    elif isinstance(program, str):
        if key == "expr_str" and not _is_size(program):
            raise GraphError(f"a size in it is {program[:80]!r}, which could be code")
        if key in _KEYS_OF_SPECS and not _SPEC.fullmatch(program):
            raise GraphError(f"its arguments are {program[:80]!r}, which could be code")
        if key.endswith(_KEYS_OF_NAMES) and not _NAME.fullmatch(program):
            raise GraphError(f"a name in it is {program[:80]!r}, which could be code")


def _is_size(text: str) -> bool:
    # SymPy joins lines before it reads them: what is a comment here could be none there.
    if re.search(r"[#\\\r\n]", text):
        return False
    try:
        return _is_arithmetic(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_arithmetic(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float)
        case ast.Name():  # alone it is not called
            return True
        case ast.UnaryOp(operand=operand):
            return _is_arithmetic(operand)
        case ast.BinOp(left=left, right=right):
            return _is_arithmetic(left) and _is_arithmetic(right)
        case ast.Compare(left=left, comparators=others):
            return all(map(_is_arithmetic, (left, *others)))
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=keywords):
            values = [*arguments, *(keyword.value for keyword in keywords)]
            if function in _OF_TEXT and values:
                first, *values = values
                if not (isinstance(first, ast.Constant) and _TEXT.fullmatch(str(first.value))):
                    return False
            elif function not in _FUNCTIONS:
                return False
            return all(map(_is_arithmetic, values))
    return False

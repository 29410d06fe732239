"""Text files of spikes: one dialect for a whole file, told by the file itself or by whoever reads it."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from .interval_tables import Train, split

_SEPARATORS = (",", ";", "\t", "|", " ")
_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_NUMBER = {s: re.compile(rf"[+-]?(?:[0-9]+{p}?[0-9]*|{p}[0-9]+){_EXPONENT}") for s, p in ((".", r"\."), (",", ","))}
_ERRORS = r"#(?:n/?a|value!|ref!|div/0!|num!|name\?|null!)"  # of spreadsheets: no comments
_MISSING = re.compile(
    rf"[+-]?(?:nan|inf|infinity)(?:\(\w*\))?|na|n/a|n\.a\.?|nat|null|none|missing|{_ERRORS}", re.IGNORECASE
)
_ERROR = re.compile(_ERRORS, re.IGNORECASE)
_LIKE_A_NUMBER = re.compile(r"[+-]?[.,]?[0-9]")
_COMMA = re.compile(rf"[+-]?(?:[0-9]*,[0-9]+|[0-9]{{1,3}}(?:[.,][0-9]{{3}})+[.,]?[0-9]*){_EXPONENT}")
_SEPARATES = re.compile(r"[,;\t| ]")
_OTHERS = {s: re.compile("[" + "".join(o for o in _SEPARATORS if o != s) + "]") for s in _SEPARATORS}
_ONE_CELL = "\x1f"  # separates nothing: a line is a cell


def read_text(
    path: Path,
    exact: bool,
    *,
    column: Any,
    train: Any,
    layout: str | None,
    padding: bool,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
) -> list[Train]:
    """Trains of a text file; `exact`: as decimals, whose differences are those of the numbers that are written."""
    numbers, lines, comment = _lines(path, encoding)
    names: list[str] = []
    rows: list[list[str]] = []
    if lines:
        only = (delimiter,) if delimiter else _SEPARATORS
        several = (train is not None and train is not False) or (isinstance(column, int) and column not in (0, -1))
        rows, header = _rows(path, numbers, lines, only, decimal, layout, several)
        if header:
            names, rows, numbers = rows[0], rows[1:], numbers[1:]
    if not rows:
        held = f"has nothing below the names {names}" if names else "is empty"
        raise ValueError(f"{path} {held}: it holds no {'times' if exact else 'intervals'}")
    if delimiter == decimal == ",":
        _check_quoted(path, numbers, lines[len(lines) - len(rows) :])
    read = _Cells(path, decimal, exact, padding)
    told = train is not None and train is not False
    if layout == "rows":
        if column is not None or isinstance(train, str):
            raise ValueError(f"layout = 'rows': every line is a train; column = {column!r}, train = {train!r}")
        found = []
        for number, row in zip(numbers, rows, strict=True):
            if told and not -len(row) <= train < len(row):
                raise ValueError(f"{path}, line {number}: no cell {train}, where train = {train} is to name the train")
            label = train % len(row) if told else None
            found.append(read.train([cell for j, cell in enumerate(row) if j != label], [number]))
        return found
    columns = list(zip(*rows, strict=True))
    said = names or _names_in(comment, len(columns))
    if layout == "columns":
        if column is not None or told:
            raise ValueError(f"layout = 'columns': every column is a train; column = {column!r}, train = {train!r}")
        return [replace(read.train(cells, numbers, j), name=said[j]) for j, cells in enumerate(columns)]
    j, labels = split(names, columns, column, train, str(path), 'layout="rows" if every line is a train')
    if labels is None:
        return [replace(read.train(columns[j], numbers, j), name=said[j])]
    cells = np.array(columns[j], object)
    trains = [
        read.train(cells[chosen].tolist(), [numbers[k] for k in chosen], j, f" of train {label!r}")
        for label, chosen in labels.items()
    ]
    return [replace(one, name=said[j]) for one in trains]


def _names_in(comment: str, count: int) -> list[Any]:
    """Names of columns from a comment above the numbers (numpy.savetxt writes them so); None where it holds none."""
    if count == 1:
        return [comment.strip() or None]
    for separator in _SEPARATORS:
        cells = comment.split() if separator == " " else comment.split(separator)
        if len(cells) == count:
            return [cell.strip() for cell in cells]
    return [None] * count


class _Cells:
    """Cells to numbers, with the line where they are none."""

    def __init__(self, path: Path, decimal: str | None, exact: bool, padding: bool):
        self.path, self.decimal, self.exact, self.padding = path, decimal, exact, padding
        self.pattern = _NUMBER[decimal or "."]

    def train(self, cells: Any, lines: list[int], column: int | None = None, of: str = "") -> Train:
        kind = Decimal if self.exact else float
        values, good, comma = [], self.pattern.fullmatch, self.decimal == ","
        if not comma and all(map(good, cells)):
            values, cells = list(map(kind, cells)), ()
        for k, cell in enumerate(cells):
            if good(cell):
                values.append(kind(cell.replace(",", ".") if comma else cell))
            elif re.fullmatch(r"[+-]?(nan|inf|infinity)", cell, re.IGNORECASE) or (self.padding and not cell):
                values.append(kind(cell or "nan"))
            else:
                line = lines[k] if len(lines) > 1 else lines[0]
                self.refuse(cell, line, k if column is None else column)
        array = np.empty(len(values), object if self.exact else float)
        array[:] = values
        return Train(array, f"{self.path}{of}", lines if column is not None else lines * len(values))

    def refuse(self, cell: str, line: int, column: int) -> None:
        text = f"{self.path}, line {line}: {_short(cell)!r} has no number in column {column}"
        if not cell:
            text = f"{self.path}, line {line}: a blank cell has no number in column {column}"
            raise ValueError(f"{text}; padding=True allows blank cells at the end of a train")
        if self.decimal is None and "," in cell and _COMMA.fullmatch(cell):
            raise ValueError(
                f'{text}: its comma may be a decimal one (decimal=",") or set thousands apart (never read)'
            )
        if self.decimal == "," and "." in cell and _LIKE_A_NUMBER.match(cell):
            raise ValueError(f'{text} with decimal=",": points and thousands separators are not read')
        if _LIKE_A_NUMBER.match(cell):
            text += ", but begins with one; allowed are plain numbers: take units out of the file and give unit="
        raise ValueError(text)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _lines(path: Path, encoding: str | None) -> tuple[list[int], list[str], str]:
    """Lines that are neither blank nor comments, with their numbers; the comment right above the first of them."""
    data = path.read_bytes()
    try:
        name = codecs.lookup(encoding or "utf-8-sig").name
    except (LookupError, UnicodeError):
        raise ValueError(f"encoding = {encoding!r}; allowed is the name of an encoding") from None
    try:
        text = data.decode("utf-8-sig" if name == "utf-8" else name)
    except LookupError:  # of bytes to bytes
        raise ValueError(f"encoding = {encoding!r}; allowed is the name of an encoding") from None
    except UnicodeError as error:
        raise ValueError(f'{path} is no text in {name}: {error}; give encoding= ("latin-1", "utf-16")') from None
    if "\0" in text:
        raise ValueError(f'{path} is no text in {name}: it holds null characters; give encoding= ("utf-16")')
    numbers, lines, comment = [], [], ""
    for number, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        bare = line.strip()
        if bare and (not bare.startswith("#") or _ERROR.match(bare)):
            numbers.append(number)
            lines.append(line)
        elif bare and not lines:
            comment = bare.lstrip("#")
    return numbers, lines, comment


def _is_header(cells: list[str]) -> bool:
    """Whether every cell is a name, or blank: begins with a letter, but for signs, and stands for no missing number."""

    def is_name(cell: str) -> bool:
        first = next(filter(str.isalnum, cell), "")
        return not cell or (first.isalpha() and not _LIKE_A_NUMBER.match(cell) and not _MISSING.fullmatch(cell))

    return all(map(is_name, map(str.strip, cells)))


def _rows(
    path: Path,
    numbers: list[int],
    lines: list[str],
    separators: tuple[str, ...],
    decimal: str | None,
    layout: str | None,
    several: bool,
) -> tuple[list[list[str]], bool]:
    """Cells of every line, by the one separator that serves the whole file; whether the first line holds names.

    Raises ValueError where it is not one separator.
    """
    given, together = len(separators) == 1, "\n".join(lines)
    found: dict[str, tuple[list[list[str]], bool]] = {}
    failed: list[str] = []
    for separator in separators:
        if not given and (separator == decimal or separator not in together):
            continue
        try:
            rows = _split(numbers, lines, separator)
        except ValueError as error:
            failed.append(str(error))
            continue
        counts, header = [len(row) for row in rows], _is_header(rows[0])
        if layout != "rows" and len(set(counts)) > 1:
            first = -1 if header else 0
            odd = next(k for k, count in enumerate(counts) if count != counts[first])
            failed.append(
                f"line {numbers[odd]}: {_short(lines[odd])!r} has {counts[odd]} cells separated by {separator!r}, "
                f"line {numbers[first]} has {counts[first]}"
            )
        elif given or (max(counts) > 1 and not any(_torn(cell, separator) for row in rows[header:] for cell in row)):
            found[separator] = [[cell.strip() for cell in row] for row in rows], header
    if given and not found:
        raise ValueError(f'{path}, {failed[0]}; allowed is the same number in every line (or layout="rows")')
    if not given and not (found and (several or all(header for _, header in found.values()))):
        alone = _alone(numbers, lines, decimal)
        if alone is not None:
            found[_ONE_CELL] = alone
    if found and all(reading == next(iter(found.values())) for reading in found.values()):
        return next(iter(found.values()))
    if _ONE_CELL in found:
        k = min(int(found[_ONE_CELL][1]), len(lines) - 1)
        raise ValueError(
            f"{path}, line {numbers[k]}: {_short(lines[k])!r} is a number with a decimal comma, or several cells; give "
            'decimal="," or delimiter=","'
        )
    if found:
        names, k = " or ".join(repr(s) for s in found), len(lines) - 1
        raise ValueError(
            f"{path}, line {numbers[k]}: cells of {_short(lines[k])!r} may end at {names}; give delimiter="
        )
    why = failed[0] if failed else f"line {numbers[0]}: {_short(lines[0])!r}: it is not clear where its cells end"
    raise ValueError(f'{path}, {why}; give delimiter=, or layout="rows" if every line is a train')


def _alone(numbers: list[int], lines: list[str], decimal: str | None) -> tuple[list[list[str]], bool] | None:
    """Lines as single cells, where nothing in them separates, but for commas that may be decimal."""
    try:
        rows = [[cell.strip() for cell in row] for row in _split(numbers, lines, _ONE_CELL)]
    except ValueError:
        return None
    header = _is_header(re.split(r"[,;|\s]", rows[0][0]))
    return (rows, header) if all(_is_alone(row[0], decimal) for row in rows[header:]) else None


def _split(numbers: list[int], lines: list[str], separator: str) -> list[list[str]]:
    if separator == " ":
        lines = [re.sub(r"[ \t]+", " ", line.strip()) if "\t" in line else line.strip() for line in lines]
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if reader.line_num != len(rows) + 1:
                raise csv.Error("a quote is not closed")
            rows.append(row)
    except csv.Error as error:
        k = len(rows)
        raise ValueError(f"line {numbers[k]}: {_short(lines[k])!r}: {error}") from None
    return rows


def _is_alone(cell: str, decimal: str | None) -> bool:
    """Whether a line is one cell: nothing in it separates, but for a comma that may be decimal."""
    return not _SEPARATES.search(cell) or (decimal != "." and _COMMA.fullmatch(cell) is not None)


def _torn(cell: str, separator: str) -> bool:
    """Whether a cell looks as if it ended elsewhere: at another separator than the one that was tried."""
    if not _OTHERS[separator].search(cell):
        return False
    bare = cell.strip(" ")
    others = [s for s in _SEPARATORS if s != separator and s in bare]
    if not others:
        return False
    if any(bare.startswith(s) or bare.endswith(s) for s in others):
        return True
    if not _LIKE_A_NUMBER.match(bare):
        return False
    return others != [","] or not _COMMA.fullmatch(bare)


def _check_quoted(path: Path, numbers: list[int], lines: list[str]) -> None:
    for number, line in zip(numbers, lines, strict=True):
        if re.search(r"[0-9],[0-9]", re.sub(r'"[^"]*"', "q", line)):
            raise ValueError(
                f"{path}, line {number}: {_short(line)!r}; with delimiter = decimal = ',' numbers must be in quotes"
            )

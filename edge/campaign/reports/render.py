"""A report as text, JSON, CSV, XLSX or one HTML page that needs nothing but itself."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime, time
from html import escape
from typing import Any

from edge.campaign.reports.svg import svg
from edge.campaign.reports.table import Cell, Column, Report, Table, shown

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1a1a1a}
h1{font-size:1.5rem;margin-bottom:.2rem}p{margin:.2rem 0;color:#444}ul{padding-left:1.2rem}
svg{width:100%;margin:1rem 0}svg text{font:12px system-ui,sans-serif}
table{border-collapse:collapse;width:100%;margin-top:1rem}
th,td{padding:.3rem .6rem;border-bottom:1px solid #ddd}
th{text-align:left;border-bottom:2px solid #888;vertical-align:bottom;position:sticky;top:0;background:#fff}
.number,.share{text-align:right;font-variant-numeric:tabular-nums}td.number,td.share,td.date{white-space:nowrap}
@media print{body{margin:0;max-width:none}}
"""


def head(report: Report) -> list[str]:
    """Return the lines that stand above every report."""
    basis = "; ".join(report.legal_basis)
    end = f"until {report.until.isoformat(' ')} of" if report.until else "end of"
    return [f"{report.campaign}: {report.scope}, {end} business day {report.at}", f"Legal basis: {basis}"]


def as_text(report: Report) -> bytes:
    """Write an aligned table."""
    table = report.table
    padded = [_padded(column, _words(column, table)) for column in table.columns]
    lines = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
    return "\n".join([table.title, *head(report), "", *lines, "", *table.notes, ""]).encode()


def _words(column: Column, table: Table) -> list[str]:
    """Return a column's cells as `shown` writes them; a manifest has 140,000 lines of words and yes or no."""
    cells = table.column(column.key)
    if column.kind == "yes":
        return ["yes" if cell else "" for cell in cells]
    return [cell if type(cell) is str else shown(cell, column.kind) for cell in cells]


def _padded(column: Column, cells: list[str]) -> list[str]:
    """Return a column's title and cells, all of one width."""
    cells = [column.title, *cells]
    width = max(map(len, cells))
    if column.kind in ("number", "share"):
        return [cell.rjust(width) for cell in cells]
    return [cell.ljust(width) for cell in cells]


def as_json(report: Report) -> bytes:
    """Write the data; shares are fractions, dates ISO 8601."""
    table = report.table
    tree: dict[str, Any] = {
        "report": report.name,
        "title": table.title,
        "campaign": report.campaign,
        "legal_basis": list(report.legal_basis),
        "at": report.at.isoformat(),
        **({"until": report.until.isoformat()} if report.until else {}),
        "scope": report.scope,
        "notes": table.notes,
        "rows": [{column.key: _plain(row[column.key]) for column in table.columns} for row in table.rows],
    }
    return (json.dumps(tree, ensure_ascii=False, indent=2) + "\n").encode()


def as_csv(report: Report) -> bytes:
    """Write one header and the rows; shares are fractions. A cell never begins like a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.key for column in report.table.columns])
    for row in report.table.rows:
        writer.writerow([_harmless(_plain(row[column.key])) for column in report.table.columns])
    return file.getvalue().encode("utf-8-sig")


def as_xlsx(report: Report) -> bytes:
    """Write one sheet: head, table with real numbers, dates and per cents, notes."""
    import xlsxwriter  # costs time that no other format needs

    file = io.BytesIO()
    table = report.table
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(report.name)
        made = {"text": "@", "number": "#,##0.##", "share": "0.0%", "date": "yyyy-mm-dd", "yes": "@"}
        formats = {kind: book.add_format({"num_format": text}) for kind, text in made.items()}
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        for line, words in enumerate([table.title, *head(report)]):
            sheet.write_string(line, 0, words)
        for place, column in enumerate(table.columns):
            sheet.write_string(4, place, column.title, bold)
            sheet.set_column(place, place, 26 if column.kind == "text" else 14)
        for line, row in enumerate(table.rows, 5):
            for place, column in enumerate(table.columns):
                _write(sheet, line, place, row[column.key], formats[column.kind])
        for line, note in enumerate(table.notes, 6 + len(table.rows)):
            sheet.write_string(line, 0, note)
        sheet.freeze_panes(5, 0)
    return file.getvalue()


def as_html(report: Report) -> bytes:
    """Write a page with its plot."""
    table = report.table
    lines = "".join(f"<p>{escape(line)}</p>" for line in head(report))
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    titles = "".join(f'<th class="{column.kind}">{escape(column.title)}</th>' for column in table.columns)
    body = "".join(f"<tr>{_cells(row, table)}</tr>\n" for row in table.rows)
    plot = "<p>There is nothing to draw yet.</p>"
    if table.plot and not table.plot.empty:
        title = "" if table.plot.title == table.title else f"<h2>{escape(table.plot.title)}</h2>"
        plot = title + svg(table.plot)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(table.title)}</title>'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{STYLE}</style></head><body><h1>{escape(table.title)}</h1>{lines}<ul>{notes}</ul>{plot}"
        f"<table><thead><tr>{titles}</tr></thead><tbody>\n{body}</tbody></table></body></html>\n"
    ).encode()


FORMATS: dict[str, Callable[[Report], bytes]] = {
    "text": as_text,
    "json": as_json,
    "csv": as_csv,
    "xlsx": as_xlsx,
    "html": as_html,
}


def _cells(row: dict[str, Cell], table: Table) -> str:
    return "".join(f"<td class={c.kind}>{escape(shown(row[c.key], c.kind))}</td>" for c in table.columns)


def _plain(cell: Cell) -> Any:
    return cell.isoformat() if isinstance(cell, date) else cell


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _write(sheet: Any, line: int, place: int, cell: Cell, style: Any) -> None:
    if cell is None:
        sheet.write_blank(line, place, None, style)
    elif isinstance(cell, bool):
        sheet.write_string(line, place, "yes" if cell else "", style)
    elif isinstance(cell, int | float):
        sheet.write_number(line, place, cell, style)
    elif isinstance(cell, date):
        sheet.write_datetime(line, place, datetime.combine(cell, time()), style)
    else:
        sheet.write_string(line, place, cell, style)

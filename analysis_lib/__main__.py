"""The command: begin a review, fill it from sheets and searches, and check it.

``python -m analysis_lib new DIR`` · ``check DIR`` · ``import FILE --to DIR`` · ``selection DIR`` ·
``build DIR`` · ``pdf DIR`` · ``manuscript DIR`` · ``export DIR --to FORM`` ·
``with-r DIR`` · ``version DIR NAME`` · ``watch DIR``
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from analysis_lib.base.errors import MOST_PROBLEMS, ReviewError, stop
from analysis_lib.base.formatting import plural

if TYPE_CHECKING:
    from analysis_lib.importing import ImportedResults
    from analysis_lib.importing.filling import Filled
    from analysis_lib.importing.judgements import Judged
    from analysis_lib.importing.spreadsheets import Sheet

FOLDER = "the folder of the review"
HERE = f"{FOLDER}; by default this one"
EXIT_CODES = (
    "Exit codes: 0 done; 1 something to mend first, which is said on standard error, and nothing "
    "was written; 2 a word of the command is not known; 130 interrupted."
)
#: What each command does, and an example of it.
COMMANDS = {
    "new": (
        "Write a folder with empty tables, review.toml and the pages of a book. An existing folder "
        "must be empty.",
        "new my-review",
    ),
    "check": (
        "Say what is wrong in the tables, each with file, row, column and value; what is still as "
        "`new` wrote it; what can be pooled. Nothing is written.",
        "check my-review",
    ),
    "import": (
        "Read an extraction sheet (CSV, xlsx, ods, RevMan), judgements of the risk of bias, or the "
        "exports of a search (RIS, PubMed, BibTeX, EndNote, tables ...) into the tables of a "
        "review. What a file is, is told from its content. Outcomes and follow-ups must stand in "
        "outcomes.csv and follow_ups.csv first.",
        'import sheet.xlsx --to my-review --outcome Pain --time "12 weeks" --dry-run',
    ),
    "selection": (
        "Count the boxes of the flow diagram from the search and the decisions of screening, and "
        "write them into selection.csv.",
        "selection my-review",
    ),
    "build": (
        "Check the data, run the notebooks and write the book into _build/html. With an error in "
        "the data nothing is built.",
        "build my-review --watch",
    ),
    "pdf": ("Make the book and print it as one file; it needs Chromium.", "pdf my-review"),
    "manuscript": (
        "Write the review for a journal: a Word file, the same as Markdown, and figures.",
        "manuscript my-review --out paper.docx",
    ),
    "export": (
        "Write the review in the form of another program, with a README on what it cannot hold.",
        "export my-review --to revman",
    ),
    "with-r": (
        "Compute every analysis again in R with metafor, and record whether it agrees; 1 is the "
        "exit code where it does not.",
        "with-r my-review",
    ),
    "version": (
        "Record the review as it is, so that the book tells what changed since.",
        'version my-review 1.1 --note "A trial of 2026 was added"',
    ),
}
#: What the extra `book` does not bring, and how to get it.
NOT_OF_A_BOOK = {
    "playwright": "a PDF needs pip install 'playwright>=1.50,<2', and Chromium",
    "pypandoc": "a manuscript needs pip install 'analysis-lib[manuscript]'",
    "numba": "compiled code needs pip install 'analysis-lib[fast]'",
    "distributed": "a Dask cluster needs pip install 'analysis-lib[cluster]'",
}
# What a command needs is imported where it runs, so that the others start at once.

FORMS = ("revman", "metafor", "csv", "ris", "ro-crate")
TOLD_DECISIONS = {
    "look at": "to look at: like an earlier one, but not surely the same work",
    "linked": "kept and linked: an erratum, a comment or a registry's entry of another",
}


OPEN_CELLS = (
    "between two extraction sheets that were compared; nothing was imported. Settle them in "
    "extraction/differences.csv, then import both sheets again with --compare"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 when there is something to mend (`watch` knows more)."""
    options = _parser().parse_args(arguments)
    try:
        for line in options.run(options):
            print(line)
    except ReviewError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:  # the statistics need none of those that a book needs
        print(f"{error.name} is not installed: {_to_install(error.name or '')}", file=sys.stderr)
        return 1
    except OSError as error:  # a folder that is read-only, full, or a file
        if error.filename is None:
            raise
        print(f"{error.filename}: cannot be read or written ({error.strerror})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: what was there before is as it was.", file=sys.stderr)
        return 130
    return int(options.code)


def _to_install(module: str) -> str:
    """Return what to install, where a module is missing."""
    package = module.partition(".")[0]
    return NOT_OF_A_BOOK.get(package, "a book needs pip install 'analysis-lib[book]'")


def _program() -> str:
    """Return how this was called: ``review`` works where it has an environment of its own."""
    return "review" if Path(sys.argv[0]).stem == "review" else "python -m analysis_lib"


def _version_told() -> str:
    """Return which version this is; sources that nothing installed do not say theirs."""
    try:
        return f"analysis-lib {version('analysis-lib')}"
    except PackageNotFoundError:
        return "analysis-lib, not installed: its version is not known"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_program(), description=__doc__)
    parser.add_argument("--version", action="version", version=_version_told())
    parser.set_defaults(code=0)
    commands = parser.add_subparsers(required=True, metavar="command")

    new = commands.add_parser("new", help="write the folder of a new review")
    new.add_argument("folder", type=Path, help=FOLDER)
    new.set_defaults(run=_new)

    check = commands.add_parser("check", help="say what is wrong and what is missing")
    check.add_argument("folder", type=Path, help=FOLDER)
    check.set_defaults(run=_check)

    bring = commands.add_parser(
        "import",
        help="read an extraction sheet (CSV, xlsx, ods) or the exports of a search (any format)",
    )
    bring.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what to read")
    bring.add_argument("--to", type=Path, required=True, metavar="DIR", help="the review")
    bring.add_argument("--outcome", help="outcome of every row, if the sheet has no such column")
    bring.add_argument("--time", help="follow-up of every row, if the sheet has no such column")
    bring.add_argument(
        "--sheet",
        help="sheet of a workbook; when absent the first, or the one that holds records",
    )
    bring.add_argument("--encoding", help="encoding of a text file, such as cp1252")
    bring.add_argument("--search", default="1", help="name of the search, for one that came later")
    bring.add_argument(
        "--decisions",
        choices=("first", "second", "both"),
        help="whose decisions an export of Rayyan, ASReview or Covidence holds, of the two people",
    )
    bring.add_argument(
        "--person",
        action="append",
        default=[],
        metavar="NAME",
        help="whose decisions of a file of several people, the first of them first; a third is "
        "who settled what the two differed on",
    )
    bring.add_argument(
        "--decided",
        choices=("include", "exclude"),
        default="",
        help="the decision on every record of the file, as a list of Covidence has it",
    )
    bring.add_argument("--source", default="", help="document from which the sheet was extracted")
    bring.add_argument(
        "--analysis", action="append", default=[], help="analysis of a RevMan file, such as 1.2"
    )
    bring.add_argument(
        "--medians", action="store_true", help="estimate means and SDs from medians with quartiles"
    )
    bring.add_argument(
        "--one-trial",
        action="store_true",
        help="rows of one name, outcome and follow-up are comparisons of one trial",
    )
    bring.add_argument("--instrument", default="", help="of judgements of bias, such as 'RoB 1'")
    bring.add_argument(
        "--scale", choices=("log", "ratio"), default="", help="how the sheet gives ratios"
    )
    bring.add_argument(
        "--compare", action="store_true", help="two sheets of two people: every differing cell"
    )
    bring.add_argument(
        "--replace",
        action="store_true",
        help="cells of the sheet, empty ones too, replace those of the review",
    )
    bring.add_argument(
        "--remove",
        action="store_true",
        help="with --replace: results that came from this sheet and are no longer in it go",
    )
    bring.add_argument(
        "--dry-run", action="store_true", help="say what would change, and write nothing"
    )
    bring.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=HEADER",
        help="which column holds what; one that is no NAME is answered with those there are",
    )
    bring.set_defaults(run=_import)
    select = commands.add_parser(
        "selection", help="count the flow diagram from the search and the decisions"
    )
    select.add_argument("folder", type=Path, help=FOLDER)
    select.set_defaults(run=_selection)
    build = commands.add_parser("build", help="make the book")
    build.add_argument("folder", type=Path, nargs="?", default=Path(), help=HERE)
    build.add_argument(
        "--watch", action="store_true", help="serve it here, and make it again at each change"
    )
    build.add_argument("--port", type=int, default=8000, help="of --watch; 0 takes a free one")
    build.set_defaults(run=_build)

    pdf = commands.add_parser("pdf", help="make the book and print it as one file")
    pdf.add_argument("folder", type=Path, nargs="?", default=Path(), help=HERE)
    pdf.set_defaults(run=_pdf)
    paper = commands.add_parser(
        "manuscript", help="write the review as a manuscript: Word and Markdown"
    )
    paper.add_argument("folder", type=Path, nargs="?", default=Path(), help=HERE)
    paper.add_argument("--out", type=Path, metavar="FILE", help="manuscript.docx in the review")
    paper.add_argument("--replace", action="store_true", help="write over files that are there")
    paper.set_defaults(run=_manuscript)
    out = commands.add_parser("export", help="write the review in the form of another program")
    out.add_argument("folder", type=Path, help=FOLDER)
    out.add_argument("--to", required=True, choices=FORMS, help="the form of the files")
    out.add_argument("--into", type=Path, metavar="DIR", help="where to; export/ in the review")
    out.set_defaults(run=_export)
    again = commands.add_parser(
        "with-r", help="compute every analysis again in R (metafor), and record whether it agrees"
    )
    again.add_argument("folder", type=Path, nargs="?", default=Path(), help=HERE)
    again.set_defaults(run=_with_r)
    version = commands.add_parser("version", help="record the review as it is as a version")
    version.add_argument("folder", type=Path, help=FOLDER)
    version.add_argument("version", help="its name, such as 1.1")
    version.add_argument("--note", default="", help="what made it necessary")
    version.add_argument(
        "--date", default=datetime.date.today().isoformat(), help="as 2026-01-31; by default today"
    )
    version.add_argument(
        "--basis", choices=("computed", "printed"), default="computed", help="of its results"
    )
    version.add_argument("--status", default="", help="whether the review is kept up to date")
    version.add_argument("--again", action="store_true", help="replace the newest version")
    version.set_defaults(run=_version)
    _add_watch(commands)
    for name, (told, example) in COMMANDS.items():
        command = commands.choices[name]
        command.description = told
        command.epilog = f"{EXIT_CODES} Example: {_program()} {example}"
    parser.epilog = f"COMMAND --help tells what a command takes, with an example. {EXIT_CODES}"
    return parser


def _add_watch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    watch = commands.add_parser(
        "watch",
        help="ask ClinicalTrials.gov, PubMed and Crossref what is new since the last time",
        description="Ask what is new by the queries in data/searches.toml, keep every answer under "
        "data/search/watch, and add what was never seen to data/found.csv, where people decide.",
        epilog="Exit codes: 0 nothing new; 1 something to mend first, nothing was recorded; 3 "
        "something new; 4 nothing new, but a service did not answer; 5 something new, and a "
        "service did not answer; 130 interrupted, and the next watch of the day goes on. "
        f"Example: {_program()} watch my-review --replay answers",
    )
    watch.add_argument("folder", type=Path, nargs="?", default=Path(), help=HERE)
    watch.add_argument("--replay", type=Path, metavar="FOLDER", help="answers kept, no network")
    watch.add_argument("--contact", default="", help="address for services; else review.toml's")
    watch.set_defaults(run=_watch)


def _new(options: argparse.Namespace) -> list[str]:
    from analysis_lib.importing.new_review import new_review

    written = new_review(options.folder)
    return [
        f"{plural(len(written), 'file')} written in {options.folder}.",
        f"Next: fill {options.folder / 'data' / 'review.toml'}, and outcomes.csv and "
        "follow_ups.csv beside it; trials, arms and results come by import:",
        f"{_program()} import SHEET --to {options.folder}",
        f"{_program()} check {options.folder}",
    ]


def _check(options: argparse.Namespace) -> list[str]:
    from analysis_lib.importing.checking import check_folder

    return check_folder(options.folder)


def _import(options: argparse.Namespace) -> Iterator[str]:
    from analysis_lib.importing.extraction import holds_results, read_results
    from analysis_lib.importing.filling import prepare_results
    from analysis_lib.importing.judgements import defined_instruments, read_judgements
    from analysis_lib.importing.search import is_search_export
    from analysis_lib.review.extraction import open_cells, read_differences
    from analysis_lib.review.model import data_folder

    if options.remove and not options.replace:
        raise ReviewError("--remove takes out what a corrected sheet lacks: say --replace, too")
    folder = data_folder(options.to)
    if options.decisions or options.decided:
        yield from _import_decisions(options, folder)
        return
    columns = _columns(options.column)
    stop(_tables_of_reviews(options.files, folder), "with what is to be imported")
    searches = [is_search_export(file, columns, options.sheet) for file in options.files]
    if all(searches):
        yield from _import_search(options, folder)
        return
    if options.compare and len(options.files) == 1:
        raise ReviewError("--compare needs two sheets, of two people: import A.xlsx B.xlsx")
    if any(searches) or len(options.files) != 1 + options.compare:
        raise ReviewError(
            "import one extraction sheet at a time, apart from search exports; two sheets of two "
            "people with --compare"
        )
    tables = [
        read_results(
            file, sheet=options.sheet, encoding=options.encoding, analyses=options.analysis
        )
        for file in options.files
    ]
    if options.instrument or not holds_results(tables[0], columns):
        judged = read_judgements(tables[0], options.instrument, defined_instruments(folder))
        if judged is not None and options.compare:
            raise ReviewError("--compare compares results; settle judgements of bias in one sheet")
        if judged is not None:
            yield from _import_judgements(options, folder, judged)
            return
    if not options.compare:
        stop(open_cells(read_differences(folder)), OPEN_CELLS)
    imported, told = _results(options, folder, tables)
    prepared = prepare_results(
        imported,
        folder,
        source=options.source,
        replace=options.replace,
        remove=options.remove,
        scale=options.scale,
        beside=options.files[0].parent if tables[0].is_own else None,
    )
    yield from told
    yield f"{plural(len(imported.results) + len(imported.differences), 'result')} read."
    yield from _told_filled(prepared.filled, ("result", "numbers"), dry_run=options.dry_run)
    yield from _some(imported.notes)
    if not options.dry_run:  # what changes was shown, and only now is it so
        prepared.write()


def _tables_of_reviews(files: Sequence[Path], folder: Path) -> Iterator[str]:
    """Name the files that are tables of a review, which need no import."""
    from analysis_lib.importing.own_export import table_of_review

    for file in files:
        if name := table_of_review(file):
            yield (
                f"{file.name}: the table {name} of a review is not imported, but read where it "
                f"is: as {folder / name}.csv. Write its rows there, then use check"
            )


def _some(notes: Sequence[str]) -> Iterator[str]:
    """Say the first notes, and how many there are more."""
    yield from notes[:MOST_PROBLEMS]
    more = len(notes) - MOST_PROBLEMS
    if more > 0:
        yield f"... and {plural(more, 'more line')} like these."


def _told_filled(filled: Filled, what: tuple[str, str], *, dry_run: bool) -> Iterator[str]:
    """Say what an import wrote, or would write."""
    if dry_run:
        yield "Nothing is written; without --dry-run it would be:"
    added = [f"{plural(rows, 'row')} in {name}" for name, rows in filled.added.items() if rows]
    if added:
        yield f"Added: {', '.join(added)}."
    yield from map(str, filled.changes)
    yield from _some(filled.notes)
    if filled.known:
        yield f"{plural(filled.known, what[0])} stood there already, with the same {what[1]}."


def _import_judgements(options: argparse.Namespace, folder: Path, judged: Judged) -> list[str]:
    from analysis_lib.importing.judgements import add_judgements, unused_columns

    filled = add_judgements(
        judged,
        folder,
        outcome=options.outcome,
        source=options.source,
        replace=options.replace,
        remove=options.remove,
        dry_run=options.dry_run,
    )
    unused = unused_columns(judged)
    return [
        f"Judgements by {judged.instrument.name}: {', '.join(judged.items)}.",
        *_told_filled(filled, ("judgement", "words"), dry_run=options.dry_run),
        *_some(judged.sheet.notes),
        *[f"columns not used: {', '.join(unused)}"] * bool(unused),
    ]


def _results(
    options: argparse.Namespace, folder: Path, tables: Sequence[Sheet]
) -> tuple[ImportedResults, list[str]]:
    """Read one extraction sheet, or the two of two people as they were settled."""
    from analysis_lib.importing.extraction import results_of

    columns, table, told = _columns(options.column), tables[0], list[str]()
    if options.compare:
        table, told = _compared(options, folder, tables, columns)
        columns = {name: header for name, header in columns.items() if header in table.columns}
    imported = results_of(
        table,
        columns=columns,
        outcome=options.outcome,
        time=options.time,
        medians=options.medians,
        one_trial=options.one_trial,
    )
    return imported, told


def _compared(
    options: argparse.Namespace, folder: Path, tables: Sequence[Sheet], columns: Mapping[str, str]
) -> tuple[Sheet, list[str]]:
    """Compare two sheets; stop while a cell is open in which they differ."""
    from analysis_lib.importing.comparing import compare_sheets, settle

    first, second = tables
    comparison = compare_sheets(
        first, second, columns=columns, outcome=options.outcome, time=options.time
    )
    comparison = settle(comparison, folder, dry_run=options.dry_run)
    stop(comparison.open, "between the two sheets; nothing was imported")
    return comparison.settled(), [str(comparison), *comparison.notes]


def _import_search(options: argparse.Namespace, folder: Path) -> list[str]:
    from analysis_lib.importing.search import read_records
    from analysis_lib.importing.search.store import add_search

    columns = _columns(options.column)
    exports = [
        read_records(file, encoding=options.encoding, columns=columns, sheet=options.sheet)
        for file in options.files
    ]
    added = add_search(exports, folder, search=options.search)
    notes = [note for export in exports for note in export.notes]
    if added.known:
        notes.append(f"{plural(added.known, 'record')} stood there already and were left alone.")
    notes += [f"{box}: {n}" for box, n in added.counts.items()]
    for decision, told in TOLD_DECISIONS.items():
        n = sum(stored.decision == decision for stored in added.records)
        notes += [f"{plural(n, 'record')} {told}."] * bool(n)
    for title in added.kept_answers:
        notes.append(f"A duplicate that somebody has screened stays in screening.csv: {title}")
    return [
        *notes,
        f"Every decision is in {folder / 'search' / 'records.csv'}; change it there, and the next "
        "import keeps to it. screening.csv waits for two people.",
    ]


def _import_decisions(options: argparse.Namespace, folder: Path) -> list[str]:
    from analysis_lib.importing.search.decisions import add_decisions, read_decisions

    told = []
    for file in options.files:
        screened = read_decisions(file, encoding=options.encoding, decided=options.decided)
        who = options.decisions or "first"
        added = add_decisions(
            screened, folder, who, people=options.person, overwrite=options.replace
        )
        told.append(
            f"{screened.file}: {plural(added.added, 'decision')} written into screening.csv, "
            f"{added.known} stood there already, {added.unanswered} undecided "
            f"({', '.join(f'{person}: {column}' for person, column in added.columns.items())})"
        )
        lost = [f"row {r.row} {r.title}" for r in added.not_found[:MOST_PROBLEMS]]
        if lost:
            n = plural(len(added.not_found), "decided record")
            told.append(f"{n} not found among those of the search: {'; '.join(lost)}")
        unsure = [
            f"row {record.row} {record.title} ({' or '.join(map(str, numbers))})"
            for record, numbers in added.unsure[:MOST_PROBLEMS]
        ]
        if unsure:
            n = plural(len(added.unsure), "decided record")
            told.append(
                f"{n} may be several of the search, and nothing was written; type the answer into "
                f"screening.csv yourself: {'; '.join(unsure)}"
            )
    return told


def _selection(options: argparse.Namespace) -> list[str]:
    from analysis_lib.importing.search.selecting import fill_selection
    from analysis_lib.review.model import data_folder

    found = fill_selection(data_folder(options.folder))
    if found.waiting:
        told = "\n".join(f"- {one}" for one in found.conflicts[:MOST_PROBLEMS])
        settle = (
            "\nWhere two people differ, write what holds into a column settled of screening.csv"
            f"{'; the first' * (len(found.conflicts) > MOST_PROBLEMS)}:\n"
        )
        raise ReviewError(
            f"The flow diagram is not counted yet: {'; '.join(found.waiting)}."
            + (settle + told) * bool(told)
        )
    boxes = [f"{row['label']}: {row['count']}" for row in found.boxes]
    return [*boxes, "Written into selection.csv, from which the flow diagram is drawn."]


def _build(options: argparse.Namespace) -> list[str]:
    from analysis_lib.book.build import build

    if options.watch:
        from analysis_lib.book.serving import watch

        watch(options.folder, options.port)
    build(options.folder)
    return [f"open {options.folder / '_build' / 'html' / 'index.html'} in a browser"]


def _pdf(options: argparse.Namespace) -> list[str]:
    from analysis_lib.book.printing import print_book

    pdf = print_book(options.folder)
    return [f"{pdf}: {pdf.stat().st_size / 1e6:.1f} MB"]


def _manuscript(options: argparse.Namespace) -> list[str]:
    from analysis_lib.book.manuscript.word import write_manuscript
    from analysis_lib.review.model import data_folder, load_review

    data = data_folder(options.folder)
    out = options.out or data.parent / "manuscript.docx"
    written = write_manuscript(load_review(data), out, replace=options.replace)
    return [f"Written: {file}" for file in written]


def _export(options: argparse.Namespace) -> list[str]:
    from analysis_lib.book.engine import deposit, exporting
    from analysis_lib.review.model import data_folder, load_review

    data = data_folder(options.folder)
    into = options.into or data.parent / "export" / options.to
    if options.to == "ro-crate":
        review = load_review(data)
        written, missing = deposit.write_crate(review, into), deposit.missing(review)
    else:
        written, missing = exporting.export(load_review(data), options.to, into), []
    return [*(f"Written: {file}" for file in written), *missing]


def _with_r(options: argparse.Namespace) -> list[str]:
    from analysis_lib.book.engine.with_r import compare_with_r
    from analysis_lib.review.model import data_folder, load_review

    review = load_review(data_folder(options.folder))
    told, agrees = compare_with_r(review, datetime.date.today())
    options.code = 0 if agrees else 1
    return [told]


def _version(options: argparse.Namespace) -> list[str]:
    from analysis_lib.book.engine.deposit import write_deposit
    from analysis_lib.conclusions.versions import add_version
    from analysis_lib.review.model import data_folder, load_review

    given = {name: vars(options)[name] for name in ("basis", "status", "note", "again")}
    data = data_folder(options.folder)
    add_version(data, options.version, options.date, **given)
    written = write_deposit(load_review(data))
    return [
        f"Version {options.version} of {options.date} is recorded.",
        *(f"Written: {file}" for file in written),
    ]


def _watch(options: argparse.Namespace) -> list[str]:
    from analysis_lib.importing.watching import watch

    watched = watch(options.folder, contact=options.contact, replay=options.replay)
    options.code = watched.code
    return list(watched.lines())


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        name, mark, header = pair.partition("=")
        if not mark:
            raise ReviewError(f"--column {pair}: write NAME=HEADER")
        columns[name.strip()] = header.strip()
    return columns


if __name__ == "__main__":
    sys.exit(main())

"""Do other programs get the numbers of the review, and lead to its answers again?"""

from __future__ import annotations

import csv
import dataclasses
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import DATA, ROOT

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine.exporting import export
from analysis_lib.importing import import_results, read_records
from analysis_lib.importing.search.store import add_search
from analysis_lib.pooling.methods import CI_METHODS, TAU2_METHODS, Methods
from analysis_lib.review.possible import pooled_analyses

# All digits are written, so the same computation of the same numbers gives the same answer.
CLOSED_FORM = 1e-9
FOLDERS = {
    "reconstructed": DATA,
    "events": ROOT / "examples" / "rosiglitazone" / "data",
    "means": ROOT / "examples" / "spinal_manipulation" / "data",
}
R = shutil.which("Rscript")


@pytest.fixture(scope="module", params=FOLDERS)
def review(request: pytest.FixtureRequest) -> al.Review:
    return al.load_review(FOLDERS[request.param])


def test_the_comparisons_lead_to_the_answers(review: al.Review, tmp_path: Path) -> None:
    export(review, "csv", tmp_path)
    comparisons = pd.read_csv(tmp_path / "comparisons.csv")
    answers = pd.read_csv(tmp_path / "analyses.csv")
    assert len(answers) == len(list(pooled_analyses(review))) > 0
    for answer in answers.itertuples():
        rows = comparisons[comparisons["analysis"] == answer.analysis].dropna(subset=["TE"])
        assert len(rows) == answer.comparisons
        assert rows["study"].is_unique
        assert (rows["treat1"] != rows["treat2"]).all()
        if answer.pooled_by != "inverse":
            continue  # counts are added up: R does that below
        fit = al.pool(
            rows["TE"].to_numpy(),
            rows["seTE"].to_numpy() ** 2,
            tau2_method=answer.tau2_method,
            ci_method=answer.ci_method,
            pi_method=answer.pi_method,
            level=answer.level,
        )
        ours = [answer.estimate, answer.ci_low, answer.ci_high]
        assert ours == pytest.approx([fit.estimate, *fit.ci], rel=CLOSED_FORM, abs=CLOSED_FORM)


@pytest.mark.slow
def test_what_is_not_reported_is_told_beside_its_number(tmp_path: Path) -> None:
    review = al.load_review(DATA)
    export(review, "csv", tmp_path)
    export(review, "revman", tmp_path)
    effects = list(pooled_analyses(review))
    expected = Counter(word for one in effects for word in one.table["provenance"])
    assert Counter(pd.read_csv(tmp_path / "comparisons.csv")["provenance"]) == expected
    names = pd.read_csv(tmp_path / "revman.csv")["Study"]
    for word in ("reconstructed", "secondary"):
        assert names.str.endswith(f"({word})").sum() == expected[word]


def test_revman_rows_are_read_again_with_the_same_effects(
    review: al.Review, tmp_path: Path
) -> None:
    export(review, "revman", tmp_path)
    with (tmp_path / "revman.csv").open(encoding="utf-8", newline="") as file:
        numbers = {(r["Analysis group"], r["Analysis number"]) for r in csv.DictReader(file)}
    for (group, number), effects in zip(
        sorted(numbers, key=lambda n: (int(n[0]), int(n[1]))), pooled_analyses(review), strict=True
    ):
        found = import_results(
            tmp_path / "revman.csv", time=effects.follow_up, analyses=[f"{group}.{number}"]
        )
        if found.differences:
            got = [(d.estimate, d.se) for d in found.differences]
            table = effects.table
            told = zip(table["effect"], np.sqrt(table["variance"]), strict=True)
            assert got == [pytest.approx(pair, rel=CLOSED_FORM) for pair in told]
        elif effects.is_of_events:
            counts = [r.events for r in found.results if r.side == "experimental"]
            known = effects.table if effects.silent is None else pd.concat(
                [effects.table, effects.silent])  # fmt: skip
            assert counts == known["events_experimental"].tolist()
        else:
            one, two = found.results[::2], found.results[1::2]
            sizes = al.mean_difference(
                *([getattr(r, name) for r in arms] for arms in (one, two)
                  for name in ("n", "mean", "sd"))
            )  # fmt: skip
            assert sizes.effect == pytest.approx(effects.effect, rel=CLOSED_FORM)
            assert sizes.variance == pytest.approx(effects.variance, rel=CLOSED_FORM)


def test_the_reports_are_read_again_with_their_titles(tmp_path: Path) -> None:
    review = al.load_review(DATA)
    export(review, "ris", tmp_path)
    included = read_records(tmp_path / "included.ris")
    assert [r.year for r in included] == review.reports["year"].tolist()
    assert all(record.title and "{" not in record.title for record in included)
    excluded = read_records(tmp_path / "excluded.ris")
    assert [r.title for r in excluded] == review.excluded_reports["title"].tolist()
    text = (tmp_path / "excluded.ris").read_text(encoding="utf-8")
    for reason in review.excluded_reports["reason"]:
        assert f"N1  - Excluded: {reason}\n" in text


SEARCH = """TY  - JOUR
TI  - One trial of walking
AU  - Núñez, A
PY  - 2001
DO  - 10.1000/one
ER  -

TY  - JOUR
TI  - One trial of walking
AU  - Núñez, A
PY  - 2001
DO  - 10.1000/one
ER  -

TY  - JOUR
TI  - =Another of swimming
PY  - 2002
ER  -
"""


def test_the_records_of_a_search_are_told_without_duplicates(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    (tmp_path / "found.ris").write_text(SEARCH, encoding="utf-8")
    add_search([read_records(tmp_path / "found.ris")], folder)
    screening = folder / "search" / "screening.csv"
    lines = screening.read_text(encoding="utf-8").splitlines()
    screening.write_text("\n".join([*lines[:1], f"{lines[1]}x", *lines[2:]]), encoding="utf-8")
    export(al.load_review(folder, bibliography=ROOT / "book" / "references.bib"), "ris", tmp_path)
    found = read_records(tmp_path / "records.ris")
    assert [(r.title, r.year) for r in found] == [
        ("One trial of walking", 2001),
        ("=Another of swimming", 2002),
    ]
    assert "N1  - Screened: x\n" in (tmp_path / "records.ris").read_text(encoding="utf-8")


def test_a_new_review_has_nothing_to_export(tmp_path: Path) -> None:
    review = al.load_review(DATA)
    empty = dataclasses.replace(
        review, **{name: getattr(review, name).iloc[:0] for name in ("outcomes", "analyses")}
    )
    for form in ("csv", "metafor", "revman"):
        with pytest.raises(ReviewError, match=f"nothing to export to {form}"):
            export(empty, form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["csv", "revman"])
def test_every_column_is_described(review: al.Review, form: str, tmp_path: Path) -> None:
    files = {path.name: path for path in export(review, form, tmp_path)}
    told = files["README.md"].read_text(encoding="utf-8")
    assert all(name in told for name in files if name != "README.md")
    for name in {"comparisons.csv", "analyses.csv", "covariances.csv"} & set(files):
        heads = files[name].read_text(encoding="utf-8").splitlines()[0].split(",")
        words = set(told.replace(",", " ").replace(":", " ").replace(")", " ").split())
        assert [head for head in heads if not head.startswith("review ")] == [
            head for head in heads if head in words
        ]


def test_the_command_writes_beside_the_review(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copytree(FOLDERS["means"].parent, tmp_path / "review")
    assert main(["export", str(tmp_path / "review"), "--to", "metafor"]) == 0
    names = {path.name for path in (tmp_path / "review" / "export" / "metafor").iterdir()}
    tables = {"comparisons.csv", "analyses.csv", "outcomes.csv", "follow_ups.csv"}
    assert names == {*tables, "metafor.R", "README.md"}
    assert capsys.readouterr().out.count("Written: ") == len(names)


def _run_r(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [str(R), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    if "there is no package" in done.stderr:
        pytest.skip("R has no metafor")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Loading metafor takes R a second, so that one session runs the scripts of all methods.
SESSION = """\
for (name in commandArgs(TRUE)) {
  cat("==", name, "\\n")
  own <- list2env(list(quit = function(status) stopifnot(status == 0)), parent = globalenv())
  sys.source(file.path(name, "metafor.R"), envir = own, chdir = TRUE)
}
"""


@pytest.fixture(scope="module")
def answers_of_r(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what R says of the review by each estimator and interval."""
    review, folder = al.load_review(DATA), tmp_path_factory.mktemp("r")
    names = [f"{tau2} {ci}" for tau2 in TAU2_METHODS for ci in CI_METHODS]
    for name in names:
        tau2, ci = name.split()
        methods = Methods(tau2_method=tau2, ci_method=ci)
        info = review.info.model_copy(update={"methods": methods})
        export(dataclasses.replace(review, info=info), "metafor", folder / name)
    told = _run_r("-e", SESSION, *names, cwd=folder).split("== ")[1:]
    return dict(one.split(" \n", 1) for one in told)


@pytest.mark.slow
@pytest.mark.skipif(R is None, reason="R is not installed")
@pytest.mark.parametrize("ci_method", CI_METHODS)
@pytest.mark.parametrize("tau2_method", TAU2_METHODS)
def test_metafor_has_the_same_answers(
    tau2_method: str, ci_method: str, answers_of_r: dict[str, str]
) -> None:
    told = answers_of_r[f"{tau2_method} {ci_method}"]
    assert "14 of 14 analyses are as in metafor" in told


@pytest.mark.slow
@pytest.mark.skipif(R is None, reason="R is not installed")
def test_metafor_adds_up_events_to_the_same_answers(review: al.Review, tmp_path: Path) -> None:
    n = len(list(pooled_analyses(review)))
    export(review, "metafor", tmp_path)
    assert f"{n} of {n} analyses are as in metafor" in _run_r("metafor.R", cwd=tmp_path)


def test_a_folder_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "examples" / "rosiglitazone" / "data", tmp_path / "data")
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "examples" / "rosiglitazone" / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "export").write_text("a file where a folder has to be")
    assert main(["export", str(tmp_path), "--to", "csv"]) == 1
    told = capsys.readouterr().err
    assert str(tmp_path / "export") in told
    assert "cannot be read or written" in told

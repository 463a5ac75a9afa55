"""Do citation, Zenodo's form and RO-Crate say the same, and the same bytes twice?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from places import DATA, ROOT
from sphinx_book_theme.header_buttons import update_context_with_repository_info
from sphinx_book_theme.header_buttons.launch import add_launch_buttons

from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.book.engine import deposit
from analysis_lib.book.sphinx import launching
from analysis_lib.importing.new_review import new_review
from analysis_lib.review.entries import read_toml
from analysis_lib.review.info import ReviewInfo
from analysis_lib.review.model import load_review

EXAMPLE = ROOT / "examples" / "hazard_ratios"


def read(texts: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    return yaml.safe_load(texts[deposit.CITATION]), json.loads(texts[deposit.ZENODO])


@pytest.mark.parametrize("folder", [DATA, EXAMPLE / "data"], ids=["own", "example"])
def test_all_forms_say_the_same(folder: Path) -> None:
    review = load_review(folder)
    cff, zenodo = read(deposit.deposit_files(review))
    graph = json.loads(deposit.crate(review, {"data/a.csv": b"x"}))["@graph"]
    root = next(one for one in graph if one["@id"] == "./")
    people = {one["@id"]: one["name"] for one in graph if one["@type"] == "Person"}
    assert cff["title"] == zenodo["title"] == root["name"]
    assert cff["abstract"] == zenodo["description"] == root["description"]
    assert [one["name"] for one in cff["authors"]] == [one["name"] for one in zenodo["creators"]]
    assert [people[one["@id"]] for one in root["author"]] == [one["name"] for one in cff["authors"]]
    assert cff.get("version") == zenodo.get("version") == root.get("version")
    assert cff.get("date-released") == zenodo.get("publication_date") == root.get("datePublished")
    assert cff.get("license") == zenodo.get("license")
    stated = root["license"].removeprefix(deposit.LICENCES)
    assert stated == cff.get("license", deposit.NO_LICENCE)
    assert any(one["@id"] == "data/a.csv" and one["contentSize"] == "1" for one in graph)


def test_the_files_of_this_repository_are_those_that_are_made() -> None:
    for name, text in deposit.deposit_files(load_review(DATA)).items():
        assert (ROOT / name).read_text(encoding="utf-8") == text


def test_the_same_data_make_the_same_crate(tmp_path: Path) -> None:
    written = []
    for place in ("one", "two"):
        into = tmp_path / place
        command = ["export", str(EXAMPLE), "--to", "ro-crate", "--into", str(into)]
        assert main(command) == 0
        written.append(
            {p.relative_to(into): p.read_bytes() for p in into.rglob("*") if p.is_file()}
        )
    assert written[0] == written[1]
    held = {path.as_posix() for path in written[0]}
    graph = json.loads(written[0][Path(deposit.CRATE)])["@graph"]
    parts = {one["@id"] for one in graph if one["@type"] == "File"}
    assert parts == {path for path in held if path.startswith("data/")}
    assert {"CITATION.cff", ".zenodo.json", "ro-crate-metadata.json"} <= held


def test_a_version_writes_them_anew(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("_build"))
    assert main(["version", str(folder), "2.0", "--date", "2026-02-03", "--note", "first"]) == 0
    cff = yaml.safe_load((folder / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cff["version"], cff["date-released"]) == ("2.0", "2026-02-03")
    assert json.loads((folder / ".zenodo.json").read_text())["version"] == "2.0"


def test_settings_that_are_no_yaml_are_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("_build"))
    (folder / "_config.yml").write_text("a: [")
    with pytest.raises(ReviewError, match=r"_config\.yml: cannot be read"):
        deposit.deposit_files(load_review(folder / "data"))


# --- the launch button ----------------------------------------------------------------------------


class Settings(dict[str, Any]):
    """Settings that are asked for by attribute and by item, as Sphinx's are."""

    __getattr__ = dict[str, Any].__getitem__


def buttons(monkeypatch: pytest.MonkeyPatch, repository: str) -> list[dict[str, Any]]:
    """Return what the theme puts on the page of a notebook."""
    info = load_review(DATA).info.model_copy(update={"repository": repository})
    made = SimpleNamespace(review=SimpleNamespace(info=info))
    monkeypatch.setattr(launching, "making", lambda app: made)
    options = {"repository_url": "https://github.com/other/one", "launch_buttons": {}}
    env = SimpleNamespace(
        doc2path=lambda page: f"{page}.ipynb",
        metadata={"notebooks/01_selection": {"kernelspec": 1}},
    )
    config = Settings(html_theme_options=options, html_context={"default_mode": "auto"})
    app = SimpleNamespace(env=env, config=config, builder=SimpleNamespace(theme_options=options))
    launching.offer_launch(app, config)  # type: ignore[arg-type]
    update_context_with_repository_info(app)
    context: dict[str, Any] = {
        "header_buttons": [],
        "sourcename": "01_selection.ipynb",
        "page_source_suffix": ".ipynb",
        "pagename": "notebooks/01_selection",
        "kernel_name": "python3",
        **config.html_context,
    }
    add_launch_buttons(app, "notebooks/01_selection", "", context, None)  # type: ignore[arg-type]
    return [one for group in context["header_buttons"] for one in group["buttons"]]


def test_a_notebook_has_a_button_where_the_repository_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (button,) = buttons(monkeypatch, "https://github.com/ann/pain-review")
    assert button["url"] == (
        "https://mybinder.org/v2/gh/ann/pain-review/HEAD"
        "?urlpath=lab/tree/notebooks/01_selection.ipynb"
    )


def test_there_is_none_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert buttons(monkeypatch, "") == []
    assert load_review(DATA).info.repository == ""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('repository = "javascript:evil()"', "repository"),
        ('repository = "https://github.com/ann/review?x"', "repository.*must be the address"),
        ('repository = "https://evil.example/ann/review"', "repository.*must be the address"),
        ('license = "CC BY"', "license.*must be the short name"),
    ],
)
def test_another_address_or_licence_is_refused(line: str, told: str) -> None:
    text = (EXAMPLE / "data" / "review.toml").read_text(encoding="utf-8")
    with pytest.raises(ReviewError, match=told):
        read_toml(f"{line}\n{text}", ReviewInfo, "review.toml")


def test_a_new_review_can_be_launched(tmp_path: Path) -> None:
    new_review(tmp_path / "mine")
    hidden = tmp_path / "mine" / ".binder"
    assert (hidden / "requirements.txt").read_text() == "-r ../requirements.txt\n"
    assert (hidden / "runtime.txt").read_text() == (ROOT / ".binder" / "runtime.txt").read_text()
    conda = yaml.safe_load((tmp_path / "mine" / "environment.yml").read_text())
    assert {"pip": ["-r requirements.txt"]} in conda["dependencies"]
    assert not (tmp_path / "mine" / "binder").exists()


def test_what_a_repository_will_ask_for_is_told(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    example = ROOT / "examples" / "rosiglitazone"
    assert main(["export", str(example), "--to", "ro-crate", "--into", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "No version is recorded" in told
    assert "review.toml states no licence" in told
    assert deposit.missing(load_review(DATA)) == []

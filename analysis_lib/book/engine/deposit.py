"""What a repository of data needs to know of a review: its citation, Zenodo's form, an RO-Crate.

All three are made from ``review.toml``, the recorded versions and the title of the book, and so say
the same. Nothing is stamped with the time at which it was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pybtex.database import Person, parse_file

from analysis_lib.book.engine.settings import CONFIG, read_yaml
from analysis_lib.conclusions.versions import data_fingerprint, read_versions
from analysis_lib.importing.texts import write_all
from analysis_lib.review.model import Review

CITATION, ZENODO, CRATE = "CITATION.cff", ".zenodo.json", "ro-crate-metadata.json"
OF_A_PUBLICATION: Final = "Please cite the review itself, and this book for the recomputation."
OF_A_REVIEW: Final = "Please cite this review, with its version."
NO_LICENCE: Final = "No licence is stated."  # an RO-Crate must say something of it
LICENCES: Final = "https://spdx.org/licenses/"
FORMATS: Final = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".toml": "application/toml",
    ".md": "text/markdown",
    ".txt": "text/plain",
}


def deposit_files(review: Review) -> dict[str, str]:
    """Return the texts of ``CITATION.cff`` and ``.zenodo.json``, by these names.

    Raises
    ------
    ReviewError
        If ``_config.yml`` or the bibliography cannot be read.
    """
    told = _described(review)
    return {
        CITATION: _yaml(_citation(review, told)),
        ZENODO: json.dumps(_zenodo(review, told), indent=2, ensure_ascii=False) + "\n",
    }


def write_deposit(review: Review) -> list[Path]:
    """Write `deposit_files` beside the folder of the data, and return their paths."""
    files = {review.path.parent / name: text for name, text in deposit_files(review).items()}
    write_all(files)
    return list(files)


def crate(review: Review, files: Mapping[str, bytes]) -> str:
    """Return the metadata of an RO-Crate that holds some files, by their paths in it."""
    from rocrate.model.contextentity import ContextEntity  # slow to import
    from rocrate.rocrate import ROCrate

    told = _described(review)
    made = ROCrate()
    made.name, made.description = told["title"], told["description"]
    made.root_dataset["datePublished"] = told.get("date")
    made.root_dataset["version"] = told.get("version")
    made.root_dataset["identifier"] = f"data fingerprint {data_fingerprint(review)}"
    made.license = f"{LICENCES}{review.info.license}" if review.info.license else NO_LICENCE
    people = [
        ContextEntity(made, f"#author-{place}", {"@type": "Person", "name": name})
        for place, name in enumerate(told["authors"], start=1)
    ]
    made.add(*people)
    made.root_dataset["author"] = people
    for path, content in sorted(files.items()):
        about = {"name": Path(path).name, "contentSize": str(len(content))}
        if kind := FORMATS.get(Path(path).suffix):
            about["encodingFormat"] = kind
        made.add_file(dest_path=path, properties=about)
    found = _sorted(made.metadata.generate())
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def write_crate(review: Review, folder: Path) -> list[Path]:
    """Write the data of a review as an RO-Crate, with its citation, into a folder."""
    files = {
        f"data/{path.relative_to(review.path).as_posix()}": path.read_bytes()
        for path in sorted(review.path.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }
    texts = {name: text.encode() for name, text in deposit_files(review).items()}
    texts[CRATE] = crate(review, files).encode()
    for name, content in (files | texts).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return [folder / name for name in (CRATE, *sorted(texts.keys() - {CRATE}))]


def missing(review: Review) -> list[str]:
    """Return what a repository will ask for and the review does not say, a sentence each."""
    versions, _ = read_versions(review.path)
    told = []
    if versions.empty:
        told.append("No version is recorded, so that a date is missing: `version` records one.")
    if not review.info.license:
        told.append("review.toml states no licence: license = ...")
    return told


def _described(review: Review) -> dict[str, Any]:
    """Return what all forms say: title, authors, description, and the newest version."""
    settings = review.path.parent / CONFIG
    book = read_yaml(settings) if settings.is_file() else {}
    book = book if isinstance(book, dict) else {}
    told: dict[str, Any] = {
        "title": str(book.get("title") or review.info.title),
        "authors": [str(book["author"])] if book.get("author") else list(review.info.authors),
        "description": review.info.question,
    }
    versions, _ = read_versions(review.path)
    if len(versions):
        newest = versions.iloc[-1]
        told |= {"version": str(newest["version"]), "date": str(newest["date"])}
    return told


def _citation(review: Review, told: Mapping[str, Any]) -> dict[str, Any]:
    works = list(_article(review))
    found: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": OF_A_PUBLICATION if works else OF_A_REVIEW,
        "title": told["title"],
        "type": "dataset",
        "authors": [{"name": name} for name in told["authors"]],
        "abstract": told["description"],
        "version": told.get("version"),
        "date-released": told.get("date"),
        "license": review.info.license or None,
        "repository-code": review.info.repository or None,
        "references": works or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _article(review: Review) -> Iterable[dict[str, Any]]:
    """Yield the article that a book recomputes, if its bibliography says who, what and when."""
    file = review.path.parent / "book" / "references.bib"
    entry = parse_file(file).entries.get(review.info.citation) if file.is_file() else None
    if entry is None or not {"title", "year"} <= set(entry.fields):
        return
    names = entry.persons.get("author", [])
    found = {
        "type": "article",
        "title": entry.fields["title"].replace("{", "").replace("}", ""),
        "authors": [_person(name) for name in names],
        "year": int(entry.fields["year"]) if entry.fields["year"].isdecimal() else None,
        "doi": entry.fields.get("doi"),
    }
    yield {name: value for name, value in found.items() if value}


def _person(name: Person) -> dict[str, str]:
    first = " ".join([*name.first_names, *name.middle_names])
    last = " ".join([*name.prelast_names, *name.last_names])
    return {"family-names": last, **({"given-names": first} if first else {})}


def _zenodo(review: Review, told: Mapping[str, Any]) -> dict[str, Any]:
    works = [
        {"identifier": work["doi"], "relation": "isDerivedFrom", "scheme": "doi"}
        for work in _article(review)
        if "doi" in work
    ]
    found: dict[str, Any] = {
        "title": told["title"],
        "upload_type": "dataset",
        "description": told["description"],
        "creators": [{"name": name} for name in told["authors"]],
        "version": told.get("version"),
        "publication_date": told.get("date"),
        "license": review.info.license or None,
        "keywords": ["systematic review", "meta-analysis"],
        "related_identifiers": works or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _yaml(found: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=4096))


def _sorted(found: Any) -> Any:
    """Return metadata whose entities stand in one order, without what is not known."""
    graph = [{k: v for k, v in one.items() if v is not None} for one in found["@graph"]]
    return {**found, "@graph": sorted(graph, key=lambda one: str(one["@id"]))}

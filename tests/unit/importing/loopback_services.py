"""Three public services on this machine, which answer as their documentation says.

A `World` holds what the services know. `failing` makes the next requests fail in a chosen way:
each entry is taken once, by the first request whose path holds its word. `study`, `medline` and
`retraction` make up what the services may know.
"""

from __future__ import annotations

import calendar
import datetime
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from analysis_lib.importing.watching.services import Addresses

HTML = b"<!DOCTYPE html><html><body>Down for maintenance</body></html>"
RANGE = re.compile(r"AREA\[LastUpdatePostDate\]RANGE\[(\d{4}-\d\d-\d\d),MAX\]")


CRITERIA = """Inclusion Criteria:

* Adults with chronic non-specific low back pain

Exclusion Criteria:

* Specific low back pain
* Spinal surgery
* Concomitant treatment
"""


def study(number: str, title: str, criteria: str = CRITERIA) -> dict[str, Any]:
    """Return a made-up study, which meets every criterion unless its own say otherwise."""
    return {
        "protocolSection": {
            "identificationModule": {"nctId": number, "briefTitle": title},
            "descriptionModule": {"briefSummary": "A made-up trial of barbells and the spine."},
            "conditionsModule": {"conditions": ["Low Back Pain"]},
            "designModule": {
                "studyType": "INTERVENTIONAL",
                "designInfo": {"allocation": "RANDOMIZED"},
            },
            "armsInterventionsModule": {
                "interventions": [
                    {"name": "Barbell training only: three sets of 8RM"},
                    {"name": "Bodyweight exercise only"},
                ]
            },
            "outcomesModule": {"primaryOutcomes": [{"measure": "Pain intensity (NPRS)"}]},
            "eligibilityModule": {"eligibilityCriteria": criteria, "minimumAge": "18 Years"},
        }
    }


def medline(number: str, title: str, author: str = "Muster, Eva", doi: str = "") -> str:
    lines = [f"PMID- {number}", f"TI  - {title}", f"FAU - {author}", "JT  - Journal of Examples"]
    lines += ["DP  - 2026 Nov", "VI  - 7", f"PG  - {number[-3:]}-9"]
    return "\n".join([*lines, f"LID - {doi} [doi]" if doi else "PT  - Journal Article"])


def noon(day: datetime.date) -> float:
    return calendar.timegm((day.year, day.month, day.day, 12, 0, 0))


def retraction(doi: str, source: str = "retraction-watch") -> dict[str, Any]:
    """Return what Crossref says of a work that was retracted."""
    return {
        "DOI": doi,
        "type": "retraction",
        "label": "Retraction",
        "source": source,
        "updated": {"date-parts": [[2026, 11, 17]], "date-time": "2026-11-17T00:00:00Z"},
        "record-id": "20946",
    }


@dataclass
class Failure:
    """What one request is answered instead: a status, headers, a body, or half a body."""

    where: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False  # promise more bytes than are sent


@dataclass
class World:
    """What the services know, and what they were asked."""

    studies: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)  # day, study
    articles: dict[str, tuple[str, str]] = field(default_factory=dict)  # day, MEDLINE
    works: dict[str, dict[str, Any]] = field(default_factory=dict)  # message by DOI
    now: float | None = None  # seconds, of the services' clock
    page: int = 2  # studies a page
    failing: list[Failure] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    at: Addresses = field(default_factory=Addresses)

    def answer(self, path: str, given: dict[str, str]) -> tuple[int, bytes]:
        """Return status and body."""
        if path == "/studies":
            return 200, json.dumps(self._studies(given)).encode()
        if path == "/esearch.fcgi":
            return 200, json.dumps(self._ids(given)).encode()
        if path == "/efetch.fcgi":
            texts = [self.articles[number][1] for number in given["id"].split(",")]
            return 200, ("\n" + "\n\n".join(texts) + "\n").encode()
        work = self.works.get(unquote(path.removeprefix("/works/")).lower())
        if work is None:
            return 404, b"Resource not found."
        document = {"status": "ok", "message-type": "work", "message": work}
        return 200, json.dumps(document).encode()

    def _studies(self, given: dict[str, str]) -> dict[str, Any]:
        found = RANGE.fullmatch(given["filter.advanced"])
        assert found
        since = [study for day, study in self.studies.values() if day >= found[1]]
        start = int(given.get("pageToken", "t0")[1:])
        end = start + min(self.page, int(given["pageSize"]))
        page: dict[str, Any] = {"studies": since[start:end]}
        if start == 0 and given.get("countTotal") == "true":
            page["totalCount"] = len(since)
        return page | ({"nextPageToken": f"t{end}"} if end < len(since) else {})

    def _ids(self, given: dict[str, str]) -> dict[str, Any]:
        assert given["datetype"] == "edat"
        low, high = given["mindate"].replace("/", "-"), given["maxdate"].replace("/", "-")
        ids = [number for number, (day, _) in self.articles.items() if low <= day <= high]
        start, most = int(given["retstart"]), int(given["retmax"])
        some = ids[start : start + most]
        result = {"count": str(len(ids)), "retmax": str(len(some)), "retstart": str(start)}
        return {
            "header": {"type": "esearch", "version": "0.3"},
            "esearchresult": result | {"idlist": some, "translationset": []},
        }


def _handler(world: World) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            given = {name: values[0] for name, values in parse_qs(parts.query).items()}
            world.asked.append((parts.path, given, self.headers["User-Agent"]))
            failure = next((f for f in world.failing if f.where in parts.path), None)
            if failure is not None:
                world.failing.remove(failure)
                self.send(failure.status, failure.body, failure.headers, failure.cut)
            else:
                self.send(*world.answer(parts.path, given), {}, False)

        def send(self, status: int, body: bytes, headers: dict[str, str], cut: bool) -> None:
            self.send_response_only(status)
            self.send_header("Date", formatdate(world.now, usegmt=True))
            self.send_header("Content-Length", str(len(body) + (10 if cut else 0)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serving(world: World) -> Iterator[World]:
    """Answer on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(world))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        world.at = Addresses(base, base, base)
        yield world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

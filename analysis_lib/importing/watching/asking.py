"""To ask a service politely, and to be sure that what came back is whole.

A service is asked slowly, says who asks, is asked again when it fails, and waits as long as it is
told to. `Web` asks over the network, `Replay` takes the answers that an earlier watch kept.
"""

from __future__ import annotations

import datetime
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.importing.search.record import cleaned
from analysis_lib.importing.texts import read_bytes

if TYPE_CHECKING:
    import httpx

LARGEST_ANSWER: Final = 50_000_000  # bytes; a thousand registry records have about 20 million
TRIES: Final = 5
FIRST_WAIT: Final = 2.0  # seconds, doubled at each try
LONGEST_WAIT: Final = 300.0  # seconds; who is told to wait longer comes another time
TIMEOUT: Final = 60.0  # seconds
BUSY: Final = (408, 425, 429, 500, 502, 503, 504)
WRONG_CLOCK: Final = datetime.timedelta(days=2)  # time zones make one day
NUMBER: Final = re.compile(rb"^PMID- ?(\d+)", re.MULTILINE)
LONGEST_TOLD: Final = 200  # characters of what a service says


class UnansweredError(ReviewError):
    """A service that could not be asked; what was known before stays as it was."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes
    ----------
    service : str
        Name of the service, for people.
    file : str
        Under which name the answer is kept.
    address : str
    parameters : mapping
    form : {"json", "medline"}
        How a whole answer looks.
    records : tuple of str
        The numbers of the records that it must hold, of MEDLINE.
    may_be_unknown : bool
        Whether "not found" is an answer.
    seconds : float
        Between two requests to the service.
    """

    service: str
    file: str
    address: str
    parameters: Mapping[str, str]
    form: Literal["json", "medline"]
    records: tuple[str, ...] = ()
    may_be_unknown: bool = False
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as received; an unknown work is an answer, too (status 404)."""

    status: int
    content: bytes

    @property
    def is_found(self) -> bool:
        """Whether the service knows what it was asked for."""
        return self.status != 404

    def json(self, service: str) -> Any:
        """Return the answer as a document."""
        if (fault := fault_of(self, "json", ())) is not None:
            raise UnansweredError(f"{service}: {fault}")
        return json.loads(self.content)


class Asker(Protocol):
    """What answers requests."""

    def ask(self, request: Request) -> Answer:
        """Return the whole answer.

        Raises
        ------
        UnansweredError
            If there is none.
        """


def fault_of(answer: Answer, form: str, records: tuple[str, ...]) -> str | None:
    """Say why an answer is not whole, or not what was asked for; ``None`` if it is."""
    if not answer.is_found:
        return None
    start = answer.content[:500].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "it answers with a web page (HTML) instead of data"
    if form == "json":
        try:
            json.loads(answer.content)
        except RecursionError:
            return "its answer is nested too deeply"
        except ValueError as error:
            return f"its answer is no JSON, or cut short ({error})"
        return None
    found = [number.decode() for number in NUMBER.findall(answer.content)]
    if sorted(found) != sorted(records) or not answer.content.endswith(b"\n"):
        return "its answer is cut short, or holds other records than it was asked for"
    return None


@dataclass(slots=True)
class Web:
    """The services themselves.

    Attributes
    ----------
    contact : str
        Address of somebody to whom a service may write.
    today : datetime.date
        By the clock of this machine; that of a service must agree.
    wait : callable
        Takes seconds.
    clock : callable
        Returns seconds.
    """

    contact: str
    today: datetime.date
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _last: dict[str, float] = field(default_factory=dict)
    _client: httpx.Client | None = None

    def ask(self, request: Request) -> Answer:
        """Ask, again and again if need be."""
        fault = ""
        for number in range(TRIES):
            self._keep_pace(request)
            answer, fault, seconds = self._try(request, FIRST_WAIT * 2**number)
            if answer is not None:
                return answer
            if seconds > LONGEST_WAIT:
                raise UnansweredError(
                    f"{request.service}: {fault}, and asks to wait {seconds:,.0f} seconds"
                )
            if number + 1 < TRIES:
                self.wait(seconds)
        raise UnansweredError(f"{request.service}: {fault} (asked {TRIES} times)")

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    def _keep_pace(self, request: Request) -> None:
        since = self.clock() - self._last.get(request.service, -request.seconds)
        if since < request.seconds:
            self.wait(request.seconds - since)
        self._last[request.service] = self.clock()

    def _try(self, request: Request, pause: float) -> tuple[Answer | None, str, float]:
        """Ask once; return the answer, or what is wrong and how long to wait."""
        client = self._opened()
        import httpx  # which is there, since there is a client

        try:
            with client.stream("GET", request.address, params=dict(request.parameters)) as response:
                content = bytearray()
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > LARGEST_ANSWER:
                        raise UnansweredError(
                            f"{request.service}: an answer of more than {LARGEST_ANSWER:,} bytes"
                        )
        except httpx.HTTPError as error:
            return None, f"no whole answer ({type(error).__name__}: {error})", pause
        headers, answer = response.headers, Answer(response.status_code, bytes(content))
        self._check_clock(request.service, headers.get("date", ""))
        if answer.status in BUSY:
            told = f"is busy or fails (HTTP {answer.status})"
            return None, told, max(pause, _seconds(headers.get("retry-after", "")))
        if answer.status != 200 and not (answer.status == 404 and request.may_be_unknown):
            words = cleaned(answer.content[:2000].decode("utf-8", "replace"))[:LONGEST_TOLD]
            raise UnansweredError(
                f"{request.service}: refuses the request (HTTP {answer.status}): {shown(words)}"
            )
        fault = fault_of(answer, request.form, request.records)
        return (answer, "", 0.0) if fault is None else (None, fault, pause)

    def _opened(self) -> httpx.Client:
        if self._client is None:
            self._client = _client(self.contact)
        return self._client

    def _check_clock(self, service: str, date: str) -> None:
        """Stop when the clock of this machine is not that of a service: days would be wrong."""
        now = _moment(date)
        if now is None:
            return
        if abs(now.date() - self.today) > WRONG_CLOCK:
            raise ReviewError(
                f"{service} says that today is {now.date()}, the clock of this machine "
                f"{self.today}; set it right. Nothing was recorded as searched."
            )


def _client(contact: str) -> httpx.Client:
    try:
        import httpx
    except ModuleNotFoundError:
        raise ReviewError(
            "httpx is not installed: a watch needs pip install 'analysis-lib[book]'"
        ) from None
    agent = f"analysis-lib watch (living systematic review; mailto:{contact})"
    return httpx.Client(headers={"User-Agent": agent}, timeout=TIMEOUT, follow_redirects=False)


def _moment(date: str) -> datetime.datetime | None:
    """Return the moment that a header names."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, IndexError, TypeError):
        return None
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment


def _seconds(retry_after: str) -> float:
    """Return how long a service asks to wait: it says seconds, or a moment."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    moment = _moment(retry_after)
    return 0.0 if moment is None else (moment - datetime.datetime.now(datetime.UTC)).total_seconds()


@dataclass(frozen=True, slots=True)
class Replay:
    """The answers that an earlier watch kept, without a network.

    Attributes
    ----------
    folder : Path
        Where they lie.
    status : mapping
        What the service said of each, by file.
    """

    folder: Path
    status: Mapping[str, int]

    def ask(self, request: Request) -> Answer:
        """Return the answer of that name."""
        path = self.folder / request.file
        if request.file not in self.status or not path.is_file() or path.is_symlink():
            raise UnansweredError(
                f"{request.service}: no answer {request.file} is kept in {self.folder.name}"
            )
        answer = Answer(self.status[request.file], read_bytes(path, LARGEST_ANSWER))
        if (fault := fault_of(answer, request.form, request.records)) is not None:
            raise UnansweredError(f"{request.service}, {request.file}: {fault}")
        return answer

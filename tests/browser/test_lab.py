"""The notebooks in JupyterLab, as `make lab` opens them: "Run All" works with nothing to type.

JupyterLab runs in a copy of the project, so that no stored output changes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import chromium
import nbformat
from places import ROOT
from playwright.sync_api import Browser, Page, expect

NOTEBOOK = "02_trials.ipynb"  # quick, and it has figures and tables
READY = 60  # seconds until JupyterLab answers, on a slow machine
FINISHED = 240  # seconds until the slowest notebook has run there

pytestmark = chromium.no_browser


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """Copy the project into a folder, start JupyterLab there, and return its address."""
    project = folder / "project"
    skip = shutil.ignore_patterns("_build", ".*", "__pycache__", "tools", "benchmarks", "vendor")
    shutil.copytree(ROOT, project, ignore=skip)
    for path in (project / "notebooks").glob("*.ipynb"):
        without_outputs(path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(Path(sys.executable).with_name("jupyter"), "lab", "notebooks"),
        *make_options(),
        *("--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="),
    ]
    # Settings, layout and history of whoever runs the tests stay out of it, and stay as they are.
    places = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    own = {name: str(folder / name.lower()) for name in places}
    for place in own.values():
        Path(place).mkdir()
    environment = {**os.environ, **own, "PYTHONPATH": str(project)}
    log = folder / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=project, env=environment, stdout=output, stderr=output
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, server, log)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=READY)


def make_options() -> list[str]:
    """Return what the Makefile gives to JupyterLab beside the folder."""
    line = next(
        line for line in (ROOT / "Makefile").read_text().splitlines() if "jupyter lab" in line
    )
    return line.split("jupyter lab notebooks")[1].split()


def without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab does not answer:\n{log.read_text()}")


def run_all(page: Page, address: str, name: str) -> None:
    """Open a notebook and, once its kernel is there, run it through the menu."""
    page.goto(f"{address}/lab/tree/{name}?reset")
    end = time.monotonic() + READY
    while not kernel_is_ready(address, name):
        assert time.monotonic() < end, f"no kernel for {name}"
        page.wait_for_timeout(200)
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def kernel_is_ready(address: str, name: str) -> bool:
    with urllib.request.urlopen(f"{address}/api/sessions", timeout=5) as answer:
        sessions = json.load(answer)
    return any(
        session["path"] == name
        and session["kernel"]["execution_state"] == "idle"
        and session["kernel"]["connections"]
        for session in sessions
    )


def saved_when_finished(page: Page, path: Path) -> nbformat.NotebookNode:
    """Save until every cell has run or one has failed; return what stands in the file then."""
    end = time.monotonic() + FINISHED
    while time.monotonic() < end:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(500)
        try:
            notebook = nbformat.read(path, as_version=4)
        except nbformat.reader.NotJSONError:  # it is being written
            continue
        cells = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
        if errors(notebook) or all(cell.execution_count for cell in cells):
            return notebook
    raise AssertionError(f"{path.name} has not finished after {FINISHED} s")


def errors(notebook: nbformat.NotebookNode) -> list[str]:
    return [
        f"{output.ename}: {output.evalue}"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]


def kinds(notebook: nbformat.NotebookNode) -> set[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return {kind for output in outputs for kind in output.get("data", {})}


def test_run_all_shows_figures_and_tables_without_an_error(
    browser: Browser, tmp_path: Path
) -> None:
    with lab(tmp_path) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        run_all(page, address, NOTEBOOK)
        notebook = saved_when_finished(page, tmp_path / "project" / "notebooks" / NOTEBOOK)
        assert errors(notebook) == []
        assert {"image/svg+xml", "text/html"} <= kinds(notebook)
        expect(page.locator(".jp-RenderedSVG img, .jp-RenderedSVG svg").first).to_be_visible()
        expect(page.locator(".jp-RenderedHTML table.review").first).to_be_visible()
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        page.close()

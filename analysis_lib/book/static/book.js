// Repairs to the theme's markup that its settings cannot make.
document.addEventListener("DOMContentLoaded", () => {
  const all = (selector) => document.querySelectorAll(selector);

  // The visible text of a button has to be part of its name (WCAG 2.5.3).
  for (const el of all(".search-button__button, details.toggle > summary, details.hide > summary"))
    if (el.textContent.trim()) el.removeAttribute("aria-label");
  for (const icon of all(".theme-switch-button :is(i, svg)")) {
    icon.removeAttribute("title");
    icon.removeAttribute("aria-labelledby");
    icon.setAttribute("aria-hidden", "true");
    for (const title of icon.querySelectorAll("title")) title.remove();
  }

  // What unfolds the pages below a page of the list says so.
  for (const el of all("details > summary:has(> .toctree-toggle)"))
    el.setAttribute("aria-label", `Pages below ${el.closest("li").querySelector("a").textContent.trim()}`);

  // Everything on the page belongs to a landmark.
  const side = document.querySelector(".bd-sidebar-primary");
  if (side && !side.getAttribute("role")) {
    side.setAttribute("role", "region");
    side.setAttribute("aria-label", "Book");
  }

  // The bibliography carries the ARIA roles of an older standard.
  for (const el of all(".citation-list, [role=doc-biblioentry]")) el.removeAttribute("role");

  // What can be moved sideways has a place in the tab order, and nothing else.
  const place = () => {
    for (const el of all(".table-scroll, .pst-scrollable-table-container, article figure, .math, article pre")) {
      const moves = el.scrollWidth > el.clientWidth;
      if (moves) el.setAttribute("tabindex", "0");
      else el.removeAttribute("tabindex");
      el.querySelector("table.review")?.classList.toggle("moves", moves);
    }
  };
  place();
  window.addEventListener("resize", place); // zooming is one, too
});

// One switch shows or hides all code of the page, and of the next pages. Without this script each
// piece of code can be unfolded where it stands.
document.addEventListener("DOMContentLoaded", () => {
  const KEPT = "show-code";
  const pieces = document.querySelectorAll("article .cell details.above-input");
  const title = document.querySelector("article h1");
  if (!pieces.length || !title) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-switch";
  button.setAttribute("role", "switch");
  button.textContent = "Show the code";
  const show = (on) => {
    document.documentElement.classList.toggle("shows-code", on);
    button.setAttribute("aria-checked", on);
    for (const piece of pieces) piece.open = on;
  };
  const keep = (on) => {
    try {
      localStorage.setItem(KEPT, on ? "yes" : "no");
    } catch { /* a browser that keeps nothing */ }
  };
  const kept = () => {
    try {
      return localStorage.getItem(KEPT) === "yes";
    } catch {
      return false;
    }
  };
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-checked") !== "true";
    show(on);
    keep(on);
  });
  show(kept());
  title.after(button);
});

// The definition of a term appears beside it: when the pointer rests on it, when the keyboard
// reaches it, and at the first touch; the second touch follows the link. Escape puts it away, and
// the pointer may move onto it (WCAG 1.4.13). Without this script the link has it as its title.
document.addEventListener("DOMContentLoaded", () => {
  const LINGER = 200; // ms in which the pointer can cross from the word to its note
  const place = document.querySelector(".bd-article-container");
  let open = null; // the term whose note is shown
  let leaving;

  const noteOf = (term) => document.getElementById(term.getAttribute("aria-describedby"));

  const hide = () => {
    clearTimeout(leaving);
    if (open) noteOf(open).hidden = true;
    open = null;
  };
  const hideSoon = () => {
    clearTimeout(leaving);
    leaving = setTimeout(hide, LINGER);
  };
  const show = (term) => {
    clearTimeout(leaving);
    if (open === term) return;
    hide();
    open = term;
    const note = noteOf(term);
    note.hidden = false;
    const word = term.getClientRects()[0]; // its first line, if it is broken over two
    const page = place.getBoundingClientRect();
    const left = Math.min(word.left - page.left, place.clientWidth - note.offsetWidth - 8);
    const room = word.bottom + note.offsetHeight + 8 < window.innerHeight;
    const top = room ? word.bottom + 2 : word.top - note.offsetHeight - 2;
    note.style.left = `${Math.max(left, 8)}px`;
    note.style.top = `${top - page.top}px`;
  };

  document.querySelectorAll("a.glossary-term[title]").forEach((term, number) => {
    const note = document.createElement("div");
    note.className = "glossary-note";
    note.id = `glossary-note-${number}`;
    note.setAttribute("role", "tooltip");
    note.hidden = true;
    note.textContent = term.title;
    place.append(note);
    term.removeAttribute("title"); // or the browser would show it a second time
    term.setAttribute("aria-describedby", note.id);

    let shownBefore = false; // whether this touch found the note open
    term.addEventListener("pointerdown", () => (shownBefore = open === term));
    for (const el of [term, note]) {
      el.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(term));
      el.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideSoon());
    }
    term.addEventListener("focus", () => show(term));
    term.addEventListener("blur", hideSoon);
    term.addEventListener("click", (event) => {
      if (event.pointerType !== "touch" || shownBefore) return;
      event.preventDefault();
      show(term);
    });
  });

  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", (event) => {
    if (open && !open.contains(event.target) && (event.pointerType === "touch" || !noteOf(open).contains(event.target))) hide();
  });
  window.addEventListener("resize", hide);
});

// The search page: its excerpts hold what a reader sees, not program text or lists of contents. Where
// the book was opened from a folder the browser does not let one page read another: no excerpts.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  Search.htmlToText = (page, anchor) => {
    const article = new DOMParser().parseFromString(page, "text/html").querySelector("article");
    if (!article) return "";
    const unread = "h1, h2, h3, h4, thead, dt.sig, .headerlink, script, style, noscript, .cell_input, .downloads, summary, #explorer";
    for (const part of article.querySelectorAll(unread)) part.remove();
    const place = anchor ? article.querySelector(anchor) : null;
    // An entry of a glossary is its name with what follows.
    const told = place?.tagName === "DT" ? [place, place.nextElementSibling] : [place || article];
    return told.map((part) => part?.textContent || "").join(". ").replace(/\s+/g, " ");
  };
});

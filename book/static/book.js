// Repairs to the theme's markup that its settings cannot make.
document.addEventListener("DOMContentLoaded", () => {
  const all = (selector) => document.querySelectorAll(selector);

  // The visible text of a button has to be part of its name (WCAG 2.5.3).
  for (const el of all(".search-button__button, details.toggle > summary, details.hide > summary, .cell details > summary"))
    el.removeAttribute("aria-label");
  for (const icon of all(".theme-switch-button :is(i, svg)")) {
    icon.removeAttribute("title");
    icon.removeAttribute("aria-labelledby");
    icon.setAttribute("aria-hidden", "true");
    for (const title of icon.querySelectorAll("title")) title.remove();
  }

  // Everything on the page belongs to a landmark.
  const side = document.querySelector(".bd-sidebar-primary");
  if (side && !side.getAttribute("role")) {
    side.setAttribute("role", "region");
    side.setAttribute("aria-label", "Book");
  }

  // The bibliography carries the ARIA roles of an older standard.
  for (const el of all(".citation-list, [role=doc-biblioentry]")) el.removeAttribute("role");

  // What can be moved sideways has a place in the tab order, and nothing else.
  for (const el of all(".table-scroll, figure.wide, .math"))
    if (el.scrollWidth > el.clientWidth) el.setAttribute("tabindex", "0");
    else el.removeAttribute("tabindex");
});

// The search page of a book. Sections come first, ranked by how much they tell of what is asked for;
// what Sphinx finds in the pages of the library comes after them. SECTIONS and SAME are written by
// analysis_lib.book.engine.searching.
(() => {
  const MOST = 25;
  const SHORTEST = 40, LONGEST = 240; // letters of an excerpt
  const TITLE = 3, SYNONYM = 0.6; // weights: of a word in a title, of another word for it
  const stemmer = new Stemmer();
  const stems = new Map();
  const stem = (word) => {
    if (!stems.has(word)) stems.set(word, stemmer.stemWord(word));
    return stems.get(word);
  };
  const split = (text) => (text.toLowerCase().match(/[\p{L}\p{N}²]+/gu) || []).map(stem);
  const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

  let index = null;
  const indexed = () => {
    if (index) return index;
    const sections = SECTIONS.map(([page, anchor, title, of, text]) => {
      const counts = new Map(), words = split(`${title} ${text}`);
      for (const word of words) counts.set(word, (counts.get(word) || 0) + 1);
      return {page, anchor, title, of, text, counts, length: words.length, head: new Set(split(title)), top: new Set(split(of))};
    });
    const holds = new Map();
    for (const {counts} of sections) for (const word of counts.keys()) holds.set(word, (holds.get(word) || 0) + 1);
    const mean = sections.reduce((sum, one) => sum + one.length, 0) / Math.max(sections.length, 1);
    index = {sections, holds, mean};
    return index;
  };

  // What is asked for: each word with the words that mean the same.
  const asked = (query) => {
    const all = split(query);
    const kept = all.filter((word) => !stopwords.map(stem).includes(word));
    const words = [...new Set(kept.length ? kept : all)];
    const told = ` ${all.join(" ")} `;
    const groups = words.map((word) => new Map([[word, 1]]));
    for (const names of SAME) {
      const phrases = names.map((name) => split(name));
      const hit = phrases.find((phrase) => phrase.length && told.includes(` ${phrase.join(" ")} `));
      if (!hit) continue;
      const group = groups[words.indexOf(hit.find((word) => words.includes(word)))];
      if (group) for (const word of phrases.flat()) if (!group.has(word)) group.set(word, SYNONYM / Math.sqrt(phrases.length));
    }
    return groups;
  };

  const ranked = (query) => {
    const {sections, holds, mean} = indexed();
    const groups = asked(query);
    const scored = [];
    for (const one of sections) {
      let score = 0, found = 0;
      for (const group of groups) {
        let best = 0;
        for (const [word, weight] of group) {
          const count = one.counts.get(word) || 0;
          if (!count && !one.top.has(word)) continue;
          const rare = Math.log(1 + sections.length / (holds.get(word) || 1));
          const often = count / (count + 1.2 * (0.3 + 0.7 * one.length / mean));
          const named = (one.head.has(word) ? TITLE : 0) + (one.top.has(word) ? TITLE / 3 : 0);
          best += weight * rare * (often + named);
        }
        score += best;
        found += best > 0;
      }
      if (found === groups.length && groups.length) scored.push([score, one]);
    }
    return scored.sort((a, b) => b[0] - a[0]).slice(0, MOST).map(([score, one]) => [
      one.page, escaped(one.title === one.of ? one.title : `${one.of} > ${one.title}`), `#${one.anchor}`, null, score, `${one.page}.html`,
    ]);
  };

  const ofSphinx = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const known = new Set(SECTIONS.map(([page]) => page));
    const others = ofSphinx(query, ...terms).filter(([page]) => !known.has(page));
    return [...others, ...ranked(query).reverse()]; // Sphinx shows the last one first
  };

  // An excerpt is the sentence that holds most of the words.
  Search.makeSearchSummary = (page, keywords, anchor) => {
    const text = Search.htmlToText(page, anchor);
    if (!text) return null;
    const low = [...keywords].map((word) => word.toLowerCase());
    const count = (part) => low.filter((word) => part.toLowerCase().includes(word)).length;
    const parts = text.split(/(?<=[.!?])\s+(?=[\p{Lu}\p{N}“(])/u);
    const told = parts.filter((part) => part.length >= SHORTEST);
    const sentences = told.length ? told : parts;
    let best = sentences.reduce((one, other) => (count(other) > count(one) ? other : one), sentences[0]).trim();
    if (best.length > LONGEST) {
      const places = low.map((word) => best.toLowerCase().indexOf(word)).filter((at) => at >= 0);
      const from = Math.max(0, Math.min(...(places.length ? places : [0])) - LONGEST / 3);
      const begun = from ? best.indexOf(" ", from) + 1 : 0;
      const cut = best.slice(begun, begun + LONGEST);
      best = `${begun ? "… " : ""}${cut.slice(0, Math.max(cut.lastIndexOf(" "), 1))} …`;
    }
    const summary = document.createElement("p");
    summary.classList.add("context");
    summary.textContent = best;
    return summary;
  };
})();

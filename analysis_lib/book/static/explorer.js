// The explorer looks up what analysis_lib/book/explorer.py computed, and draws it. No statistics here.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const root = document.getElementById("explorer");
  if (!root) return;
  if (typeof EXPLORER === "undefined") {
    const told = document.createElement("p");
    told.textContent = "The data of the explorer could not be loaded. The main results stand below.";
    root.replaceWith(told);
    return;
  }
  const form = root.querySelector("form");
  const part = (name) => document.getElementById(`explorer-${name}`);
  const { main, level } = EXPLORER;

  // -- The data ------------------------------------------------------------------------------

  const METHODS = ["tau2", "ci", "pi"];
  const places = new Map();

  // Where the numbers of a set of trials stand; undefined if it was not computed.
  function placeOf(name, leftOut) {
    if (!places.has(name))
      places.set(name, new Map(EXPLORER.analyses[name].left_out.map((trials, i) => [trials.join(), i])));
    return places.get(name).get(leftOut.join());
  }

  // Whether an interval goes with an estimator: Kenward and Roger's go with one alone.
  const goWith = (tau2, name) => EXPLORER.by_pi.map((names) => names.split(" "))
    .some(([estimator, ...intervals]) => estimator === tau2 && intervals.includes(name));
  const together = (state) => EXPLORER.by_pi.includes(`${state.tau2} ${state.ci} ${state.pi}`);

  // What is known of a state: undefined if it was not computed.
  function lookUp(state) {
    const analysis = EXPLORER.analyses[state.analysis];
    const leftOut = analysis.trials.flatMap(([trial], i) => (state.without.has(trial) ? [i] : []));
    const subset = placeOf(state.analysis, leftOut);
    if (subset === undefined || !together(state)) return undefined;
    const place = (names, ...chosen) => subset * names.length + names.indexOf(chosen.join(" "));
    const byTau2 = place(EXPLORER.by_tau2, state.tau2);
    const byCi = place(EXPLORER.by_ci, state.tau2, state.ci);
    const byPi = place(EXPLORER.by_pi, state.tau2, state.ci, state.pi);
    const pair = (values, i) => (values[2 * i] === null ? null : [values[2 * i], values[2 * i + 1]]);
    const width = analysis.studies.length;
    const shown = analysis.studies.filter((study) => !leftOut.includes(study.trial)).length;
    const pi = pair(analysis.pi, byPi);
    const [q, qP, i2] = analysis.q[subset];
    return {
      k: shown,
      trials: analysis.trials.length - leftOut.length,
      estimate: analysis.estimate[byTau2],
      tau2: analysis.tau2[byTau2],
      weights: analysis.weights.slice(byTau2 * width, (byTau2 + 1) * width),
      ci: pair(analysis.ci, byCi),
      p: analysis.p_values[analysis.p[byCi]],
      pi,
      spread: analysis.spread.length ? pair(analysis.spread, byTau2) : null,
      finding: analysis.templates[analysis.finding[byCi]],
      words: analysis.templates[analysis.words[byPi]].replace("{pi}", () => says(pi, analysis)),
      q, qP, i2,
    };
  }

  // -- Numbers as the book prints them: they come as whole numbers of the last digit,
  // -- or as text where there are more digits than a number holds

  const NOT_ESTIMABLE = "not estimable";

  function number(value, digits = 2) {
    if (value === null) return NOT_ESTIMABLE;
    const figures = String(value).replace("-", "").padStart(digits + 1, "0");
    return `${value < 0 ? "−" : ""}${figures.slice(0, -digits)}.${figures.slice(-digits)}`;
  }
  const range = (pair) => (pair ? `${number(pair[0])} to ${number(pair[1])}` : NOT_ESTIMABLE);
  const withInterval = (value, pair) => `${number(value)} (${range(pair)})`;
  // An interval beyond a hundred times what the plot shows: its digits would be noise.
  const SENSELESS = 100;
  const isSenseless = (pair, { axis: { low, high } }) => pair
    && Math.max(...pair.map((end) => Math.abs(Number(end)))) / 100 > SENSELESS * (high - low);
  const says = (pair, analysis) => (isSenseless(pair, analysis)
    ? "too wide to say anything" : range(pair));
  const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

  // -- The state and its address ---------------------------------------------------------------

  const fresh = () => ({ ...main, without: new Set(), mid: "" });
  const asInTheReview = () => ({ ...fresh(), analysis: current.analysis, mid: current.mid });

  // What readers typed for each outcome: a scale of its own has a threshold of its own.
  const typed = new Map();
  const threshold = (text) => {
    const value = Number(text.trim().replace(",", "."));
    return text.trim() && Number.isFinite(value) && value > 0 ? value : null;
  };

  // Other addresses lead to a place on the page.
  const isView = () => location.hash.includes("=");

  // The state that the address asks for, and what in the address is not understood.
  function fromAddress() {
    const state = fresh();
    const strange = [];
    if (!isView()) return [state, strange];
    const asked = new URLSearchParams(location.hash.slice(1));
    const take = (name, known) => {
      if (known.includes(asked.get(name))) state[name] = asked.get(name);
      else if (asked.has(name)) strange.push(`${name} “${asked.get(name)}”`);
    };
    take("analysis", Object.keys(EXPLORER.analyses));
    for (const name of METHODS) take(name, [...form[name].options].map((option) => option.value));
    if (asked.has("mid") && threshold(asked.get("mid")) !== null) state.mid = asked.get("mid");
    else if (asked.has("mid")) strange.push(`mid “${asked.get("mid")}”`);
    const trials = EXPLORER.analyses[state.analysis].trials.map(([trial]) => trial);
    for (const trial of (asked.get("without") || "").split(" ").filter(Boolean))
      if (trials.includes(trial)) state.without.add(trial);
      else strange.push(`without “${trial}”`);
    return [state, strange];
  }

  function address(state) {
    const words = new URLSearchParams({ analysis: state.analysis });
    if (state.without.size) words.set("without", [...state.without].sort().join(" "));
    for (const name of METHODS) words.set(name, state[name]);
    if (threshold(state.mid) !== null) words.set("mid", state.mid.trim());
    return `#${words}`;
  }

  // -- The controls ----------------------------------------------------------------------------

  function node(tag, content = "", attributes = {}) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...[content].flat());
    return made;
  }

  function showControls(state) {
    const analysis = EXPLORER.analyses[state.analysis];
    form.outcome.value = analysis.outcome;
    form.follow_up.value = analysis.follow_up;
    for (const option of form.follow_up.options)
      option.disabled = !(`${analysis.outcome}-${option.value}` in EXPLORER.analyses);
    for (const name of METHODS) form[name].value = state[name];
    typed.set(analysis.outcome, state.mid);
    if (form.mid.value !== state.mid) form.mid.value = state.mid;
    form.mid.setAttribute("aria-invalid", String(Boolean(state.mid.trim()) && threshold(state.mid) === null));
    part("unit").textContent = analysis.unit ? `, in ${analysis.unit}` : "";
    for (const option of [...form.ci.options, ...form.pi.options])
      option.disabled = !goWith(state.tau2, option.value);
    if (part("trials").dataset.analysis !== state.analysis) {
      part("trials").dataset.analysis = state.analysis;
      part("trials").replaceChildren(...analysis.trials.map(trialBox));
    }
    for (const box of form.querySelectorAll("[name=trial]"))
      box.checked = !state.without.has(box.value);
    const high = atHighRisk(analysis).length;
    const all = high === analysis.trials.length;
    part("not-high").disabled = all || !high;
    part("not-high").textContent = "Without trials at high risk of bias"
      + (all ? " (all are)" : high ? "" : " (none is)");

    function trialBox([trial, label, risk], i) {
      const comparisons = analysis.studies.filter((study) => study.trial === i).length;
      const [sign, colour] = EXPLORER.risk[risk];
      return node("label", [
        node("input", "", { type: "checkbox", name: "trial", value: trial }),
        comparisons > 1 ? ` ${label} (${comparisons} comparisons) ` : ` ${label} `,
        node("span", sign, { class: "light", "aria-hidden": "true", style: `background: ${colour}` }),
        node("span", ` ${risk}`, { class: "risk" }),
      ]);
    }
  }

  const atHighRisk = (analysis) =>
    analysis.trials.filter(([, , risk]) => EXPLORER.worst.includes(risk)).map(([trial]) => trial);

  // The analysis of another outcome, at the same follow-up if there is one.
  function analysisChosen() {
    const wanted = `${form.outcome.value}-${form.follow_up.value}`;
    if (wanted in EXPLORER.analyses) return wanted;
    return Object.keys(EXPLORER.analyses).find(
      (name) => EXPLORER.analyses[name].outcome === form.outcome.value);
  }

  function fromControls() {
    const analysis = analysisChosen();
    const boxes = [...form.querySelectorAll("[name=trial]")];
    const unticked = boxes.filter((box) => !box.checked).map((box) => box.value);
    const trials = EXPLORER.analyses[analysis].trials.map(([trial]) => trial);
    const without = new Set(unticked.filter((trial) => trials.includes(trial)));
    // Another analysis that consists of what is left out starts whole.
    if (analysis !== current.analysis && without.size === trials.length) without.clear();
    const { outcome } = EXPLORER.analyses[analysis];
    const same = outcome === EXPLORER.analyses[current.analysis].outcome;
    return {
      analysis, without,
      mid: same ? form.mid.value : typed.get(outcome) || "",
      tau2: form.tau2.value, ci: form.ci.value, pi: form.pi.value,
    };
  }

  // -- The reading and the table -----------------------------------------------------------------

  function showReading(state, analysis, found, strange) {
    part("title").textContent = analysis.title;
    const notice = strange.length ? [node("p",
      `Part of the address is not understood: ${strange.join(", ")}. `
      + "The choices of the review are shown in its place.", { id: "explorer-strange" })] : [];
    if (!found) {
      const none = state.without.size === analysis.trials.length;
      const left = analysis.studies.filter(({ trial }) => !state.without.has(analysis.trials[trial][0]));
      part("reading").replaceChildren(...notice, node("p", none
        ? "No trial is ticked. Tick at least one."
        : left.length === 1 && left[0].range
          ? `One reconstructed comparison is left, and only its range is known: ${range(left[0].range)}.`
        : together(state)
          ? `This was not computed: at most ${analysis.most} trials of this analysis can be left out.`
          : "Kenward and Roger's intervals go with REML alone. Choose it, or other intervals."));
      part("numbers").textContent = "";
      return;
    }
    const what = found.k === 1 ? "One comparison: its" : "Pooled";
    const result = `${what} ${analysis.measure}`;
    const whole = state.without.size === 0;
    part("reading").replaceChildren(
      ...notice,
      node("p", node("strong", "Computed from your choices")),
      node("p", `${found.finding} This counts any difference, however small.`, { id: "explorer-finding" }),
      node("p", `${result} ${number(found.estimate)} ${analysis.unit} (${level} confidence interval `
        + `${says(found.ci, analysis)}; ${found.p}), from ${count(found.k, "comparison")} of `
        + `${count(found.trials, "trial")}.`, { id: "explorer-result" }),
      node("p", found.words, { id: "explorer-words" }),
      ...overSets(found),
      ...yours(state, analysis, found));
    const spread = found.k === 1 ? [] : [
      `${level} prediction interval: ${says(found.pi, analysis)}.`,
      `Heterogeneity: Q = ${found.q} (df = ${found.k - 1}, ${found.qP}), I² = ${found.i2}`
      + (state.tau2 === "FE" ? "." : `, τ² = ${number(found.tau2)}.`),
    ];
    if (analysis.certainty && !whole)
      spread.push("The certainty is that of the result of all trials; nobody rated this selection.");
    const seen = new Set(analysis.trials.map(([, , risk]) => risk));
    const signs = Object.entries(EXPLORER.risk).filter(([risk]) => seen.has(risk));
    spread.push(`Risk of bias: ${signs.map(([risk, [sign]]) => `${risk} (${sign || "blank"})`).join(", ")}.`);
    part("numbers").textContent = spread.join(" ");
  }

  // How far the sets of reconstructed effects agree on the estimate.
  function overSets({ spread }) {
    if (!spread) return [];
    return [node("p", spread[0] === spread[1]
      ? "All sets of effects that agree with the print give this average."
      : "Over the sets of effects that agree with the print the average runs from "
      + `${range(spread)} (95% of them).`, { id: "explorer-spread" })];
  }

  // What the reader's own threshold makes of the result.
  function yours(state, analysis, found) {
    const limit = threshold(state.mid);
    if (limit === null) return [];
    const [low, high] = found.ci.map((end) => Number(end) / 100);
    const told = low > -limit && high < limit ? "the whole interval is smaller than it"
      : low >= limit || high <= -limit ? "the whole interval is at least as large"
        : "the interval reaches to both sides of it";
    const size = Math.abs(Number(found.estimate)) / 100 < limit ? "smaller" : "not smaller";
    return [node("p", `Your threshold of ${state.mid.trim()} ${analysis.unit}: the average is ${size}; `
      + `${told}. This is about the difference between groups, not about one person.`, { id: "explorer-yours" })];
  }

  function showPrinted({ printed }) {
    part("printed").hidden = !printed;
    if (!printed) return;
    part("printed").replaceChildren(
      node("p", node("strong", "Printed in the review")),
      node("p", printed.numbers),
      ...(printed.ours ? [node("p", `Ours differs. ${printed.ours}`, { class: "explorer-note" })] : []));
  }

  const share = ({ out, weight }) =>
    (out ? "left out" : weight === null ? "–" : `${number(weight, 1)}%`);

  function rowsOf(state, analysis, found) {
    return analysis.studies.map((study, i) => ({
      ...study,
      out: state.without.has(analysis.trials[study.trial][0]),
      risk: analysis.trials[study.trial][2],
      weight: found && found.weights.length ? found.weights[i] : null,
    }));
  }

  const told = (row) => (row.range ? `range ${range(row.range)}`
    : withInterval(row.effect[0], row.effect.slice(1)));

  function showTable(state, analysis, found) {
    const columns = [ // weights stand where no effect is reconstructed
      ["Comparison", (row) => row.label],
      ...analysis.arms.map((arm, i) => [`n ${arm}`, (row) => row.people[i], "number"]),
      [`Effect (${level} CI)`, told],
      ...(analysis.weights.length ? [["Weight", share, "number"]] : []),
      ["Risk of bias", (row) => row.risk],
      ["Known how", (row) => (row.range ? "reconstructed" : "reported")],
    ];
    const lines = rowsOf(state, analysis, found).map((row) => node("tr",
      columns.map(([head, cell, kind = ""], i) => (i
        ? node("td", cell(row), { class: kind, role: "cell", "data-label": head })
        : node("th", cell(row), { scope: "row", role: "rowheader" }))), { role: "row" }));
    const head = node("tr", columns.map(([text]) =>
      node("th", text, { scope: "col", role: "columnheader" })), { role: "row" });
    part("table").replaceChildren(node("table", [
      node("caption", `${analysis.title}: the comparisons of this view`),
      node("thead", head, { role: "rowgroup" }), node("tbody", lines, { role: "rowgroup" }),
    ], { class: "review cards", role: "table" }));
  }

  // -- The forest plot -----------------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";
  const TEXT = 7.6; // width of a letter, pixels: a little generous, lest columns touch
  const NUMBERS = 26 * TEXT, WEIGHT = 8 * TEXT, WIDE = 640;
  const EDGE = 24; // half of the widest number below the axis
  const LIGHT = 8; // radius of the sign of a risk of bias
  const NAMES = 2 * LIGHT + 8; // where the names start

  function shape(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function showPlot(state, analysis, found) {
    const rows = rowsOf(state, analysis, found);
    const width = Math.max(260, part("plot").clientWidth);
    const wide = width >= WIDE;
    const labels = NAMES + Math.max(...rows.map((row) => row.label.length), 20) * TEXT;
    const weighed = analysis.weights.length > 0, column = weighed ? WEIGHT : 0;
    const left = wide ? labels : EDGE, right = wide ? width - NUMBERS - column : width - EDGE;
    const rowHeight = wide ? 26 : 44, top = wide ? 30 : 8;
    const { low, high, ticks } = analysis.axis;
    const scale = (value) => left + ((value - low) / (high - low)) * (right - left);
    const x = (hundredths) => Math.min(right, Math.max(left, scale(hundredths / 100)));
    const bottom = top + (rows.length + 2) * rowHeight + 10;
    const svg = shape("svg", { width, height: bottom + 46, role: "img", class: "forest" });
    const add = (tag, attributes, text) => svg.append(shape(tag, attributes, text));

    const limit = threshold(state.mid);
    if (limit !== null) {
      const [from, to] = [x(-100 * limit), x(100 * limit)];
      add("rect", { class: "mid", x: from, y: top, height: bottom - top, width: to - from });
    }
    upright("none", scale(0), bottom);
    if (wide) {
      add("text", { class: "head", x: NAMES, y: 16 }, "Comparison");
      add("text", { class: "head", x: width - column, y: 16, "text-anchor": "end" }, `Effect (${level} CI)`);
      if (weighed) add("text", { class: "head", x: width, y: 16, "text-anchor": "end" }, "Weight");
    }

    const heaviest = Math.max(...rows.map((row) => row.weight || 0)) || 1;
    rows.forEach((row, i) => {
      const y = label(i, row.label, row.out ? "left out" : told(row),
        row.out || !weighed ? "" : share(row), row.out ? "out" : "");
      light(row.risk, wide ? y : y - 20);
      if (row.out) return;
      if (row.range) {
        const [from, to] = row.range.map(x);
        add("rect", { class: "band", x: from, y: y - 7, width: Math.max(2, to - from), height: 14 });
        return;
      }
      whiskers(row.effect.slice(1), y, "whisker");
      const half = weighed ? 2.5 + 4.5 * Math.sqrt(row.weight / heaviest) : 4.5;
      const middle = row.effect[0] / 100;
      if (middle >= low && middle <= high)
        add("rect", { class: "square", x: scale(middle) - half,
          y: y - half, width: 2 * half, height: 2 * half });
    });
    if (found && found.k > 1) {
      const [from, to] = found.ci.map(x), middle = x(found.estimate);
      const y = label(rows.length, "Pooled", isSenseless(found.ci, analysis)
        ? number(found.estimate) : withInterval(found.estimate, found.ci), "", "head");
      upright("pooled", middle, y);
      add("polygon", { class: "diamond", points: `${from},${y} ${middle},${y - 8} ${to},${y} ${middle},${y + 8}` });
      const last = label(rows.length + 1, "Prediction interval",
        isSenseless(found.pi, analysis) ? "says nothing" : range(found.pi), "", "");
      if (found.pi) whiskers(found.pi, last, "prediction");
    } else {
      label(rows.length, found ? "One comparison: nothing to pool"
        : rows.every((row) => row.out) ? "No trial: nothing to pool" : "Not computed", "", "", "");
    }

    add("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom });
    for (const [value, text] of ticks) {
      add("line", { class: "axis", x1: scale(value), x2: scale(value), y1: bottom, y2: bottom + 5 });
      add("text", { class: "tick", x: scale(value), y: bottom + 19, "text-anchor": "middle" }, text);
    }
    add("text", { class: "tick", x: left, y: bottom + 38 }, `← ${analysis.favours[0]}`);
    add("text", { class: "tick", x: right, y: bottom + 38, "text-anchor": "end" }, `${analysis.favours[1]} →`);
    svg.setAttribute("aria-label", `Forest plot: ${analysis.title}. `
      + (found ? `${count(found.k, "comparison")}; estimate ${number(found.estimate)} (${says(found.ci, analysis)}). ` : "")
      + "The numbers stand in the table below.");
    part("plot").replaceChildren(svg);

    function topOf(i) {
      return top + i * rowHeight + (i >= rows.length ? 8 : 0);
    }

    // A line through the marks of all rows down to a height. Where the words of a row stand above
    // its mark, the line leaves them free.
    function upright(kind, place, last) {
      if (wide) return add("line", { class: kind, x1: place, x2: place, y1: top, y2: last });
      for (let i = 0; i < rows.length + 2 && topOf(i) + 31 <= last; i++)
        add("line", { class: kind, x1: place, x2: place, y1: topOf(i) + 21, y2: topOf(i) + 41 });
    }

    // Writes the words of a row; returns the height at which its interval is drawn.
    function label(i, name, numbers, weight, kind) {
      const y = topOf(i);
      const line = wide ? y + rowHeight / 2 + 5 : y + 16;
      add("text", { class: kind, x: NAMES, y: line }, name);
      add("text", { class: kind, x: wide ? width - column : width, y: line, "text-anchor": "end" }, numbers);
      if (wide) add("text", { class: kind, x: width, y: line, "text-anchor": "end" }, weight);
      return wide ? y + rowHeight / 2 : y + 31;
    }

    function light(risk, y) {
      const [sign, colour] = EXPLORER.risk[risk];
      add("circle", { class: "light", cx: LIGHT + 1, cy: y, r: LIGHT, fill: colour });
      add("text", { class: "sign", x: LIGHT + 1, y: y + 5, "text-anchor": "middle" }, sign);
    }

    // An interval; an end that lies outside the plot becomes an arrow.
    function whiskers([from, to], y, kind) {
      if (to / 100 < low || from / 100 > high) return arrow(to / 100 < low ? left : right, to / 100 < low ? 1 : -1);
      add("line", { class: kind, x1: x(from), x2: x(to), y1: y, y2: y });
      end(from / 100 < low, x(from), 1);
      end(to / 100 > high, x(to), -1);

      function end(outside, place, direction) {
        if (outside) arrow(place, direction);
        else if (kind === "prediction") add("line", { class: kind, x1: place, x2: place, y1: y - 5, y2: y + 5 });
      }
      function arrow(place, direction) {
        const back = place + 7 * direction;
        add("polygon", { class: `arrow ${kind}`, points: `${place},${y} ${back},${y - 4} ${back},${y + 4}` });
      }
    }
  }

  // -- Taking a view along ---------------------------------------------------------------------------

  const word = (text) => JSON.stringify(text);
  const nameOf = (state) => `explorer-${state.analysis}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");

  function python(state, analysis) {
    const without = [...state.without].sort().map(word).join(", ");
    const chosen = METHODS.map((name) => `${name}_method=${word(state[name])}`).join(", ");
    return [
      "# In the folder of this book, with its library.",
      "import analysis_lib as al",
      'review = al.load_review("data")',
      `effects = review.analysis(${word(analysis.outcome)}, ${word(analysis.follow_up)})`
      + (without ? `.without(${without})` : ""),
      `print(effects.pool(${chosen}))`,
    ].join("\n");
  }

  // What metafor calls the intervals that it has.
  const TESTS = { wald: "z", HK: "knha", "HK-adhoc": "adhoc" };

  function r(state, analysis) {
    const kept = analysis.studies.filter(({ trial }) => !state.without.has(analysis.trials[trial][0]));
    const lines = [
      "# First, in the folder of this book: python -m analysis_lib export . --to metafor --into export",
      "library(metafor)",
      'rows <- read.csv("export/comparisons.csv", encoding = "UTF-8")',
      `rows <- rows[rows$analysis == ${word(`${analysis.outcome} ${analysis.follow_up}`)}`
      + ` & rows$study %in% c(${kept.map(({ label }) => word(label)).join(", ")}), ]`,
    ];
    if (!(state.ci in TESTS)) return [...lines, `# metafor has no interval ${state.ci}.`].join("\n");
    lines.push(
      `fit <- rma(TE, sei = seTE, data = rows, method = ${word(state.tau2)}, test = ${word(TESTS[state.ci])})`,
      "fit");
    if (state.pi !== "HTS") lines.push(`# metafor has no prediction interval ${state.pi}.`);
    else if (state.tau2 !== "FE" && kept.length > 2)
      lines.push(
        "classic <- rma(fit$yi, fit$vi, tau2 = fit$tau2)$se # the prediction interval:",
        "c(fit$beta) + c(-1, 1) * qt(0.975, fit$k - 2) * sqrt(fit$tau2 + classic^2)");
    return lines.join("\n");
  }

  // A cell that a spreadsheet would run is text.
  const cellOf = (text) => {
    const harmless = /^[=+\-@\t\r]/.test(text) && !/^-?[0-9.]+$/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  };
  const plain = (value) => number(value).replace("−", "-");

  function csv(state, analysis, found) {
    const rows = rowsOf(state, analysis, found).filter((row) => !row.out).map((row) => [
      row.label, ...row.people, row.range ? "" : plain(row.effect[0]),
      ...(row.range || row.effect.slice(1)).map(plain), row.range ? "range" : `${level} interval`,
      row.risk, row.range ? "reconstructed" : "reported"]);
    const none = analysis.arms.map(() => "");
    if (found)
      rows.push(["Pooled", ...none, plain(found.estimate), ...found.ci.map(plain),
        `${level} interval`, "", `${state.tau2}, ${state.ci}`]);
    if (found && found.pi)
      rows.push(["Prediction interval", ...none, "", ...found.pi.map(plain), state.pi, "", ""]);
    const head = ["comparison", ...analysis.arms.map((arm) => `n ${arm}`), "effect", "low", "high",
      "kind", "risk of bias", "known how"];
    return `${[head, ...rows].map((row) => row.map(cellOf).join(",")).join("\n")}\n`;
  }

  // The drawing with its colours in it, so that it looks the same elsewhere.
  const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight",
    "font-style", "font-family", "paint-order", "stroke-linejoin"];

  function drawing(state, analysis) {
    const shown = part("plot").querySelector("svg"), copy = shown.cloneNode(true);
    const copies = [...copy.querySelectorAll("*")];
    [...shown.querySelectorAll("*")].forEach((from, i) => {
      const look = getComputedStyle(from);
      for (const name of LOOKS) copies[i].setAttribute(name, look.getPropertyValue(name));
      copies[i].removeAttribute("class");
    });
    const page = getComputedStyle(document.body).backgroundColor;
    copy.prepend(shape("rect", { width: "100%", height: "100%", fill: page }));
    const rebuilt = analysis.studies.some((study) => study.range) ? ", comparisons reconstructed" : "";
    copy.prepend(shape("title", {}, `${analysis.title}${rebuilt}`));
    return new XMLSerializer().serializeToString(copy);
  }

  const FILES = {
    svg: ["svg", "image/svg+xml", drawing],
    csv: ["csv", "text/csv", csv],
    r: ["R", "text/plain", r],
    python: ["py", "text/plain", python],
  };

  function save(name) {
    const [ending, type, make] = FILES[name];
    const text = make(current, EXPLORER.analyses[current.analysis], lookUp(current));
    const href = URL.createObjectURL(new Blob([text], { type }));
    node("a", "", { href, download: `${nameOf(current)}.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  }
  for (const name of Object.keys(FILES)) part(name).addEventListener("click", () => save(name));

  // -- Together --------------------------------------------------------------------------------------

  let current;

  function show(state, strange = []) {
    current = state;
    const analysis = EXPLORER.analyses[state.analysis];
    const found = lookUp(state);
    showControls(state);
    showPrinted(analysis);
    showReading(state, analysis, found, strange);
    showPlot(state, analysis, found);
    showTable(state, analysis, found);
    part("note").hidden = !rowsOf(state, analysis, found).some((row) => row.range && !row.out);
    part("code").textContent = `${python(state, analysis)}\n\n${r(state, analysis)}`;
    part("link").href = address(state);
  }

  function choose(state) {
    show(state);
    history.replaceState(null, "", address(state));
  }

  form.addEventListener("change", () => choose(fromControls()));
  form.mid.addEventListener("input", () => choose(fromControls()));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); choose(asInTheReview()); });
  part("not-high").addEventListener("click", () =>
    choose({ ...current, without: new Set(atHighRisk(EXPLORER.analyses[current.analysis])) }));
  part("all").addEventListener("click", () => choose({ ...current, without: new Set() }));
  window.addEventListener("hashchange", () => {
    if (isView()) show(...fromAddress());
  });
  root.classList.remove("waiting");
  show(...fromAddress());
  let drawn = part("plot").clientWidth;
  new ResizeObserver(() => {
    if (part("plot").clientWidth === drawn) return;
    drawn = part("plot").clientWidth;
    showPlot(current, EXPLORER.analyses[current.analysis], lookUp(current));
  }).observe(part("plot"));
});

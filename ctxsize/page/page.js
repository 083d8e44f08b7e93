"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const page = JSON.parse($("data").textContent);
  const DEFAULTS = {rules: [], patterns: [], instructions: [], failures: [], classes: [], before: {}, tree: [".", "d", [], [], 0]};
  const DEPTH = 4, HEAD = 19, MOST_CELLS = 2500, MOST_ROWS = 500;
  /* The fates in the order of the legend: a title and an explanation. */
  const FATES = {
    travels: ["Travels", "in the context, and an instruction takes it"],
    context: ["In the context only", "no instruction takes it"],
    goes: ["Suggested to go", "the patterns that are switched on keep it out"],
    ignored: ["Ignored", "the ignore file keeps it out"],
    added: ["Added", "not there before"],
    removed: ["Removed", "no longer there"],
    same: ["Unchanged", "as before"],
  };
  /* "transfer" is counted for the transfer alone and has no area: it is in the context once more already. */
  const NAMES = [...Object.keys(FATES), "transfer"];
  const SENT = new Set(["travels", "context"]);
  let map, all, root, here, on, fates, query = "", hits = [], only = false, width = 0;
  const cells = new Map(), rows = new Map();

  function make(tag, classes, text) {
    const element = document.createElement(tag);
    if (classes) element.className = classes;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function button(classes, text, act) {
    const element = make("button", classes, text);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  }

  function size(bytes) {
    if (bytes < 1000) return `${bytes} B`;
    let unit = -1;
    for (; unit < 5 && (bytes >= 1000 || unit < 0); unit++) bytes /= 1000;
    return `${bytes.toFixed(1)} ${"kMGTPE"[unit]}B`;
  }

  const number = (count) => count.toLocaleString("en-US");
  const files = (count) => `${number(count)} ${count === 1 ? "file" : "files"}`;
  const amount = ([bytes, count]) => `${size(bytes)} in ${files(count)}`;

  function percent(part, whole) {
    const share = whole ? (100 * part) / whole : 0;
    return share > 0 && share < 1 ? "<1%" : share > 99 && share < 100 ? ">99%" : `${Math.round(share)}%`;
  }

  /* The tree: nodes in preorder, so that sums need no recursion */

  function nodesOf(tree) {
    const found = [], waiting = [[tree, null]];
    while (waiting.length) {
      const [[name, kind, amounts, children, more], parent] = waiting.pop();
      const label = kind === "r" && more ? `and ${number(more)} smaller` : name;
      const base = parent && parent.path ? `${parent.path}/` : "";
      const node = {name: label, kind, amounts, parent, kids: [], path: parent ? base + label : ""};
      found.push(node);
      if (parent) parent.kids.push(node);
      for (const child of (children || []).slice().reverse()) waiting.push([child, node]);
    }
    return found;
  }

  /* Return the rule that keeps a class out, or null. The last rule of a chain that is on decides, as the
     last line of an ignore file does; a class with several chains is a file with several names. */
  function decider(each) {
    const last = (each.hidden_by || []).map((chain) => chain.filter(([rule]) => on.has(rule)).pop());
    return last.length && last.every((pair) => pair && pair[1] === "-") ? last[0][0] : null;
  }

  function fateOf(each) {
    if (decider(each) === null) return each.fate;
    return SENT.has(each.fate) ? "goes" : each.fate === "transfer" ? "" : each.fate;
  }

  /* Count what has which fate, for each node, under the rules that are on. */
  function count() {
    fates = map.classes.map((each) => NAMES.indexOf(fateOf(each)));
    for (const node of all) for (const unit of ["bytes", "files"]) node[unit] = NAMES.map(() => 0);
    for (let at = all.length - 1; at >= 0; at--) {
      const node = all[at];
      for (const [each, bytes, count] of node.amounts) {
        if (fates[each] < 0) continue;
        node.bytes[fates[each]] += bytes;
        node.files[fates[each]] += count;
      }
      node.total = [sum(node.bytes.slice(0, -1)), sum(node.files.slice(0, -1))];
      for (let fate = 0; node.parent && fate < NAMES.length; fate++) {
        node.parent.bytes[fate] += node.bytes[fate];
        node.parent.files[fate] += node.files[fate];
      }
    }
  }

  const titleOf = (fate) => FATES[fate][0].toLowerCase();
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const isShown = (fate) => (only ? SENT.has(fate) : fate in FATES);

  function shown(node) {
    const part = (values) => sum(values.filter((_, fate) => isShown(NAMES[fate])));
    return only ? [part(node.bytes), part(node.files)] : node.total;
  }

  const bySize = (nodes) => nodes.map((node) => [node, ...shown(node)]).filter(([, bytes, count]) => bytes || count || !only)
    .sort((one, two) => (one[0].kind === "r") - (two[0].kind === "r") || two[1] - one[1]);

  function mainFate(node) {
    const bytes = node.total[0] ? node.bytes : node.files;
    let best = NAMES.indexOf("same");
    bytes.forEach((value, fate) => {
      if (isShown(NAMES[fate]) && value > (isShown(NAMES[best]) ? bytes[best] : -1)) best = fate;
    });
    return NAMES[best];
  }

  /* Sizes after the choice, and the text of the ignore file */

  /* Return the parts of the ignore file, each with whether it is new, as the writer merges them. */
  function pieces(chosen) {
    const {lines = [], around = [[""]], exceptional = []} = map.ignore_file || {};
    const mixed = exceptional.some((each) => chosen.has(each));
    const [before, opening, closing, behind = "", end] = around[mixed ? around.length - 1 : 0];
    const found = lines.filter(([rule]) => chosen.has(rule)), block = [];
    if (!found.length) return [[before + behind, false]];
    const headings = found.map((line) => line[2]), place = (line) => headings.indexOf(line[2]);
    if (!mixed) found.sort((one, two) => place(one) - place(two)); // a stable sort
    let last = "", why = "";
    for (const [, line, heading, reason] of found) {
      if (heading !== last) block.push(block.length ? end : "", heading ? `# ${heading}${end}` : "");
      if ((reason !== why || heading !== last) && reason && reason !== heading) block.push(`# ${reason}${end}`);
      [last, why] = [heading, reason];
      block.push(line + end);
    }
    return [[before, false], ...[opening, ...block, closing].map((text) => [text, true]), [behind, false]];
  }

  const textOf = (chosen) => pieces(chosen).map(([text]) => text).join("");
  const lengthOf = (text) => new TextEncoder().encode(text).length;

  /* Return [bytes, files] of the context, or of the transfer, with the rules that are on. */
  function sent(kind) {
    if (!map.rules.length) return map.before[kind];
    const chosen = kind === "transfer" ? ["travels", "transfer"] : ["travels", "context"];
    const total = [0, 1].map((at) => sum(chosen.map((fate) => root[at ? "files" : "bytes"][NAMES.indexOf(fate)])));
    const {own, new: isNew} = map.ignore_file || {};
    if (Number.isInteger(own) && on.size && chosen.includes(NAMES[fates[own]])) {
      total[0] += lengthOf(textOf(on)) - lengthOf(textOf(new Set()));
      total[1] += isNew ? 1 : 0;
    }
    return total;
  }

  /* The squarified treemap: rows whose rectangles are as square as possible */

  function squarify(items, box, place) {
    let {x, y, w, h} = box;
    const scale = (w * h) / sum(items.map((item) => item[1]));
    for (let start = 0, end; start < items.length; start = end) {
      const side = Math.min(w, h), largest = items[start][1] * scale;
      let area = 0, worst = Infinity;
      for (end = start; end < items.length; end++) {
        const own = items[end][1] * scale, next = area + own;
        const ratio = Math.max((side * side * largest) / (next * next), (next * next) / (side * side * own));
        if (ratio > worst) break;
        worst = ratio;
        area = next;
      }
      const wide = w >= h, deep = area / side;
      if (deep < 4 || (items[start][1] * scale) / deep < 4) return place(items.slice(start), {x, y, w, h});
      let at = 0;
      for (const [node, value] of items.slice(start, end)) {
        const long = (value * scale) / deep;
        place(node, wide ? {x, y: y + at, w: deep, h: long} : {x: x + at, y, w: long, h: deep});
        at += long;
      }
      if (wide) { x += deep; w -= deep; } else { y += deep; h -= deep; }
    }
  }

  /* Return one node for entries that are too small to be seen; it opens as a directory does. */
  function restOf(items, parent) {
    const kids = items.map(([node]) => node), name = `and ${number(kids.length)} smaller`;
    return tally({name, kind: "r", rest: true, amounts: [], parent, kids, path: parent.path ? `${parent.path}/${name}` : name});
  }

  function tally(node) {
    for (const unit of ["bytes", "files", "total"]) node[unit] = node.kids[0][unit].map((_, at) => sum(node.kids.map((kid) => kid[unit][at])));
    return node;
  }

  /* Place the entries of a directory, then level by level those of the directories in it, the largest
     first. Each entry of a directory is placed; when the cells are used up, directories stay closed. */
  function layOut(top, box) {
    const found = [];
    for (let depth = 1, level = [{node: top, box}]; depth <= DEPTH; depth++) {
      const next = [];
      for (const outer of level) {
        const items = bySize(outer.node.kids).filter((item) => item[1] > 0).sort((one, two) => two[1] - one[1]);
        if (!items.length || (depth > 1 && found.length + items.length > MOST_CELLS)) continue;
        const {x, y, w, h} = outer.box, inner = {x: x + 3, y: y + HEAD, w: w - 6, h: h - HEAD - 3};
        outer.frame = true;
        squarify(items, depth > 1 ? inner : box, (what, place) => {
          if (place.w < 2 || place.h < 2) return;
          const cell = {node: Array.isArray(what) ? restOf(what, outer.node) : what, box: place, frame: false};
          found.push(cell);
          if (!cell.node.rest && place.w > 40 && place.h > 36) next.push(cell);
        });
      }
      level = next.sort((one, two) => two.box.w * two.box.h - one.box.w * one.box.h);
    }
    return found;
  }

  function drawMap() {
    const area = $("map"), w = width = area.clientWidth, h = area.clientHeight;
    const box = {x: 0, y: 0, w, h}, alone = shown(here)[0] ? [{node: here, box, frame: false}] : [];
    const found = here.kids.length ? layOut(here, box) : alone, fragment = document.createDocumentFragment();
    cells.clear();
    for (const {node, box, frame} of found) {
      const cell = button("", undefined, () => open(node));
      cell.tabIndex = -1;
      cell.dataset.frame = frame ? "1" : "";
      const {style} = cell; // in percent, so that it fits on paper too
      [style.left, style.width] = [box.x, box.w].map((each) => `${(100 * each) / w}%`);
      [style.top, style.height] = [box.y, box.h].map((each) => `${(100 * each) / h}%`);
      if (box.w > 40 && box.h > 17) cell.append(make("span", "name", node.name));
      if (frame ? box.w > 120 : box.w > 64 && box.h > 34) cell.append(make("span", "size", ""));
      cells.set(node, cell);
      fragment.append(cell);
    }
    area.replaceChildren(fragment);
    if (!found.length) area.append(make("p", "empty", "Nothing to show here."));
    else cells.values().next().value.tabIndex = 0;
    paint();
  }

  /* Colour what is drawn by what it is now; nothing moves. */
  function paint() {
    for (const [node, cell] of cells) {
      const fate = mainFate(node), frame = cell.dataset.frame;
      cell.className = frame ? "cell frame" : `cell leaf ${fate}`;
      if (query && !node.hit && !(frame && node.near) && !(node.rest && node.kids.some((kid) => kid.hit || kid.near))) cell.classList.add("dim");
      cell.setAttribute("aria-label", `${node.path || map.name}, ${size(shown(node)[0])}, ${describe(node)}`);
      if (cell.childElementCount > 1) cell.lastChild.textContent = size(shown(node)[0]);
      cell.style.backgroundImage = frame ? "" : mixed(node, fate);
      cell.style.setProperty("--behind", cell.style.backgroundImage ? `var(--${fate})` : "none");
    }
  }

  /* A directory without room for its entries shows the shares of their fates, its main one first. */
  function mixed(node, main) {
    const parts = node.bytes.map((bytes, fate) => [bytes, NAMES[fate]]).filter(([bytes, fate]) => bytes && isShown(fate));
    const whole = sum(parts.map(([bytes]) => bytes));
    if (parts.length < 2 || parts.every(([bytes]) => bytes < whole / 50 || bytes > whole * 0.98)) return "";
    parts.sort((one, two) => (two[1] === main) - (one[1] === main));
    let at = 0;
    return `linear-gradient(to right, ${parts.map(([bytes, fate]) => {
      const from = at;
      at += (100 * bytes) / whole;
      return `var(--${fate}) ${from}% ${at}%`;
    }).join(", ")})`;
  }

  function describe(node) {
    const found = NAMES.filter((fate, at) => isShown(fate) && (node.bytes[at] || node.files[at]));
    return found.map(titleOf).join(", ") || "empty";
  }

  /* The list beside the map: the current directory, or what the search found */

  function drawList() {
    const nodes = query ? hits : here.kids, items = bySize(nodes), whole = shown(here)[0];
    const fragment = document.createDocumentFragment();
    rows.clear();
    for (const [node, bytes, count] of items.slice(0, MOST_ROWS)) {
      const row = button("row", "", () => open(node));
      const share = gauge(bytes, whole, mainFate(node)), name = node.name + (node.kind === "d" ? "/" : "");
      row.tabIndex = rows.size ? -1 : 0;
      row.append(make("i", `swatch ${mainFate(node)}`), make("span", "name", name), make("span", "bytes", size(bytes)));
      row.append(query ? make("span", "where", node.parent.path) : share, make("span", "count", files(count)));
      row.setAttribute("aria-label", `${query ? node.path : name}, ${size(bytes)}, ${files(count)}, ${describe(node)}`);
      rows.set(node, row);
      fragment.append(row);
    }
    if (items.length > MOST_ROWS) fragment.append(make("p", "", `and ${number(items.length - MOST_ROWS)} more`));
    $("list").replaceChildren(fragment);
    $("heading").textContent = query ? found(items.map(([node]) => node)) : `${here.path || "All"}: ${amount(shown(here))}`;
  }

  /* Say what was found, and what could not be: an entry that is summed up has no name on the page. */
  function found(nodes) {
    const closed = all.filter((node) => node.amounts.length && (node.kind === "r" || node.kind === "d"));
    const others = sum(closed.map((node) => node.total[1])), named = all.filter((node) => node !== root && node.kind !== "r");
    const rest = others ? `${number(others)} other ${others === 1 ? "file" : "files"}` : "the smallest entries";
    const end = closed.length ? `. Not searched: ${rest}` : "";
    if (!nodes.length) return `Nothing found${end && ` among the ${number(named.length)} entries on this page`}${end}`;
    const tops = nodes.filter((node) => !node.parent.hit).map(shown);
    const total = [0, 1].map((at) => sum(tops.map((each) => each[at])));
    return `${number(nodes.length)} found: ${amount(total)}${end}`;
  }

  function search(text) {
    if (!text) $("search").value = "";
    query = text.trim().toLowerCase();
    hits = [];
    for (const node of all) {
      const own = Boolean(query) && node !== root && node.kind !== "r" &&
        (query.includes("/") ? node.path : node.name).toLowerCase().includes(query);
      if (own) hits.push(node);
      node.hit = own || Boolean(node.parent && node.parent.hit);
      node.near = false;
    }
    for (const node of hits) for (let up = node; up && !up.near; up = up.parent) up.near = true;
    paint();
    drawList();
    point(here);
  }

  /* Where the reader is */

  function drawCrumbs() {
    const path = [];
    for (let node = here; node; node = node.parent) path.unshift(node);
    $("crumbs").replaceChildren(...path.flatMap((node, at) => {
      const last = at === path.length - 1;
      const part = last ? make("b", "", node.path ? node.name : map.name) : button("link", node.path ? node.name : map.name, () => go(node));
      if (last) part.setAttribute("aria-current", "location");
      return at ? [make("span", "slash", "/"), part] : [part];
    }));
  }

  function go(node, focus = true) {
    const from = here, inside = document.activeElement;
    const inList = $("list").contains(inside), had = inList || $("map").contains(inside) || $("crumbs").contains(inside);
    here = node;
    drawCrumbs();
    drawMap();
    drawList();
    point(here);
    let back = from;
    while (back && back.parent !== here) back = back.parent;
    if (had && focus) focusOn(inList ? rows : cells, back);
  }

  const focusOn = (elements, node) => (elements.get(node) || elements.values().next().value)?.focus();

  function open(node) {
    if (query) search("");
    const target = node.kids.length ? node : node.parent || node;
    if (target !== here) go(target, node.kids.length > 0);
    point(node);
    if (!node.kids.length) focusOn(document.activeElement.closest("#list") ? rows : cells, node);
  }

  /* What is under the pointer or has the focus */

  function point(node) {
    for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
    for (const elements of node === here ? [] : [rows, cells]) {
      let shown = node;
      while (shown && !elements.has(shown)) shown = shown.parent;
      elements.get(shown)?.classList.add("lit");
    }
    $("detail").replaceChildren(make("b", "", node.path || "All"), make("span", "", amount(shown(node))), ...reasons(node).map(({fate, why}) => {
      const part = make("span", "reason");
      part.append(make("i", `swatch ${fate}`), titleOf(fate) + (why ? ": " : ""), make("code", "", why));
      return part;
    }));
  }

  /* The fates of what is in a node, with the pattern or the instruction behind each, largest first. */
  function reasons(node) {
    const sums = new Map(), waiting = [node];
    while (waiting.length) {
      const each = waiting.pop();
      for (const [index, bytes, count] of each.amounts) {
        const fate = NAMES[fates[index]];
        if (!isShown(fate)) continue;
        const why = reason(map.classes[index], fate), key = `${fate} ${why}`;
        const sofar = sums.get(key) || {fate, why, bytes: 0, files: 0};
        sums.set(key, {...sofar, bytes: sofar.bytes + bytes, files: sofar.files + count});
      }
      waiting.push(...each.kids);
    }
    return [...sums.values()].sort((one, two) => two.bytes - one.bytes || two.files - one.files).slice(0, 3);
  }

  function reason(each, fate) {
    if (fate === "goes") return map.rules[decider(each)].text.join("  ");
    const pattern = each.by === null || each.by === undefined ? "" : map.patterns[each.by];
    const takers = (each.takers || []).map((taker) => map.instructions[taker]);
    const more = takers.length > 2 ? `, ${takers.length - 2} more` : "";
    return fate === "travels" && takers.length ? takers.slice(0, 2).join(", ") + more : pattern;
  }

  /* The figures above, the legend below */

  function figure(title, now, before, note) {
    const block = make("div", "figure"), rules = map.rules.length;
    block.title = `${number(now[0])} bytes`;
    const left = rules ? `  ·  ${percent(now[0], before[0])} of ${size(before[0])} still sent` : "";
    block.append(make("h2", "", title), make("strong", "", (map.lower_bound ? "at least " : "") + size(now[0])), make("p", "", `${files(now[1])}${left}`));
    if (rules) block.append(gauge(now[0], before[0], "travels"));
    if (note) block.append(make("p", "note", note));
    return block;
  }

  function gauge(part, whole, style) {
    const track = make("span", "gauge"), fill = make("i", style);
    fill.style.width = `${whole ? Math.min(100, (100 * part) / whole) : 0}%`;
    track.append(fill);
    return track;
  }

  function drawFigures() {
    const blocks = [], {context, transfer} = map.before, now = context && sent("context");
    if (context && page.kind === "diff") blocks.push(figure("Context", map.after.context, null, `before: ${amount(context)}`));
    else if (context) blocks.push(figure("Context", now, context, ""));
    if (transfer) blocks.push(figure("Transfer", sent("transfer"), transfer, map.printed || ""));
    if (now && map.budget) {
      const kind = limited(map), [bytes] = sent(kind) || [null], over = bytes > map.budget, block = make("div", "figure");
      const words = bytes === null ? "the transfer is unknown" : over ? `${size(bytes - map.budget)} over it` : `${percent(bytes, map.budget)} used`;
      block.title = `${number(map.budget)} bytes`;
      block.append(make("h2", "", kind === "context" ? "Budget" : "Budget of the transfer"), make("strong", over ? "bad" : "", size(map.budget)));
      block.append(make("p", "", words), gauge(bytes, map.budget, over ? "over" : "travels"));
      blocks.push(block);
    }
    for (const problem of [map.error, ...map.failures].filter(Boolean)) blocks.push(make("p", "bad wide", problem));
    $("figures").replaceChildren(...blocks);
  }

  function drawLegend() {
    $("legend").replaceChildren(...Object.keys(FATES).flatMap((fate, at) => {
      if (fate === "goes" ? !map.rules.length : !root.bytes[at] && !root.files[at]) return [];
      const item = make("li");
      item.title = FATES[fate][1];
      const total = Object.assign(make("span", "", amount([root.bytes[at], root.files[at]])), {title: `${number(root.bytes[at])} bytes`});
      item.append(make("i", `swatch ${fate}`), make("b", "", FATES[fate][0]), total);
      return [item];
    }));
  }

  /* Suggestions */

  function drawRules() {
    $("explorer").hidden = page.kind === "scan" && all.length < 2; // of a report of another repository
    $("suggestions").hidden = !map.rules.length;
    $("option").hidden = page.kind === "diff" || (!map.rules.length && map.classes.every((each) => each.fate !== "ignored"));
    $("rules").replaceChildren(...map.rules.map((rule, at) => {
      const item = make("li"), label = make("label"), box = Object.assign(make("input"), {type: "checkbox", checked: on.has(at)});
      box.addEventListener("change", () => choose(box.checked ? on.add(at) && on : new Set([...on].filter((each) => each !== at))));
      const words = make("span", "words");
      words.append(make("code", "", rule.text.join("  ")), make("span", "why", rule.why));
      words.title = rule.why;
      label.append(box, words, make("span", "review", rule.safe ? "" : "review first"), make("span", "saves", size(rule.saves[0])));
      item.append(label, ...(rule.doubts || []).map((doubt) => make("p", "doubt", doubt)));
      return item;
    }));
    drawText();
  }

  function drawText() {
    const file = map.ignore_file, found = [];
    if (!file) return;
    let line = null;
    for (const [text, isNew] of pieces(on)) {
      for (const part of text ? text.split(/(?<=\n)/) : []) {
        if (!line) found.push(line = make("span", "line", ""));
        line.textContent += part;
        if (isNew && part.trim()) line.className = "line plus";
        if (part.endsWith("\n")) line = null;
      }
    }
    $("file").textContent = file.path + (file.new ? " (new)" : "");
    $("text").replaceChildren(...found);
    $("copy").hidden = file.copyable === false; // what is not UTF-8 is not all in the text
    $("uncopied").hidden = !$("copy").hidden;
  }

  function choose(chosen) {
    on = chosen;
    document.querySelectorAll("#rules input").forEach((box, at) => { box.checked = on.has(at); });
    count();
    for (const node of [here, ...cells.keys()]) if (node.rest) tally(node);
    drawText();
    drawFigures();
    drawLegend();
    if (only) drawMap(); else paint();
    drawList();
    point(here);
  }

  async function copy() {
    const text = textOf(on);
    let done = true;
    try { await navigator.clipboard.writeText(text); } catch { done = put(text); }
    $("copy").textContent = done ? "Copied" : "Not copied: select the text";
    setTimeout(() => { $("copy").textContent = "Copy"; }, done ? 1500 : 6000);
  }

  /* Copy as a key does, but with the line ends of the text; return whether the browser took it. */
  function put(text) {
    let taken = false;
    const give = (event) => { event.clipboardData.setData("text/plain", text); event.preventDefault(); taken = true; };
    getSelection().selectAllChildren($("text")); // some browsers copy only if something is selected
    document.addEventListener("copy", give);
    const done = document.execCommand("copy");
    document.removeEventListener("copy", give);
    return done && taken;
  }

  /* All builds of a scan: the worst first */

  const limited = (each) => (each.budget && each.budget_of) || "context";
  const bytesOf = (each) => (each.before?.[limited(each)] || each.before?.context || [0])[0];
  const isLimited = (each) => Boolean(each.budget && each.before?.[limited(each)]);
  const isOver = (each) => isLimited(each) && bytesOf(each) > each.budget;
  const fails = (each) => Boolean(each.failures?.length);

  function drawBuilds() {
    const largest = Math.max(1, ...page.maps.map(bytesOf));
    const order = page.maps.map((each, at) => [each, at])
      .sort(([one], [two]) => fails(two) - fails(one) || isOver(two) - isOver(one) || bytesOf(two) - bytesOf(one)).map(([, at]) => at);
    $("builds").hidden = page.maps.length < 2;
    $("builds").replaceChildren(...order.map((at) => {
      const each = page.maps[at], bytes = bytesOf(each), over = isOver(each);
      const row = button("build", undefined, () => { show(at); $("name").focus(); });
      row.dataset.map = at;
      const words = each.error ? "" : isLimited(each) ? `${size(bytes)} of ${size(each.budget)}` : size(bytes);
      const notes = each.error ? ["not measured"] : [fails(each) && "build fails", over && "over budget"].filter(Boolean);
      const bar = gauge(bytes, isLimited(each) ? each.budget : largest, over ? "over" : "travels");
      row.append(make("span", "name", each.name), bar, make("span", "bytes", words), make("span", "bad", notes.join(", ")));
      return row;
    }));
    return order[0];
  }

  function summary() {
    const counts = [[fails, "failing"], [isOver, "over budget"], [(each) => each.error, "not measured"]]
      .map(([test, word]) => [page.maps.filter(test).length, word]).filter(([count]) => count);
    return `${number(page.maps.length)} builds${counts.map(([count, word], at) => `${at ? ", " : ": "}${number(count)} ${word}`).join("")}`;
  }

  function show(at) {
    map = {...DEFAULTS, ...page.maps[at]};
    on = new Set(map.rules.flatMap((rule, index) => (rule.chosen ? [index] : [])));
    all = nodesOf(map.tree);
    root = here = all[0];
    $("only").checked = only = false;
    $("search").value = query = "";
    hits = [];
    count();
    for (const row of document.querySelectorAll(".build")) row.setAttribute("aria-current", String(row.dataset.map === String(at)));
    $("name").hidden = page.maps.length < 2;
    $("name").textContent = map.name;
    $("verdict").textContent = page.maps.length < 2 ? map.verdict || "" : summary();
    $("next").textContent = page.maps.length < 2 ? map.next || "" : "";
    const parts = [page.maps.length < 2 ? "" : map.verdict, map.context_path && `context ${map.context_path}`, map.dockerfile, map.builder];
    $("build").textContent = parts.filter(Boolean).join("  ·  ");
    $("command").textContent = map.command ? `$ ${map.command}` : "";
    drawFigures();
    drawRules();
    drawLegend();
    go(root);
  }

  /* Keys and pointer */

  const nodeOf = (element, elements) => [...elements].find((pair) => pair[1] === element)?.[0];

  function neighbour(node, key) {
    if (key === "ArrowUp" && cells.has(node.parent)) return node.parent;
    const siblings = [...cells.keys()].filter((each) => each.parent === node.parent), at = siblings.indexOf(node);
    if (key === "ArrowDown") return [...cells.keys()].find((each) => each.parent === node);
    return siblings[at + (key === "ArrowRight" ? 1 : -1)];
  }

  function move(event) {
    const inMap = event.currentTarget === $("map"), elements = inMap ? cells : rows;
    const node = nodeOf(event.target, elements);
    if (!node || !/^(Arrow|Home|End)/.test(event.key)) return;
    const order = [...elements.keys()], at = order.indexOf(node);
    const step = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: order.length - 1};
    const next = inMap && /^Arrow/.test(event.key) ? neighbour(node, event.key) : order[step[event.key]];
    event.preventDefault();
    if (next) elements.get(next).focus();
  }

  function look(event) {
    const element = event.target.closest && event.target.closest("#map > button, #list > button");
    const node = element && (nodeOf(element, cells) || nodeOf(element, rows));
    if (!node) return;
    if (event.type === "focusin") {
      for (const each of element.parentElement.children) each.tabIndex = -1;
      element.tabIndex = 0;
    }
    point(node);
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target === $("search");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      $("search").select();
    } else if (event.key === "Escape" || (event.key === "Backspace" && !typing)) {
      event.preventDefault();
      if (query) search("");
      else if (here.parent) go(here.parent);
    } else if (event.key === "Enter" && typing && hits.length) {
      event.preventDefault();
      focusOn(rows, null);
    }
  });
  for (const id of ["map", "list"]) {
    $(id).addEventListener("keydown", move);
    $(id).addEventListener("mouseover", look);
    $(id).addEventListener("focusin", look);
    $(id).addEventListener("mouseleave", () => point(here));
  }
  $("search").addEventListener("input", () => search($("search").value));
  $("only").addEventListener("change", () => { only = $("only").checked; drawMap(); drawList(); point(here); });
  $("safe").addEventListener("click", () => choose(new Set(map.rules.flatMap((rule, at) => (rule.safe ? [at] : [])))));
  $("none").addEventListener("click", () => choose(new Set()));
  $("copy").addEventListener("click", copy);

  document.body.className = page.kind;
  $("title").textContent = page.title;
  $("made").textContent = `Made by ${page.made}. This file is complete: it loads nothing.`;
  new ResizeObserver(() => { if (map && $("map").clientWidth !== width) drawMap(); }).observe($("map"));
  if (page.maps.length) show(drawBuilds());
  else document.querySelector("main").replaceWith("There is no build here.");
})();

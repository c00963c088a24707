"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const SVG = $("circuit").namespaceURI;
const N = data.phases.length;
const CHAIN = new Set(data.chain);
const byName = new Map(data.populations.map(p => [p.name, p]));
const state = { phase: 0, sample: 0, stop: 0, pinned: null, seen: null, timer: null };
const STEP_MS = 1400, NARROW = 640;
const whole = n => n.toLocaleString("en").replace("-", "−");
const plus = n => n > 0 ? `+${n}` : `−${-n}`;
const sentenceCase = text => text.charAt(0).toUpperCase() + text.slice(1);
const sentence = text => {                 // the name of a population keeps its case; those of sources are words
  const named = byName.get(text.split(/[ ,:]/)[0]);
  return `${named && !named.source ? text : sentenceCase(text)}.`;
};
const listed = names => names.length < 2 ? names.join("") : names.slice(0, -1).join(", ") + " and " + names.at(-1);

function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "g", "path", "rect", "circle", "text", "title"].includes(tag);
  const made = drawn ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// -- what was recorded ----------------------------------------------------------------------------

const unpacked = new Map();
function ones(text) {                       // indices of the bits that are 1
  if (!unpacked.has(text)) {
    const bytes = atob(text), found = [];
    for (let i = 0; i < 8 * bytes.length; i++)
      if (bytes.charCodeAt(i >> 3) >> (7 - i % 8) & 1) found.push(i);
    unpacked.set(text, found);
  }
  return unpacked.get(text);
}
const record = () => data.records[state.stop][state.sample];
const fired = (name, phase) => {
  const text = record().spikes[name]?.[phase];
  return text === undefined ? [] : ones(text);
};
const everFired = name => new Set(byName.has(name) ? [...Array(N).keys()].flatMap(phase => fired(name, phase)) : []);
const gateAt = (population, phase) => population.gates.find(gate => gate.phase === phase);
const carried = (name, phase) => record().carried[name]?.[phase];   // numbers of `fired`; undefined: each 1
const range = numbers => [Math.min(...numbers), Math.max(...numbers)];
function carriedWords(numbers) {
  if (numbers === undefined) return "";
  const [low, high] = range(numbers);
  return ` (${low === high ? plus(low) : `${plus(low)} to ${plus(high)}`})`;
}
function carriedSize(numbers) {             // the largest number, and which signs there are
  if (numbers === undefined) return "";
  const [low, high] = range(numbers);
  return ` ${low < 0 ? high > 0 ? "±" : "−" : "+"}${Math.max(-low, high)}`;
}
const learningAt = phase => record().learning.filter(one => one[0] === phase);
const arrives = (row, phase) =>
  row.delays.some(delay => phase - 1 - delay >= 0 && fired(row.pre, phase - 1 - delay).length > 0);
const signed = (up, down) => up && down ? `+${whole(up)} −${whole(down)}` : up ? `+${whole(up)}`
  : down ? `−${whole(down)}` : "±0";
const kindOf = (up, down) => up && down ? "both" : up ? "grow" : down ? "shrink" : "none";

// -- where things lie -----------------------------------------------------------------------------

const layerClass = layer => layer === data.layers[0] ? "in" : layer === data.layers.at(-1) ? "out" : "hid";
const groups = members => {                // columns of three at the most, in the order of time
  const times = [...new Set(members.map(p => p.first))].sort((a, b) => a - b);
  return times.flatMap(time => {
    const here = members.filter(p => p.first === time).sort((a, b) => b.learns - a.learns);
    const columns = [];
    while (here.length) columns.push({ time, members: here.splice(0, 3) });
    return columns;
  });
};
function merged(columns) {                  // what is left of a moment and does not learn joins the column before
  const kept = [];
  for (const column of columns) {
    const first = kept.findIndex(one => one.time === column.time), before = kept[first - 1];
    if (before && !column.members.some(p => p.learns) && before.members.length + column.members.length <= 3)
      before.members.push(...column.members);
    else kept.push(column);
  }
  return kept;
}

function arranged(narrow, room) {
  const bands = data.layers.map(layer => merged(groups(data.populations.filter(p => p.layer === layer))));
  const times = [...new Set(data.populations.map(p => p.first))].sort((a, b) => a - b);
  const byTime = times.map(time => Math.max(...bands.map(band => band.filter(c => c.time === time).length)));
  const all = byTime.reduce((sum, n) => sum + n, 0);
  if (narrow) for (const band of bands)    // stack single ones rather than shrink
    for (let k = band.length - 1; k > 0 && band.length > 4; k--)
      if (band[k].members.length + band[k - 1].members.length <= 2)
        band[k - 1].members.push(...band.splice(k, 1)[0].members);
  const size = narrow ? { w: 46, h: 64, row: 80, side: 4, top: 24, gate: 12 } : { w: 96, h: 48, row: 58, side: 12, top: 24, gate: 14 };
  const aligned = !narrow && all * (size.w + 18) + 2 * size.side <= room;
  const columns = aligned ? all : Math.max(...bands.map(band => band.length));
  const width = Math.max(room, columns * (size.w + (narrow ? 14 : 18)) + 2 * size.side);
  const pitch = (width - 2 * size.side) / columns;
  const boxes = new Map(), frames = [];
  let top = 2;
  [...bands.keys()].reverse().forEach(k => {
    const rows = Math.max(...bands[k].map(column => column.members.length));
    const used = new Map();
    bands[k].forEach((column, place) => {
      let at = (place + 0.5) * columns / bands[k].length;
      if (aligned) {
        const time = times.indexOf(column.time), nth = used.get(column.time) ?? 0;
        used.set(column.time, nth + 1);
        at = byTime.slice(0, time).reduce((sum, n) => sum + n, 0) + nth + 0.5;
      }
      const from = (rows - column.members.length) / 2;
      column.members.forEach((p, row) => boxes.set(p.name, {
        x: size.side + at * pitch - size.w / 2, y: top + size.top + (from + row) * size.row, w: size.w, h: size.h,
        band: k, alone: column.members.length === 1, edge: [row === column.members.length - 1, row === 0],
      }));
    });
    const height = size.top + rows * size.row - (size.row - size.h) + 8;
    frames.push({ layer: data.layers[k], units: data.sizes[k], y: top, h: height });
    top += height + (narrow ? 10 : 12);
  });
  const gap = 26, chain = width - 2 * size.side, r = Math.min(size.gate, chain / N / 2 - 2);
  const gates = data.chain.map((_, k) => ({ x: size.side + (k + 0.5) * chain / N, y: top + gap + r, r }));
  return { narrow, size, width, height: top + gap + 2 * r + 24, boxes, frames, gates, chainTop: top };
}

// -- lines ----------------------------------------------------------------------------------------

const middle = box => [box.x + box.w / 2, box.y + box.h / 2];
function border(box, [x, y], gap) {         // where the way from the middle towards a point leaves the box
  const [mx, my] = middle(box), dx = x - mx, dy = y - my;
  const t = Math.min((box.w / 2 + gap) / Math.abs(dx || 1e-9), (box.h / 2 + gap) / Math.abs(dy || 1e-9));
  return [mx + t * dx, my + t * dy];
}
function across(pre, post, boxes) {         // from layer to layer: round the boxes of a column, not through them
  const up = post.y < pre.y ? -1 : 1, right = middle(post)[0] >= middle(pre)[0] - 1 ? 1 : -1;
  const [px, py] = middle(pre), [qx, qy] = middle(post), above = px + right * pre.w * .18;
  const inTheWay = boxes.some(box => box.band === post.band && box !== post && box.x < above + 6 && above < box.x + box.w + 6);
  const free = pre.edge[up < 0 ? 1 : 0] && !inTheWay;
  const far = Math.abs(qy - py) * .5, wide = Math.max(Math.abs(qx - px) * .4, 34);
  const from = free ? [above, py + up * pre.h / 2] : [px + right * pre.w / 2, py];
  const first = free ? [from[0], from[1] + up * far] : [from[0] + right * wide, py];
  if (post.alone) {
    const to = [qx - right * post.w * .18, qy - up * (post.h / 2 + 2)];
    return [from, first, [to[0], to[1] - up * far], to];
  }
  const to = [qx - right * (post.w / 2 + 2), qy];
  return [from, first, [to[0] - right * wide, qy], to];
}
function curve(pre, post, boxes) {
  if (pre === post) {
    const { x, y, w } = pre;
    return [[x + w * .3, y], [x + w * .2, y - 22], [x + w * .8, y - 22], [x + w * .7, y - 2]];
  }
  if (pre.band !== post.band) return across(pre, post, boxes);
  const a = middle(pre), b = middle(post), dx = b[0] - a[0], dy = b[1] - a[1], long = Math.hypot(dx, dy);
  const bow = Math.min(.16 * long, 46), nx = -dy / long * bow, ny = dx / long * bow;
  const via = [(a[0] + b[0]) / 2 + nx, (a[1] + b[1]) / 2 + ny];
  const from = border(pre, via, 0), to = border(post, via, 2);
  return [from, [from[0] + (via[0] - from[0]) * .7, from[1] + (via[1] - from[1]) * .7],
    [to[0] + (via[0] - to[0]) * .7, to[1] + (via[1] - to[1]) * .7], to];
}
const bezier = ([a, b, c, d], t) => [0, 1].map(k =>
  (1 - t) ** 3 * a[k] + 3 * t * (1 - t) ** 2 * b[k] + 3 * t * t * (1 - t) * c[k] + t ** 3 * d[k]);
const at = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
const way = ([a, b, c, d]) => `M${at(a)}C${at(b)} ${at(c)} ${at(d)}`;
function head(kind, points) {
  const [x, y] = points[3], [bx, by] = bezier(points, .93), long = Math.hypot(x - bx, y - by) || 1;
  const ux = (x - bx) / long, uy = (y - by) / long;
  const to = (along, across) => at([x + along * ux - across * uy, y + along * uy + across * ux]);
  if (kind === "inhibitory") return `M${to(0, -5.5)}L${to(0, 5.5)}`;
  if (kind === "opening") return `M${to(0, 0)}L${to(-4.5, 4)}L${to(-9, 0)}L${to(-4.5, -4)}Z`;
  const big = kind === "plastic" ? 1.35 : 1;
  return `M${to(0, 0)}L${to(-8 * big, 3.6 * big)}L${to(-8 * big, -3.6 * big)}Z`;
}
const PILL_AT = .74;                      // of the way
function wire(row, points, post) {
  const pill = make("g", { class: "pill", visibility: "hidden" }, make("rect", { rx: 7, height: 17, y: -8.5 }), make("text", { y: 4.2 }));
  const group = make("g", { class: `wire ${row.kind}` }, make("path", { class: "line", d: way(points) }),
    make("path", { class: "head", d: head(row.kind, points) }));
  return { row, group, pill, points, post };
}

// -- boxes ----------------------------------------------------------------------------------------

function cells([rows, columns], count, w, h) {   // corner and side of each cell in a field of w by h
  const side = Math.min(w / columns, h / rows), x0 = (w - side * columns) / 2, y0 = (h - side * rows) / 2;
  return Array.from({ length: count }, (_, i) => [x0 + i % columns * side, y0 + Math.floor(i / columns) * side, side]);
}
const bars = (places, share) => places.map(([x, y, side]) => {   // of neurons whose spikes carry a negative number
  const gap = side * (1 - share) / 2, s = side * share;
  return `M${(x + gap).toFixed(2)} ${(y + side * .36).toFixed(2)}h${s.toFixed(2)}v${(side * .28).toFixed(2)}h${(-s).toFixed(2)}z`;
}).join("");
const squares = (places, share) => places.map(([x, y, side]) => {
  const gap = side * (1 - share) / 2, s = side * share;
  return `M${(x + gap).toFixed(2)} ${(y + gap).toFixed(2)}h${s.toFixed(2)}v${s.toFixed(2)}h${(-s).toFixed(2)}z`;
}).join("");

function box(p, place, narrow) {
  const field = narrow ? { x: 3, y: 17, w: place.w - 6, h: place.h - 20 } : { x: place.w - 47, y: 3, w: 44, h: place.h - 6 };
  const grid = cells(p.grid, p.size, field.w, field.h);
  const lit = make("path", { class: "lit" }), count = make("text", { class: "count", x: 6, y: 29 });
  const gate = make("g"), label = make("text", { class: "gate-text", x: 16, y: 42.5 });
  const long = p.name.length + (narrow ? 1 : 0), letters = long > 4 ? 10.5 : long > 3 ? 11.5 : long > 2 ? 12.5 : 14;
  const group = make("g", {
    class: `box ${layerClass(p.layer)}`, transform: `translate(${place.x.toFixed(1)} ${place.y.toFixed(1)})`,
    tabindex: 0, role: "button", "data-name": p.name,
  }, make("rect", { class: "frame", width: place.w, height: place.h, rx: 7 }),
    make("text", { class: "name", x: narrow ? 4 : 6, y: narrow ? 13 : 16, style: `font-size:${letters}px` }, p.name),
    make("g", { transform: `translate(${field.x} ${field.y})` }, make("path", { class: "off", d: squares(grid, p.size > 100 ? .42 : .34) }), lit), gate);
  if (!narrow) group.append(count, label);
  group.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") see(p.name); });
  group.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") see(null); });
  group.addEventListener("focus", () => { if (group.matches(":focus-visible")) see(p.name); });
  group.addEventListener("blur", () => see(null));
  group.addEventListener("click", () => pin(p.name));
  return { p, group, grid, lit, count, gate, label, dial: narrow ? [place.w - 8, 8] : [9, 39] };
}
const THRESHOLDS = [...new Set(data.populations.flatMap(p => p.gates).filter(gate => !gate.blocks).map(gate => gate.threshold))].sort((a, b) => a - b);
const LOWEST = Math.min(0, ...THRESHOLDS), HIGHEST = Math.max(1024, ...THRESHOLDS);
function dial([x, y], gate) {
  if (gate.blocks) return make("g", { class: "shut" }, make("path", { d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8` }));
  const part = (gate.threshold - LOWEST) / (HIGHEST - LOWEST), r = 4.6;
  const angle = part * 2 * Math.PI, tip = [x + r * Math.sin(angle), y - r * Math.cos(angle)];
  const d = part === 0 ? "" : part === 1 ? `M${x} ${y - r}a${r} ${r} 0 1 1 -.01 0z`
    : `M${x} ${y}L${x} ${y - r}A${r} ${r} 0 ${part > .5 ? 1 : 0} 1 ${at(tip)}z`;
  return make("g", { class: "dial" }, make("circle", { cx: x, cy: y, r }), make("path", { d }));
}
const gateWords = gate => gate === undefined ? "not gated" : gate.blocks ? `closed once more${gate.blocks > 1 ? `, ${gate.blocks} times as firmly` : ""}`
  : `opened: fires above ${whole(gate.threshold)}${gate.signed ? ", or below with the other sign" : ""}`;

// -- the drawing ----------------------------------------------------------------------------------

let drawing = null;
function draw() {
  const room = document.querySelector(".circuit").clientWidth - 12, narrow = room < NARROW;
  if (drawing && drawing.room === room) return;
  const plan = arranged(narrow, room), svg = $("circuit");
  svg.replaceChildren();
  svg.setAttribute("width", plan.width);
  svg.setAttribute("height", plan.height);
  svg.setAttribute("viewBox", `0 0 ${plan.width} ${plan.height}`);
  for (const frame of plan.frames)
    svg.append(make("rect", { class: "band", x: 1, y: frame.y, width: plan.width - 2, height: frame.h, rx: 8 }),
      make("text", { class: "band-name", x: 9, y: frame.y + 16 }, `${frame.layer.replace(/(\d)/, " $1")}: ${whole(frame.units)} units`));
  const pulses = make("g"), wires = [], boxes = [];
  svg.append(pulses, chain(plan));
  for (const row of data.projections) {
    const pre = plan.boxes.get(row.pre), post = plan.boxes.get(row.post);
    const made = wire(row, curve(pre, post, [...plan.boxes.values()]), post);
    made.group.classList.add(layerClass(byName.get(row.pre).layer));
    wires.push(made);
    svg.append(made.group);
  }
  for (const p of data.populations) {
    const made = box(p, plan.boxes.get(p.name), narrow);
    boxes.push(made);
    svg.append(made.group);
  }
  wires.forEach(one => svg.append(one.pill));
  drawing = { room, plan, wires, boxes, pulses, gates: [...svg.querySelectorAll(".ring .gate")] };
}
function chain(plan) {
  const group = make("g", { class: "ring" }), g = plan.gates, { r, y } = g[0];
  group.append(make("text", { class: "band-name", x: 9, y: plan.chainTop + 16, style: "text-anchor:start" },
    `gating chain: ${N} ${data.chain_size > 1 ? `pools of ${data.chain_size}` : "neurons"} that fire one after the other`));
  g.slice(1).forEach((gate, k) => group.append(make("path", { class: "line", d: `M${g[k].x + r} ${y}H${gate.x - r}` })));
  const low = y + r + 14;
  group.append(make("path", { class: "line", d: `M${g.at(-1).x} ${y + r}V${low - 6}q0 6 -6 6H${g[0].x + 6}q-6 0 -6 -6V${y + r + 6}` }),
    make("path", { class: "head", d: `M${g[0].x} ${y + r + 1}l-3.5 7h7z` }));
  g.forEach((gate, k) => group.append(make("g", { class: "gate" }, make("circle", { cx: gate.x, cy: y, r }),
    make("text", { x: gate.x, y: y + 3.8 }, r >= 11 ? data.chain[k] : ""))));
  return group;
}

function pulse(gate, place) {               // from the gate that acts now to what it opens or closes
  const bottom = [place.x + place.w / 2, place.y + place.h];
  const y = gate.y - gate.r;
  return make("path", { class: "pulse", d: `M${at([gate.x, y])}C${at([gate.x, y - 60])} ${at([bottom[0], bottom[1] + 60])} ${at(bottom)}` });
}

// -- every change ---------------------------------------------------------------------------------

function show() {
  draw();
  const { phase } = state, picked = state.seen ?? state.pinned;
  const learning = new Map(learningAt(phase).map(one => [one[1], one]));
  $("circuit").classList.toggle("picked", picked !== null);
  drawing.pulses.replaceChildren();
  for (const one of drawing.boxes) showBox(one, phase, picked);
  drawing.wires.forEach((one, k) => showWire(one, phase, picked, learning.get(k)));
  drawing.gates.forEach((gate, k) => {
    const share = fired(data.chain[k], phase).length / data.chain_size;
    gate.classList.toggle("fires", share >= .5);
    gate.classList.toggle("some", share > 0 && share < .5);
    gate.classList.toggle("acts", k === phase);
  });
  showPhase(phase, learning);
  showTraining();
  showAnswer();
  showRaster();
  showRows(picked);
}
function showBox({ p, group, grid, lit, count, gate, label, dial: where }, phase, picked) {
  const on = fired(p.name, phase), numbers = carried(p.name, phase), acting = gateAt(p, phase);
  const negative = on.filter((_, k) => numbers?.[k] < 0), rest = on.filter((_, k) => !(numbers?.[k] < 0));
  const share = p.size > 100 ? .96 : .86;
  lit.setAttribute("d", squares(rest.map(i => grid[i]), share) + bars(negative.map(i => grid[i]), share));
  group.classList.toggle("fires", on.length > 0);
  group.classList.toggle("open", Boolean(acting && !acting.blocks));
  group.classList.toggle("chosen", p.name === state.pinned || p.name === picked);
  group.setAttribute("aria-pressed", p.name === state.pinned);
  group.setAttribute("aria-label", `${p.name}, ${p.role}: ${whole(on.length)} of ${whole(p.size)} fire${carriedWords(numbers)}; ${gateWords(acting)}`);
  count.textContent = on.length ? whole(on.length) + carriedSize(numbers) : "";
  label.textContent = acting ? acting.blocks ? "shut" : `${acting.signed ? "≠" : ">"}${whole(acting.threshold)}` : "";
  gate.replaceChildren(...(acting ? [dial(where, acting)] : []));
  if (acting) drawing.pulses.append(pulse(drawing.plan.gates[phase], drawing.plan.boxes.get(p.name)));
}
function placed(points, post, w) {          // where a number stands: on its line, and not on the box that it leads to
  const [x, y] = bezier(points, PILL_AT), end = points[3][0], half = w / 2 + 1;
  const beside = end < post.x ? Math.min(x, post.x - half) : end > post.x + post.w ? Math.max(x, post.x + post.w + half) : x;
  return `translate(${Math.min(Math.max(half, beside), drawing.plan.width - half).toFixed(1)} ${y.toFixed(1)})`;
}
function showWire({ row, group, pill, points, post }, phase, picked, learns) {
  group.classList.toggle("on", arrives(row, phase));
  group.classList.toggle("learns", learns !== undefined);
  group.classList.toggle("mine", picked !== null && (row.pre === picked || row.post === picked));
  pill.setAttribute("visibility", learns === undefined ? "hidden" : "visible");
  if (learns === undefined) return;
  const [, , , up, down] = learns, text = pill.lastChild, w = 10 + 7.4 * signed(up, down).length;
  text.textContent = signed(up, down);
  pill.setAttribute("transform", placed(points, post, w));
  pill.firstChild.setAttribute("width", w);
  pill.firstChild.setAttribute("x", -w / 2);
  pill.setAttribute("class", `pill ${kindOf(up, down)}`);
}
function learnt(learning) {                // what learns now, in words
  const alike = new Map();
  for (const [, k, , up, down] of learning.values()) {
    const { pre, post } = data.projections[k], change = signed(up, down);
    alike.set(`${pre} ${change}`, { pre, change, posts: [...(alike.get(`${pre} ${change}`)?.posts ?? []), post] });
  }
  const parts = [...alike.values()].map(({ pre, change, posts }) => `${pre}→${posts.join(", ")} ${change}${posts.length > 1 ? " each" : ""}`);
  return parts.length ? ` Synapses that grow (+) or shrink (−): ${parts.join("; ")}.` : "";
}
function chainWords(phase, gates) {        // who fires in the chain, if that is not just the next neuron
  if (!gates.length) return " The gating chain is silent.";
  if (data.chain_size > 1) return ` Gating chain: ${gates.map(name => `${name} ${fired(name, phase).length} of ${data.chain_size}`).join(", ")}.`;
  return gates.length === 1 && gates[0] === data.chain[(phase + 1) % N] ? "" : ` Gating chain: ${gates.join(", ")}.`;
}
function showPhase(phase, learning) {
  const about = data.phases[phase];
  const firing = data.populations.filter(p => fired(p.name, phase).length);
  const who = firing.map(p => `${p.name} ${whole(fired(p.name, phase).length)}${carriedWords(carried(p.name, phase))}`);
  const explained = firing.some(p => carried(p.name, phase)) ? " In brackets: the numbers that spikes carry." : "";
  const gates = data.chain.filter(name => fired(name, phase).length);
  $("number").textContent = `Phase ${phase} (0 to ${N - 1})`;
  $("reward").textContent = `reward ${about.reward}${about.learning ? `, ${about.learning}` : ""}`;
  $("meaning").textContent = sentence(about.meaning);
  $("detail").textContent = (who.length ? `Fire: ${who.join(", ")}.` : `Nobody ${gates.length ? "but the gating chain " : ""}fires.`)
    + explained + chainWords(phase, gates) + learnt(learning);
  $("phase").value = phase;
  $("phase").setAttribute("aria-valuetext", `phase ${phase}: ${about.meaning}`);
  const spoken = `Phase ${phase}. ${$("meaning").textContent} ${$("detail").textContent}`;
  if ($("spoken").textContent !== spoken) $("spoken").textContent = spoken;
}
const stopName = k => {
  const { samples } = data.stops[k], epochs = samples / data.epoch;
  if (k === 0) return "Untrained";
  return k < data.stops.length - 1 ? `After ${whole(samples)} samples` : `Trained: ${whole(samples)} samples, ${whole(epochs)} epoch${epochs === 1 ? "" : "s"}`;
};
function showTraining() {
  const { accuracy } = data.stops[state.stop];
  $("stop").value = state.stop;
  $("stop-name").textContent = stopName(state.stop);
  $("stop").setAttribute("aria-valuetext", stopName(state.stop));
  $("stop-note").textContent = (accuracy === null ? "Not tested." : `${(100 * accuracy).toFixed(1)} % of the test images right by spikes.`)
    + (data.why_few ? ` Start and end only: ${data.why_few}.` : "");
}
function errors() {                        // output unit to the text of its error
  const found = new Map();
  for (const [name, sign] of [["d+", 1], ["d-", -1]])
    for (let phase = 0; phase < N; phase++) {
      const graded = byName.get(name)?.carries, numbers = carried(name, phase);
      fired(name, phase).forEach((i, k) => found.set(i, graded ? plus(sign * (numbers?.[k] ?? 1)) : sign > 0 ? "+" : "−"));
    }
  return new Map([...found].sort(([one], [other]) => one - other));
}
function showAnswer() {
  const about = data.samples[state.sample], said = fired("o", data.answer_phase), sums = record().potentials;
  const wrong = errors(), taught = [...everFired("target")], told = data.tries ? "label" : "target";
  $("image").replaceChildren(...picture(about, 92));
  $("image").setAttribute("aria-label", `input image: training sample ${about.number}`);
  const right = said.length === 1 && said[0] === about.label;
  const at = [...wrong].map(([unit, error]) => `${error} at ${unit}`);
  $("verdict").textContent = `Training sample ${about.number}. ${sentenceCase(told)}: ${about.label}. Answer: ${said.length ? listed(said.map(String)) : "silence"}, `
    + `${right ? "right" : "wrong"}. ${triedWords(about, taught)}Error: ${at.length ? listed(at) : "none"}.`;
  const heads = ["unit", "sum", "answer", ...(data.tries ? ["tried"] : []), told, "error"];
  const head = make("tr", {}, ...heads.map(text => make("th", { scope: "col" }, text)));
  $("answer").replaceChildren(make("thead", {}, head), make("tbody", {}, ...Array.from({ length: data.sizes.at(-1) }, (_, i) =>
    make("tr", i === about.label ? { class: "target" } : {}, make("th", { scope: "row" }, String(i)),
      make("td", { class: "sum" }, sums.length ? whole(sums[i]) : ""), make("td", {}, said.includes(i) ? "●" : "·"),
      ...(data.tries ? [make("td", {}, taught.includes(i) ? "●" : "·")] : []),
      make("td", {}, i === about.label ? "●" : "·"), make("td", {}, wrong.get(i) ?? "·")))));
}
function triedWords(about, taught) {       // where an answer is tried, the network is not told the label
  if (!data.tries) return "";
  if (!taught.length) return "No answer was tried. ";
  return `Tried as target: ${listed(taught.map(String))}, ${taught.length === 1 && taught[0] === about.label ? "right" : "wrong"}. `;
}
function picture(sample, side) {
  const places = cells(data.image, data.image[0] * data.image[1], side, side);
  return [make("rect", { class: "ground", width: side, height: side }), make("path", { class: "pixel", d: squares(ones(sample.input).map(i => places[i]), .94) })];
}
function showRaster() {
  const head = make("tr", {}, make("th", { scope: "col" }, "phase"), ...data.phases.map((about, phase) => {
    const sign = { potentiation: "+", depression: "−" }[about.learning] ?? (about.learning ? "±" : "");
    const button = make("button", { type: "button", "aria-label": `phase ${phase}: ${about.meaning}` }, `${phase}${sign}`);
    button.addEventListener("click", () => go(phase));
    return make("th", { scope: "col", class: phase === state.phase ? "current" : "" }, button);
  }));
  const body = data.populations.map(p => make("tr", { class: layerClass(p.layer) }, make("th", { scope: "row" }, p.name),
    ...data.phases.map((_, phase) => {
      const n = fired(p.name, phase).length, now = phase === state.phase ? " current" : "";
      return make("td", { class: (n ? "fires" : "") + now }, n ? whole(n) : "");
    })));
  const focused = document.activeElement?.closest?.("#raster") ? [...document.querySelectorAll("#raster button")].indexOf(document.activeElement) : -1;
  $("raster").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
  if (focused >= 0) document.querySelectorAll("#raster button")[focused].focus({ preventScroll: true });
}

// -- the rows of a population ---------------------------------------------------------------------

function tableOf(title, heads, rows) {
  if (!rows.length) return [];
  return [make("h3", {}, title), make("div", { class: "wide" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads.map(text => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...rows.map(cells => make("tr", {}, ...cells.map(text => make("td", {}, String(text))))))))];
}
const MANY = 12;                            // units are named one by one up to so many
function carriedRows(p) {                   // what the spikes of a graded population carry now, number by number
  const on = fired(p.name, state.phase);
  if (!p.carries) return [];
  const [plain, signed] = p.carries;
  const may = `Graded: a spike carries ${plain > 1 ? `1 to ${plain}` : "1"}`
    + (signed > 1 ? `, and −${signed} to +${signed} where a signed pulse has opened the neuron` : "") + ".";
  const units = new Map();
  on.forEach((unit, k) => {
    const number = carried(p.name, state.phase)?.[k] ?? 1;
    units.set(number, [...(units.get(number) ?? []), unit]);
  });
  const rows = [...units].sort(([one], [other]) => other - one).map(([number, those]) =>
    [plus(number), whole(those.length), those.slice(0, MANY).join(", ") + (those.length > MANY ? ", …" : "")]);
  return [make("p", { class: "small" }, may), ...tableOf(`Spikes in phase ${state.phase}`, ["carry", "neurons", "which"], rows)];
}
function showRows(name) {
  const panel = $("inspector");
  panel.classList.toggle("up", name !== null && state.pinned !== null);
  $("close").hidden = state.pinned === null;
  const shown = [name, state.stop, state.sample, ...(byName.get(name)?.carries ? [state.phase] : [])].join(" ");
  if (panel.dataset.of === shown) return;
  panel.dataset.of = shown;
  if (name === null) {
    $("rows").replaceChildren(make("h2", {}, "Population"), make("p", { class: "small" }, "Point at a population, tap it, or reach it with the Tab key to see its rows here. Enter keeps them in view."));
    return;
  }
  const p = byName.get(name), changed = new Map(record().changed.map(([k, up, down]) => [k, signed(up, down)]));
  const row = other => one => [one[other], typeof one.weight === "number" ? whole(one.weight) : one.weight, one.delays.join(", "),
    one.kind === "plastic" ? `learns ${changed.get(data.projections.indexOf(one)) ?? "±0"}` : one.kind];
  const heads = other => [other, "weight", "extra delay", "kind"];
  $("rows").replaceChildren(make("h2", {}, `${p.name}: ${p.role}`),
    make("p", { class: "small" }, `${whole(p.size)} ${p.source ? "sources" : "neurons"}, ${p.layer} layer. ${p.fires.length ? `May fire in phase ${listed(p.fires.map(String))}.` : ""}`
      + (p.source || !p.gates.length ? "" : ` Closed by a bias of −${whole(data.closing)} unless opened.`)),
    ...carriedRows(p),
    ...tableOf("Gates", ["phase", "what the chain does"], p.gates.map(gate => [gate.phase, gateWords(gate)])),
    ...tableOf("Projections in", heads("from"), data.projections.filter(one => one.post === name).map(row("pre"))),
    ...tableOf("Projections out", heads("to"), data.projections.filter(one => one.pre === name).map(row("post"))));
}
function see(name) { if (state.seen !== name) { state.seen = name; show(); } }
function pin(name) { state.pinned = state.pinned === name ? null : name; state.seen = null; show(); }

// -- controls -------------------------------------------------------------------------------------

function go(phase) { state.phase = (phase + N) % N; show(); }
function play(on) {
  clearInterval(state.timer);
  state.timer = on ? setInterval(() => go(state.phase + 1), STEP_MS) : null;
  $("play").textContent = on ? "Pause" : "Play";
}
function key(event) {
  const at = event.target, own = at.matches("input, select, textarea");
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const to = { ArrowRight: state.phase + 1, ArrowLeft: state.phase - 1, Home: 0, End: N - 1 }[event.key];
  if (event.key === "Escape") { state.pinned = null; see(null); show(); }
  else if (at.matches(".box") && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); pin(at.dataset.name); }
  else if (!own && to !== undefined) { event.preventDefault(); play(false); go(to); }
  else if (!own && event.key === " " && !at.matches("button")) { event.preventDefault(); play(state.timer === null); }
}

function begin() {
  const sizes = data.sizes.map(whole).join("-");
  $("model").textContent = data.model;
  $("about").textContent = `${sizes} units that learn ${data.data} with spikes. Recorded from the spiking circuit with the weights of the run ${data.run}; every sample is shown alone.`;
  $("foot").textContent = `synfire_bp ${data.version}. The circuit: Renner, Sheldon, Zlotnik, Tao and Sornborger, Nature Communications 15, 9691 (2024). `
    + "Keys: left and right arrow, Home and End step through the phases, space plays and pauses, Tab reaches populations, Enter keeps the rows of one, Escape lets go.";
  $("phase").max = N - 1;
  $("stop").max = data.stops.length - 1;
  data.samples.forEach((sample, k) => {
    const input = make("input", { type: "radio", name: "sample", value: k, "aria-label": `training sample ${sample.number}, target ${sample.label}` });
    input.checked = k === 0;
    input.addEventListener("change", () => { state.sample = k; show(); });
    $("samples").append(make("label", {}, input, make("svg", { viewBox: "0 0 34 34", "aria-hidden": "true" }, ...picture(sample, 34)), String(sample.label)));
  });
  $("differs").hidden = !data.notes.length && !data.variants.length;
  $("notes").append(...data.notes.map(text => make("p", { class: "small" }, text)));
  $("variants").append(...data.variants.flatMap(([what, how]) => [make("dt", {}, what), make("dd", {}, how)]));
  legend();
  $("back").addEventListener("click", () => { play(false); go(state.phase - 1); });
  $("next").addEventListener("click", () => { play(false); go(state.phase + 1); });
  $("play").addEventListener("click", () => play(state.timer === null));
  $("phase").addEventListener("input", () => { play(false); go(Number($("phase").value)); });
  $("stop").addEventListener("input", () => { state.stop = Number($("stop").value); show(); });
  $("close").addEventListener("click", () => pin(state.pinned));
  document.addEventListener("keydown", key);
  new ResizeObserver(show).observe(document.querySelector(".circuit"));
  play(false);
  show();
}
function legend() {
  const line = kind => make("g", { class: `wire ${kind}` }, make("path", { class: "line", d: "M1 8H24" }), make("path", { class: "head", d: head(kind, [[1, 8], [8, 8], [16, 8], [26, 8]]) }));
  const square = lit => make("path", { class: lit ? "lit" : "off", d: lit ? "M8 3h10v10h-10z" : "M11 6h4v4h-4z" });
  const kinds = { plastic: "learns, all to all", fixed: "one to one", inhibitory: "inhibits", opening: "opens" };
  const entries = Object.entries(kinds).filter(([kind]) => data.projections.some(row => row.kind === kind)).map(([kind, text]) => [line(kind), text]);
  for (const threshold of THRESHOLDS)
    entries.push([dial([13, 8], { threshold }), `opened: fires above ${whole(threshold)}`]);
  if (data.populations.some(p => p.gates.some(gate => gate.blocks))) entries.push([dial([13, 8], { blocks: 1 }), "closed once more"]);
  entries.push([square(true), "fires"], [square(false), "silent"]);
  const graded = data.populations.some(p => p.carries);
  if (graded) entries.push([make("path", { class: "lit", d: bars([[8, 3, 10]], 1) }), "fires with a negative number"]);
  $("key").append(...entries.map(([mark, text]) => make("li", {}, make("svg", { width: 27, height: 16, "aria-hidden": "true" }, mark), text)));
  $("key").append(make("li", {}, "bright lines carry spikes that arrive now; +n and −n: synapses that grow and shrink"
    + (graded ? "; a number with a sign after the count of spikes: the largest that they carry" : "")));
}
begin();
})();

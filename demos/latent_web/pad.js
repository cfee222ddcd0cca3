// Panel "Two axes": drag a dot over a map of 7 x 7 faces, and the face follows.
import {withStillness} from './axes.js';
import {download, h, series, signed} from '../../web/dom.js';
import {face} from './face.js';
import {RANGE} from './slider.js';

const SIDE = 7; // faces to a side of the map, at -3 .. 3 standard deviations
const REACH = RANGE + 0.5; // the map's faces stand in the middle of their cells
const MARGIN = 34; // pixels for the names of the axes on a saved map

export function padPanel({notes, axes, directions, decodeOnce, names}) {
  let [across, up] = ['turn', 'smile'].map((key, k) => directions.find((axis) => axis.attribute.key === key) ?? axes[k]);
  const sheet = h('canvas', {width: SIDE * notes.size, height: SIDE * notes.size, 'data-faces': 0, role: 'img', 'aria-label': `A map of ${SIDE} by ${SIDE} faces`});
  const dot = h('span', {class: 'st-dot', 'aria-hidden': 'true'});
  const [ranges, picks] = [[], []];
  for (const [k, way] of ['Across', 'Up'].entries()) {
    ranges.push(h('input', {type: 'range', class: 'st-unseen', min: -RANGE, max: RANGE, step: 0.1, value: 0, oninput: (event) => move(k ? null : +event.target.value, k ? +event.target.value : null), onchange: () => face.settle()}));
    picks.push(h('select', {'aria-label': `${way}: which axis`, onchange: (event) => pick(k, axes.find((axis) => axis.id === event.target.value))}));
  }
  const still = h('input', {type: 'checkbox', role: 'switch', onchange: () => {
    const next = withStillness(face.goal, still.checked, directions);
    face.set(next.z, {moved: next.moved, words: still.checked ? 'The others are kept still.' : 'The others are left free to come along.', glide: true});
  }});
  const where = h('p', {class: 'st-summary', role: 'status'}, ' ');
  const edge = Object.fromEntries(['left', 'right', 'top', 'bottom'].map((side) => [side, h('span', {class: `st-edge st-${side}`, 'aria-hidden': 'true'})]));
  const pad = h('div', {class: 'st-pad'}, sheet, dot, ...ranges, ...Object.values(edge));

  const state = () => face.goal;
  const plane = (x, y, from = state()) => up.to(across.to(from, x), y);

  function move(x, y, stroke = 'pad') {
    const limit = (v) => Math.max(-RANGE, Math.min(RANGE, v));
    const next = plane(limit(x ?? across.at(state())), limit(y ?? up.at(state())));
    face.set(next.z, {moved: next.moved, words: `“${across.name}” across, “${up.name}” up: two axes move, all others are held.`, stroke});
  }

  function pick(k, axis) {
    if (k ? axis === across : axis === up) [across, up] = [up, across]; // one axis cannot span a plane
    else if (k) up = axis;
    else across = axis;
    label();
    refresh();
    draw();
  }

  function label() {
    for (const [k, axis] of [across, up].entries()) {
      const group = (name, members) => (members.length ? h('optgroup', {label: name}, ...members.map((one) => h('option', {value: one.id, selected: one === axis}, optionName(one)))) : null);
      picks[k].replaceChildren(...[group('Directions', directions), group('Latents', axes.filter((one) => one.latent !== undefined))].filter(Boolean));
      ranges[k].setAttribute('aria-label', `${k ? 'Up' : 'Across'}: ${axis.name}`);
    }
    [edge.left.textContent, edge.right.textContent] = [`← ${across.low || 'less'}`, `${across.high || 'more'} →`];
    [edge.bottom.textContent, edge.top.textContent] = [`↓ ${up.low || 'less'}`, `↑ ${up.high || 'more'}`];
    still.closest('label')?.toggleAttribute('hidden', !directions.includes(across) && !directions.includes(up));
  }

  // -- the dot ----------------------------------------------------------------------------------------------------------

  const drag = (event) => {
    const box = sheet.getBoundingClientRect();
    move(((event.clientX - box.left) / box.width * 2 - 1) * REACH, (1 - (event.clientY - box.top) / box.height * 2) * REACH);
  };
  pad.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    pad.setPointerCapture(event.pointerId);
    ranges[0].focus({preventScroll: true});
    drag(event);
    event.preventDefault();
  });
  pad.addEventListener('pointermove', (event) => { if (pad.hasPointerCapture(event.pointerId)) drag(event); });
  for (const over of ['pointerup', 'pointercancel']) pad.addEventListener(over, () => face.settle());
  pad.addEventListener('keydown', (event) => {
    const far = event.shiftKey ? 1 : 0.1, [x, y] = [across.at(state()), up.at(state())];
    const to = {ArrowLeft: [x - far, y], ArrowRight: [x + far, y], ArrowUp: [x, y + far], ArrowDown: [x, y - far], Home: [0, 0], Delete: [0, 0]}[event.key];
    if (!to) return;
    move(...to);
    face.settle();
    event.preventDefault();
  });

  // -- the map ----------------------------------------------------------------------------------------------------------

  const cells = Array.from({length: SIDE * SIDE}, (_, n) => [n % SIDE - RANGE, RANGE - Math.floor(n / SIDE)]).sort((a, b) => Math.hypot(...a) - Math.hypot(...b)); // from the middle outwards
  const run = series();
  let drawn = '';

  async function draw() {
    const base = plane(0, 0), key = [across.id, up.id, base.moved.still, Array.from(base.z, (v) => v.toFixed(2))].join();
    if (key === drawn) return;
    drawn = key;
    let count = 0;
    sheet.dataset.faces = 0;
    sheet.classList.add('st-busy');
    try {
      const whole = await run(cells, async ([x, y], wanted) => {
        const image = await decodeOnce(plane(x, y, base).z);
        if (!wanted()) return;
        sheet.getContext('2d').putImageData(image, (x + RANGE) * notes.size, (RANGE - y) * notes.size);
        sheet.dataset.faces = ++count;
      });
      if (whole) sheet.classList.remove('st-busy');
    } catch (error) {
      drawn = '';
      where.textContent = `The map could not be drawn: ${error.message}`;
    }
  }

  /** The map with the names of its axes, as the address of a PNG picture. */
  function poster() {
    const scale = 2, size = sheet.width * scale, side = size + 2 * MARGIN, out = h('canvas', {width: side, height: side}), pen = out.getContext('2d');
    pen.fillStyle = 'white';
    pen.fillRect(0, 0, side, side);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(sheet, MARGIN, MARGIN, size, size);
    pen.fillStyle = 'black';
    pen.font = '20px system-ui, sans-serif';
    pen.textBaseline = 'middle';
    const written = (axis) => [axis.low || 'less', `${axis.name}, −${RANGE} to +${RANGE} standard deviations`, axis.high || 'more'];
    const line = ([low, name, high]) => {
      for (const [text, align, x] of [[low, 'left', MARGIN], [name, 'center', side / 2], [high, 'right', side - MARGIN]]) { pen.textAlign = align; pen.fillText(text, x, side - MARGIN / 2); }
    };
    line(written(across));
    pen.setTransform(0, -1, 1, 0, -(side - MARGIN), side); // along the left edge, read upwards
    line(written(up));
    return out.toDataURL('image/png');
  }

  function print() {
    const frame = h('iframe', {class: 'st-unseen', 'aria-hidden': 'true', tabindex: -1});
    frame.srcdoc = `<title>Faces: ${escape(across.name)} by ${escape(up.name)}</title><style>@page {margin: 12mm} body {margin: 0} img {width: 100%}</style><img src="${poster()}" alt="">`;
    frame.addEventListener('load', () => {
      frame.contentWindow.addEventListener('afterprint', () => frame.remove());
      frame.contentWindow.print();
    });
    element.append(frame);
  }
  const escape = (text) => text.replace(/[&<>]/g, (c) => ({'&': '&amp;', '<': '&lt;', '>': '&gt;'})[c]);

  function refresh() {
    const [x, y] = [across, up].map((axis) => axis.at({z: face.z, moved: state().moved}));
    const place = (v) => 50 + 50 * Math.max(-1, Math.min(1, v / REACH));
    dot.style.cssText = `left: ${place(x)}%; top: ${100 - place(y)}%`;
    for (const [k, v] of [x, y].entries()) {
      ranges[k].value = v;
      ranges[k].setAttribute('aria-valuetext', `${signed(v, 1)} standard deviations`);
    }
    still.checked = state().moved.still;
    const said = `${across.name} ${signed(x, 1)}, ${up.name} ${signed(y, 1)}`;
    if (where.textContent !== said) where.textContent = said;
  }

  const element = h('div', {},
    h('p', {}, 'Two numbers move, all others stay as they are. Drag the dot over the map, or use the arrow keys: each small face is the same person at another place of the plane.'),
    h('div', {class: 'st-toolbar st-axes'}, h('label', {class: 'st-pick'}, 'Across', picks[0]),
      h('button', {type: 'button', class: 'st-square', title: 'Swap the axes', 'aria-label': 'Swap the axes', onclick: () => pick(0, up)}, '⇄'), h('label', {class: 'st-pick'}, 'Up', picks[1])),
    h('div', {class: 'st-padrow'}, pad,
      h('div', {class: 'st-padside'}, where, directions.length ? h('label', {class: 'st-switch'}, still, h('span', {}, 'Keep the others still')) : null,
        h('div', {class: 'st-buttons'}, h('button', {type: 'button', onclick: print}, 'Print the map'),
          h('button', {type: 'button', onclick: () => download(poster(), 'faces-7x7.png')}, 'Save as PNG')),
        h('p', {class: 'st-hint'}, 'Look along the edges: do smiles stay smiles while the head turns? Where the two axes are entangled, the corners show faces that were never asked for.'))));
  const optionName = (axis) => (axis.latent === undefined ? axis.name : axis.name === `latent ${axis.latent}` ? axis.name : `${axis.name} (latent ${axis.latent})`);
  names.addEventListener('change', label);
  label();
  return {id: 'pad', title: 'Two axes', element, refresh, shown() { refresh(); draw(); }, settled: draw};
}

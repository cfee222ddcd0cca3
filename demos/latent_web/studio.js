// The studio: a face on the left, and on the right the ways to move it. Begun by the component in demos/latent_face.py.
import {Names, directionAxis, latentAxis, readouts} from './axes.js';
import {betaPanel} from './beta.js';
import {directionsPanel} from './directions.js';
import {download, h, styled, unique} from '../../web/dom.js';
import {address, face} from './face.js';
import {decodeOnce, opened, openPainter} from './live.js';
import {padPanel} from './pad.js';
import {latentsPanel} from './sliders.js';
import {stripPanel} from './strip.js';

const SHARP = 4; // pixels of the canvas for each that the network draws
const WAYS = {page: 'Drawn in your browser', server: 'Drawn by the server'};
const PRIORS = {
  normal: ['N(0, I)', 'every latent by itself from N(0, 1), as the loss asks for', 'z drawn from N(0, I)'],
  mixture: ['Fitted mixture', 'from where the encodings of the photos really lie', 'z drawn from the mixture fitted to the encodings'],
};

const ICONS = {
  undo: 'M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3', redo: 'm15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3', reset: 'M12 4v5M12 15v5M4 12h5M15 12h5', copy: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  save: 'M12 4v11m-5-5 5 5 5-5M5 20h14', dice: 'M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01', more: 'm6 9 6 6 6-6',
};
function icon(name) {
  const box = h('span', {class: 'st-icon', 'aria-hidden': 'true'});
  box.innerHTML = `<svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="${ICONS[name]}"/></svg>`;
  return box;
}

/** A random face by the server: {z, words}. Throws an Error with a sentence. */
export async function randomFace(prior = 'normal') {
  const seed = Math.floor(Math.random() * 1e6);
  let answer;
  try {
    answer = await fetch(new URL('latent/random', document.baseURI), {method: 'POST', body: JSON.stringify({seed, prior})});
  } catch {
    throw Error('No answer from the server.');
  }
  if (!answer.ok) throw Error(await answer.text());
  return {z: (await answer.json()).z, words: `A random face: ${PRIORS[prior][2]}, seed ${seed}.`};
}

let earlier = new AbortController(); // ends the studio that was begun before

/** Fill `element`, whose template is a skeleton, by `props.notes`; `watch` tells of faces that come from Python. */
export async function start(element, {props, watch}) {
  await styled(new URL('studio.css', import.meta.url));
  earlier.abort(); // the page may lay the component out anew
  earlier = new AbortController();
  const {signal} = earlier;
  const {notes} = props, names = new Names(notes);
  const trouble = face.open(notes.latents);
  const directions = notes.attributes.map((attribute, k) => directionAxis(attribute, notes.natural[k], notes.still[k]));
  const order = notes.kl.map((_, i) => i).sort((a, b) => notes.kl[b] - notes.kl[a]);
  const axes = [...directions, ...order.map((i) => latentAxis(i, names))];
  const measured = {by: null, now: null, of: null}; // how to measure a picture, the measures of the one that is seen, and its z

  // The readouts come with the decoder's file, also where the server draws.
  const ready = directions.length ? opened().then(({tensors}) => { measured.by = readouts(tensors.readout_weight, tensors.readout_bias); }) : Promise.resolve();
  ready.then(() => painter.paint(face.z), () => {}); // who measures is told why there is nothing to measure with
  async function measure(z) {
    await ready;
    return measured.by(await decodeOnce(z));
  }

  const left = faceSide(notes, trouble);
  const shared = {notes, names, axes, directions, decodeOnce, randomFace: () => randomFace(directions.length ? 'mixture' : 'normal'), measured, measure};
  const panels = [latentsPanel(shared), directions.length ? directionsPanel(shared) : null, padPanel(shared), stripPanel(shared), notes.sweep ? betaPanel(shared) : null].filter(Boolean);
  const open = tabs(panels);
  const studio = h('div', {class: 'st'}, left.element, h('div', {class: 'st-panels'}, ...(notes.absent ? [h('p', {class: 'st-absent'}, notes.absent)] : []), open.element));
  element.querySelector('.studio').replaceChildren(studio);

  // From the face to all that shows it: once a frame, however often it changes.
  const painter = openPainter(left.canvas, {
    onway: left.way, onerror: left.error,
    onpaint(image, z) {
      left.painted();
      if (measured.by) [measured.now, measured.of] = [measured.by(image), z];
      open.now.painted?.();
    },
  });
  let due = 0;
  face.addEventListener('change', () => {
    painter.paint(face.z);
    due ||= requestAnimationFrame(() => { due = 0; left.refresh(); open.now.refresh(); });
  }, {signal});
  face.addEventListener('settle', () => {
    left.refresh();
    open.now.refresh();
    open.now.settled?.();
    props.value = Array.from(face.z); // what Python is told with the next event
  }, {signal});
  watch('value', () => face.set(props.value, {words: 'From the photo, as the latents keep it.', glide: true}));
  studio.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== 'z') return;
    event.preventDefault();
    if (event.shiftKey) face.redo(); else face.undo();
  });
  open.start();
  painter.paint(face.z);
  left.refresh();
}

/** The left side: the face, what can be done with it as a whole, and what it is. */
function faceSide(notes, trouble) {
  const canvas = h('canvas', {width: SHARP * notes.size, height: SHARP * notes.size, role: 'img', 'aria-label': 'The face that the network draws from the latents'});
  const note = h('p', {class: 'st-note', role: 'status'}), far = h('p', {class: 'st-small st-far'}), way = h('p', {class: 'st-small st-way-told'}, ' ');
  const problem = h('p', {class: 'st-problem', role: 'alert', hidden: !trouble}, trouble);
  const button = (name, text, onclick) => h('button', {type: 'button', class: `st-${name}`, onclick}, icon(name), h('span', {}, text));
  const undo = button('undo', 'Undo', () => face.undo()), redo = button('redo', 'Redo', () => face.redo());
  const reset = button('reset', 'Reset', () => face.set(new Float32Array(notes.latents), {words: 'The mean face: every latent is 0.', glide: true}));
  const copy = button('copy', 'Copy link', copyLink);
  const save = button('save', 'Save picture', () => download(canvas.toDataURL('image/png'), 'face.png'));
  const link = h('input', {type: 'text', class: 'st-address', readonly: true, hidden: true, 'aria-label': 'Address of this face', onblur: () => { link.hidden = true; }});
  let prior = notes.attributes.length ? 'mixture' : 'normal';
  const random = button('dice', 'Random face', roll);
  const menu = notes.attributes.length ? priorMenu((chosen) => { prior = chosen; roll(); }, () => prior) : null;

  async function roll() {
    try {
      const {z, words} = await randomFace(prior);
      face.set(z, {words, glide: true});
      tell('');
    } catch (error) {
      tell(error.message);
    }
  }
  async function copyLink() {
    const url = address(face.goal.z);
    try {
      await navigator.clipboard.writeText(url); // only on secure pages
      note.textContent = 'The link to this face is copied.';
    } catch {
      link.value = url;
      link.hidden = false;
      link.focus();
      link.select();
      note.textContent = 'Copy this address: it leads to this face.';
    }
  }
  function tell(sentence) {
    problem.textContent = sentence;
    problem.hidden = !sentence;
  }
  function refresh() {
    if (note.dataset.of !== face.words) note.textContent = note.dataset.of = face.words;
    far.textContent = `${Math.hypot(...face.z).toFixed(1)} from the mean face; random: about ${Math.sqrt(notes.latents).toFixed(1)}.`;
    undo.disabled = !face.canUndo;
    redo.disabled = !face.canRedo;
  }
  const element = h('div', {class: 'st-face'}, canvas,
    h('div', {class: 'st-actions'}, h('div', {class: 'st-random'}, random, ...(menu ? [menu.button, menu.list] : [])), undo, redo, reset, copy, save),
    h('div', {class: 'st-words'}, problem, note, link, far, way));
  return {
    element, canvas, refresh, error: tell,
    painted() { canvas.dataset.painted = (+canvas.dataset.painted || 0) + 1; },
    way(name, ms) { way.textContent = `${WAYS[name]}${ms > 0 ? `, ${ms.toFixed(0)} ms a face` : ''}.`; },
  };
}

/** The menu beside "Random face": from which distribution z is drawn. */
function priorMenu(choose, chosen) {
  const id = unique('priors');
  const items = Object.entries(PRIORS).map(([key, [name, meaning]]) => h('button', {type: 'button', role: 'menuitemradio', tabindex: -1, 'data-prior': key, onclick: () => { close(); choose(key); }},
    h('strong', {}, name), h('span', {}, meaning)));
  const list = h('div', {class: 'st-menu', role: 'menu', id, hidden: true, 'aria-label': 'Draw z from'}, ...items);
  const button = h('button', {type: 'button', class: 'st-more', 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'aria-controls': id, title: 'Draw z from ...', 'aria-label': 'Draw z from', onclick: () => (list.hidden ? open() : close())}, icon('more'));
  function open() {
    list.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    for (const item of items) item.setAttribute('aria-checked', String(item.dataset.prior === chosen()));
    items.find((item) => item.dataset.prior === chosen()).focus();
  }
  function close(focus = true) {
    if (list.hidden) return;
    list.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    if (focus) button.focus();
  }
  list.addEventListener('keydown', (event) => {
    const at = items.indexOf(document.activeElement), to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1}[event.key];
    if (to !== undefined) { items[(to + items.length) % items.length].focus(); event.preventDefault(); }
    if (event.key === 'Escape') close();
  });
  list.addEventListener('focusout', (event) => { if (!list.contains(event.relatedTarget) && event.relatedTarget !== button) close(false); });
  return {button, list};
}

/** Tabs of one's own (WAI-ARIA, automatic activation): {element, now, start}. */
function tabs(panels) {
  const heads = panels.map((panel) => h('button', {type: 'button', role: 'tab', id: `st-tab-${panel.id}`, 'aria-controls': `st-panel-${panel.id}`, 'aria-selected': 'false', tabindex: -1, onclick: () => choose(panel)}, panel.title));
  const bodies = panels.map((panel) => h('div', {role: 'tabpanel', id: `st-panel-${panel.id}`, 'aria-labelledby': `st-tab-${panel.id}`, tabindex: -1, hidden: true}, panel.element));
  const list = h('div', {role: 'tablist', class: 'st-tabs', 'aria-label': 'Ways to move the face'}, ...heads);
  const open = {element: h('div', {}, list, ...bodies), now: panels[0], start: () => choose(panels[0])};
  function choose(panel) {
    open.now = panel;
    panels.forEach((one, k) => {
      heads[k].setAttribute('aria-selected', String(one === panel));
      heads[k].tabIndex = one === panel ? 0 : -1;
      bodies[k].hidden = one !== panel;
    });
    panel.shown();
  }
  list.addEventListener('keydown', (event) => {
    const at = panels.indexOf(open.now), to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: panels.length - 1}[event.key];
    if (to === undefined) return;
    const k = (to + panels.length) % panels.length;
    choose(panels[k]);
    heads[k].focus();
    event.preventDefault();
  });
  return open;
}

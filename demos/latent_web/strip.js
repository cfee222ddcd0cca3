// Panel "Strip and morph": one axis as a film strip, and the way from one face to another.
import {h, series, show, signed} from '../../web/dom.js';
import {face} from './face.js';
import {RANGE} from './slider.js';

const THUMB = 192; // pixels of a small face
const ROUND = 2600; // ms that the morph takes from A to B when it plays

export function stripPanel({notes, axes, directions, decodeOnce, names, randomFace}) {
  const strip = filmStrip({axes, directions, decodeOnce, names}), way = morph({notes, decodeOnce, randomFace});
  const element = h('div', {}, strip.element, way.element);
  return {
    id: 'strip', title: 'Strip & morph', element,
    refresh: strip.refresh,
    shown() { strip.refresh(); strip.draw(); way.begin(); },
    settled() { strip.draw(); },
  };
}

function filmStrip({axes, directions, decodeOnce, names}) {
  let axis = directions[0] ?? axes[0], count = 7, frames = [], drawn = '';
  const pick = h('select', {'aria-label': 'Axis of the strip', onchange: () => { axis = axes.find((one) => one.id === pick.value); draw(); refresh(); }});
  const length = h('select', {'aria-label': 'Frames', onchange: () => { count = +length.value; lay(); draw(); refresh(); }}, h('option', {value: 7}, '7 frames'), h('option', {value: 9}, '9 frames'));
  const film = h('div', {class: 'st-film', role: 'group', 'aria-label': 'The strip: a click takes a face'});
  const told = h('p', {class: 'st-hint', role: 'status'});
  const run = series();

  function label() {
    const option = (one) => h('option', {value: one.id, selected: one === axis}, one.latent === undefined || one.name === `latent ${one.latent}` ? one.name : `${one.name} (latent ${one.latent})`);
    const group = (name, members) => (members.length ? h('optgroup', {label: name}, ...members.map(option)) : null);
    pick.replaceChildren(...[group('Directions', directions), group('Latents', axes.filter((one) => one.latent !== undefined))].filter(Boolean));
  }
  function lay() {
    frames = Array.from({length: count}, (_, k) => {
      const value = -RANGE + 2 * RANGE * k / (count - 1), canvas = h('canvas', {width: THUMB, height: THUMB});
      const button = h('button', {type: 'button', class: 'st-frame', onclick: () => {
        const next = axis.to(face.goal, value);
        face.set(next.z, {moved: next.moved, words: `“${axis.name}” at ${signed(value, count === 7 ? 0 : 2)}; all others are held still.`, glide: true});
      }}, canvas, h('span', {}, `${signed(value, count === 7 ? 0 : 2)} σ`));
      return {value, canvas, button};
    });
    film.replaceChildren(...frames.map(({button}) => button));
    drawn = '';
  }
  async function draw() {
    const base = axis.to(face.goal, 0), key = [axis.id, base.moved.still, Array.from(base.z, (v) => v.toFixed(2))].join();
    if (key === drawn) return;
    drawn = key;
    film.dataset.drawn = 0;
    try {
      await run([...frames].sort((a, b) => Math.abs(a.value) - Math.abs(b.value)), async ({value, canvas, button}, wanted) => {
        const image = await decodeOnce(axis.to(base, value).z);
        if (!wanted()) return;
        show(canvas, image);
        button.setAttribute('aria-label', `${axis.name} at ${signed(value)}`);
        film.dataset.drawn = +film.dataset.drawn + 1;
      });
      told.textContent = axis.low ? `From “${axis.low}” to “${axis.high}”, in standard deviations. Beyond ±2 few training faces are found: there the network invents.`
        : 'In standard deviations of N(0, 1). Beyond ±2 few training faces are found: there the network invents.';
    } catch (error) {
      drawn = '';
      told.textContent = `The strip could not be drawn: ${error.message}`;
    }
  }
  function refresh() {
    const now = axis.at({z: face.z, moved: face.goal.moved}), nearest = frames.reduce((best, frame) => (Math.abs(frame.value - now) < Math.abs(best.value - now) ? frame : best));
    for (const frame of frames) frame.button.toggleAttribute('aria-current', frame === nearest);
  }
  names.addEventListener('change', label);
  label();
  lay();
  const element = h('section', {}, h('h3', {}, 'One axis as a film strip'), h('div', {class: 'st-toolbar'}, h('label', {class: 'st-pick'}, 'Axis', pick), length), film, told);
  return {element, draw, refresh};
}

function morph({notes, decodeOnce, randomFace}) {
  const ends = ['A', 'B'].map((name) => ({name, z: null, canvas: h('canvas', {width: THUMB, height: THUMB, role: 'img', 'aria-label': `Face ${name}`})}));
  const [a, b] = ends, told = h('p', {class: 'st-hint', role: 'status'});
  const at = h('input', {type: 'range', min: 0, max: 100, step: 1, value: 0, disabled: true, 'aria-label': 'Way from face A to face B', oninput: () => { stop(); go('morph'); }, onchange: () => face.settle()});
  const play = h('button', {type: 'button', disabled: true, 'aria-pressed': 'false', onclick: () => (playing ? stop(true) : start())}, 'Play');
  let playing = 0, began = false, mine = null; // mine: where the morph itself has set the face

  const between = (t) => a.z.map((v, i) => v + t * (b.z[i] - v));
  function go(stroke) {
    const t = +at.value / 100;
    mark();
    face.set(between(t), {words: t === 0 ? 'Face A.' : t === 1 ? 'Face B.' : `${at.value} % of the way from face A to face B.`, stroke});
    mine = face.goal;
  }
  function mark() {
    at.style.setProperty('--share', at.value / 100);
    at.setAttribute('aria-valuetext', `${at.value} %`);
  }
  function start() {
    const from = performance.now() - Math.acos(1 - 2 * at.value / 100) / Math.PI * ROUND;
    mine = face.goal;
    const step = (now) => {
      if (face.goal !== mine) return stop(); // another control took the face
      at.value = Math.round(50 - 50 * Math.cos((now - from) / ROUND * Math.PI));
      go('morph');
      playing = requestAnimationFrame(step);
    };
    playing = requestAnimationFrame(step);
    play.textContent = 'Pause';
    play.setAttribute('aria-pressed', 'true');
  }
  function stop(settle = false) {
    if (!playing) return;
    cancelAnimationFrame(playing);
    playing = 0;
    play.textContent = 'Play';
    play.setAttribute('aria-pressed', 'false');
    if (settle) face.settle();
  }
  async function take(end, z) {
    end.z = Float32Array.from(z);
    at.disabled = play.disabled = !(a.z && b.z);
    if (a.z && b.z) {
      const apart = Math.hypot(...a.z.map((v, i) => v - b.z[i]));
      told.textContent = `The two are ${apart.toFixed(1)} apart; two faces drawn from N(0, I) are about ${Math.sqrt(2 * notes.latents).toFixed(1)} apart. The way between them is a straight line in the latents, and every point on it is a face.`;
    }
    show(end.canvas, await decodeOnce(end.z));
    end.canvas.dataset.drawn = true;
  }
  async function set(end, z) {
    try {
      await take(end, z);
    } catch (error) {
      told.textContent = `Face ${end.name} could not be drawn: ${error.message}`;
    }
  }
  async function begin() {
    if (began) return;
    began = true;
    await set(a, face.goal.z);
    try {
      await set(b, (await randomFace()).z);
    } catch (error) {
      told.textContent = `${error.message} Set face B yourself.`;
    }
  }
  mark();
  const card = (end) => h('div', {class: 'st-end'}, end.canvas, h('button', {type: 'button', onclick: () => set(end, face.goal.z)}, `Set ${end.name} to this face`));
  const element = h('section', {}, h('h3', {}, 'From one face to another'),
    h('p', {}, 'What is half way between two people? Not a photo laid over a photo: the numbers are mixed, and the decoder draws what they mean.'),
    h('div', {class: 'st-morph'}, card(a), h('div', {class: 'st-way'}, at, h('div', {class: 'st-buttons'}, play)), card(b)), told);
  return {element, begin};
}

// Panel "Latents": the strongest as sliders, and all of them as one strip, from which any other can be had as a slider too.
import {latentAxis} from './axes.js';
import {h, signed} from '../../web/dom.js';
import {face} from './face.js';
import {RANGE, ends, slider} from './slider.js';

const SLIDERS = 12;
const DEAD = 0.1; // nats: under this the decoder has learnt to do without a latent
const [ABOVE, BELOW] = [52, 44]; // pixels of the strip for KL and for the face

export function latentsPanel({notes, names}) {
  const order = notes.kl.map((nats, i) => i).sort((a, b) => notes.kl[b] - notes.kl[a]);
  const total = notes.kl.reduce((sum, nats) => sum + nats, 0), dead = notes.kl.filter((nats) => nats < DEAD).length;
  const rows = new Map(); // latent -> row
  const strongest = h('div', {class: 'st-sliders', role: 'group', 'aria-label': 'The strongest latents'});
  const chosen = h('div', {class: 'st-sliders', role: 'group', 'aria-label': 'Latents of your choice'});
  const forget = h('button', {type: 'button', class: 'st-link', onclick: () => names.reset()}, 'Forget my names');

  function row(i) {
    const axis = latentAxis(i, names), {id, input, output, back, refresh} = slider(axis, () => `“${axis.name}” moves; the other ${notes.latents - 1} latents are held still.`);
    const label = h('label', {for: id}), foot = ends(axis), measured = names.measured(i);
    const facts = () => (names.of(i) === `latent ${i}` ? '' : `latent ${i} · `) + `${notes.kl[i].toFixed(1)} nats` + (measured ? ` · r = ${signed(measured.r, 2, false)}` : '') + (notes.kl[i] < DEAD ? ' · dead' : '');
    const rename = h('button', {type: 'button', class: 'st-rename', title: 'Rename', onclick: edit}, '✎');
    function edit() {
      const field = h('input', {type: 'text', class: 'st-name', maxlength: 60, value: names.of(i), 'aria-label': `Name of latent ${i}`});
      let done = false;
      const end = (keep) => {
        if (done) return;
        done = true;
        field.replaceWith(label);
        rename.hidden = false;
        if (keep) names.rename(i, field.value);
      };
      field.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' || event.key === 'Escape') {
          event.preventDefault(); // else this very key would press the button that gets the focus
          end(event.key === 'Enter');
          rename.focus();
        }
        event.stopPropagation(); // undo belongs to the text here
      });
      field.addEventListener('blur', () => end(true));
      label.replaceWith(field);
      rename.hidden = true;
      field.focus();
      field.select();
    }
    function title() {
      label.replaceChildren(names.of(i), h('small', {}, facts()));
      rename.setAttribute('aria-label', `Rename “${names.of(i)}”, latent ${i}`);
    }
    title();
    refresh();
    const element = h('div', {class: `st-row${notes.kl[i] < DEAD ? ' st-dead' : ''}`, 'data-latent': i, title: measured?.attribute.how ?? null}, label, rename, output, back, input, foot);
    return {element, input, refresh, title};
  }

  function more(i) {
    if (!rows.has(i)) {
      rows.set(i, row(i));
      chosen.append(rows.get(i).element);
    }
    rows.get(i).input.focus({preventScroll: true});
    rows.get(i).element.scrollIntoView({block: 'nearest'});
    strip.mark();
  }
  for (const i of order.slice(0, SLIDERS)) {
    rows.set(i, row(i));
    strongest.append(rows.get(i).element);
  }
  const strip = allLatents({notes, names, order, rows, more});
  const share = order.slice(0, SLIDERS).reduce((sum, i) => sum + notes.kl[i], 0) / total;
  const counted = dead ? `${dead} of them are dead (under ${DEAD} nats): the decoder has learnt to do without.` : `None of them is dead (under ${DEAD} nats).`;
  const panel = h('div', {},
    h('p', {}, `A latent is one of the ${notes.latents} numbers from which the decoder draws a face. Hold all but one still, move that one: what does it stand for? `
      + (notes.attributes.length ? 'Nobody told the network. The names were measured afterwards: r is the correlation with what is seen on the training faces; where nothing fits, a number stands. '
        : 'Nobody told the network. ')
      + 'Give it a name of your own with ✎.'),
    strongest, chosen,
    h('p', {class: 'st-hint'}, 'Double-click a slider, or press Delete on it, to set it back to 0. ', forget),
    h('h3', {}, `All ${notes.latents} latents, the strongest first`),
    h('p', {}, `Up: how much each one tells about a face, in nats (1 nat = 1.44 bits); ${total.toFixed(0)} in all, ${Math.round(100 * share)} % of it in the ${SLIDERS} above. ${counted} `
      + 'Down: the face that you see, as the numbers it is. Pick a bar to get its slider.'),
    strip.element);

  const refresh = () => {
    for (const shown of rows.values()) shown.refresh();
    strip.draw();
  };
  const titles = () => {
    for (const shown of rows.values()) { shown.title(); shown.refresh(); }
    forget.hidden = !names.anyOwn;
  };
  names.addEventListener('change', titles);
  titles();
  return {id: 'latents', title: 'Latents', element: panel, refresh, shown: refresh};
}

/** The strip of all latents: their KL above a line, where the face stands below it. Pointer or arrow keys choose, Enter or a click takes. */
function allLatents({notes, names, order, rows, more}) {
  const most = Math.max(...notes.kl), canvas = h('canvas', {height: ABOVE + BELOW, 'aria-hidden': 'true'});
  const told = h('p', {class: 'st-told', id: 'st-strip-told', 'aria-live': 'polite'}, ' ');
  const element = h('div', {class: 'st-all'}, h('div', {
    class: 'st-bars', role: 'slider', tabindex: 0, 'aria-label': 'Choose a latent by its rank', 'aria-valuemin': 1, 'aria-valuemax': order.length, 'aria-valuenow': 1,
    'aria-describedby': 'st-strip-told',
  }, canvas), told);
  const bars = element.firstChild;
  let active = -1;

  function draw() {
    const wide = bars.clientWidth, fine = Math.max(1, devicePixelRatio);
    if (!wide) return;
    if (canvas.width !== Math.round(wide * fine)) {
      canvas.width = Math.round(wide * fine);
      canvas.height = Math.round((ABOVE + BELOW) * fine);
    }
    const pen = canvas.getContext('2d'), style = getComputedStyle(bars), step = wide / order.length, gap = step > 4 ? 1 : step > 2 ? 0.5 : 0;
    const [bar, quiet, loud] = ['--st-bar', '--st-quiet', '--st-loud'].map((name) => style.getPropertyValue(name));
    pen.setTransform(fine, 0, 0, fine, 0, 0);
    pen.clearRect(0, 0, wide, ABOVE + BELOW);
    order.forEach((i, rank) => {
      const x = rank * step, high = Math.max(1, (ABOVE - 4) * notes.kl[i] / most), value = Math.max(-RANGE, Math.min(RANGE, face.z[i]));
      pen.fillStyle = rank === active ? loud : notes.kl[i] < DEAD ? quiet : bar;
      pen.globalAlpha = rows.has(i) || rank === active ? 1 : 0.45;
      pen.fillRect(x, ABOVE - high, step - gap, high);
      pen.globalAlpha = 1;
      pen.fillStyle = rank === active ? loud : value < 0 ? style.getPropertyValue('--st-minus') : style.getPropertyValue('--st-plus');
      const long = Math.abs(value) / RANGE * (BELOW / 2 - 1), zero = ABOVE + BELOW / 2 + 1;
      pen.fillRect(x, value < 0 ? zero : zero - long, step - gap, long);
    });
    pen.fillStyle = quiet;
    pen.fillRect(0, ABOVE + BELOW / 2 + 0.5, wide, 1);
  }

  function point(rank) {
    active = Math.max(0, Math.min(order.length - 1, rank));
    const i = order[active], name = names.of(i), known = name === `latent ${i}` ? '' : ` “${name}”,`;
    told.textContent = `Latent ${i},${known} rank ${active + 1}: ${notes.kl[i].toFixed(2)} nats${notes.kl[i] < DEAD ? ', dead' : ''}; this face: ${signed(face.z[i])}.`;
    bars.setAttribute('aria-valuenow', active + 1);
    bars.setAttribute('aria-valuetext', told.textContent);
    draw();
  }
  const at = (event) => Math.floor((event.clientX - bars.getBoundingClientRect().left) / bars.clientWidth * order.length);
  bars.addEventListener('pointermove', (event) => point(at(event)));
  bars.addEventListener('pointerleave', () => { active = -1; told.textContent = ' '; draw(); });
  bars.addEventListener('click', (event) => { point(at(event)); more(order[active]); });
  bars.addEventListener('focus', () => { if (active < 0) point(0); });
  bars.addEventListener('keydown', (event) => {
    const to = {ArrowRight: active + 1, ArrowLeft: active - 1, ArrowUp: active + 1, ArrowDown: active - 1, PageUp: active + 10, PageDown: active - 10, Home: 0, End: order.length - 1}[event.key];
    if (to !== undefined) point(to);
    else if (event.key === 'Enter' || event.key === ' ') more(order[active]);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(draw).observe(bars);
  return {element, draw, mark: draw};
}

// Panel "Directions": what a person asks for, and what the picture did. The difference is entanglement.
import {origin, withStillness} from './axes.js';
import {h, signed, unique} from '../../web/dom.js';
import {face} from './face.js';
import {ends, slider} from './slider.js';

const WIDE = 3; // standard deviations that a bar can show to either side
const GUESS_BY = 2.5; // how far the question moves its direction

export function directionsPanel({notes, directions, measured, measure}) {
  const still = h('input', {type: 'checkbox', role: 'switch', id: unique('still'), onchange: () => turn(still.checked)});
  const rows = directions.map((axis) => {
    const {id, input, output, back, refresh} = slider(axis, () => `${capital(axis.name)} is asked for; the others are ${face.goal.moved.still ? 'kept still' : 'left free'}.`);
    const bar = h('i', {}), mark = h('b', {}), number = h('span', {class: 'st-number'}, '0.0');
    const element = h('div', {class: 'st-direction', 'data-direction': axis.attribute.key, title: axis.attribute.how},
      h('label', {for: id}, axis.name, h('small', {}, `r = ${signed(axis.attribute.r, 2, false)}`)), output, back, input, ends(axis),
      h('div', {class: 'st-moved', role: 'img'}, bar, mark), number);
    return {axis, element, refresh, bar, mark, number, meter: element.querySelector('.st-moved')};
  });
  const summary = h('p', {class: 'st-summary', role: 'status'}, ' ');
  let before = null, before_of = null; // measures of the picture with all directions at 0, and the z they belong to

  function turn(on) {
    const next = withStillness(face.goal, on, directions);
    face.set(next.z, {moved: next.moved, words: on ? 'The others are kept still.' : 'The others are left free to come along.', glide: true});
  }

  async function compare() {
    const z = origin(face.goal, directions), moved = rows.some(({axis}) => Math.abs(axis.at(face.goal)) > 0.005);
    if (!before_of || z.some((v, i) => Math.abs(v - before_of[i]) > 1e-3)) {
      before_of = z;
      before = null;
      try {
        const answer = await measure(z);
        if (before_of === z) before = answer;
      } catch (error) {
        before_of = null;
        summary.textContent = `There are no bars: ${error.message}`;
      }
    }
    if (before && measured.now) paint(moved);
  }

  function paint(moved) {
    const by = directions.map((axis) => (moved ? measured.now[at(axis)] - before[at(axis)] : 0));
    rows.forEach(({axis, bar, mark, number, meter, element}, k) => {
      const asked = axis.at(face.goal), length = Math.min(1, Math.abs(by[k]) / WIDE) / 2;
      bar.style.cssText = `left: ${100 * (by[k] < 0 ? 0.5 - length : 0.5)}%; width: ${100 * length}%`;
      mark.style.left = `${50 + 50 * Math.max(-1, Math.min(1, asked / WIDE))}%`;
      number.textContent = signed(by[k], 1);
      meter.setAttribute('aria-label', `${axis.name} of the picture: ${signed(by[k], 1)}`);
      element.classList.toggle('st-asked', Math.abs(asked) > 0.005);
    });
    return by;
  }
  const at = (axis) => notes.attributes.indexOf(axis.attribute);

  async function sum() { // once the face is at rest, and painted
    if (!measured.of || face.goal.z.some((v, i) => Math.abs(v - measured.of[i]) > 1e-4)) return;
    await compare();
    if (!before || !measured.now) return;
    const by = paint(true), asked = directions.filter((axis) => Math.abs(axis.at(face.goal)) > 0.005);
    if (!asked.length) {
      summary.textContent = 'All directions are at 0. The bars will count from this face.';
      return;
    }
    const along = directions.map((axis, k) => [axis, by[k]]).filter(([axis]) => !asked.includes(axis)).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 2);
    summary.textContent = asked.map((axis) => `${capital(axis.name)}: asked for ${signed(axis.at(face.goal), 1)}, measured ${signed(by[directions.indexOf(axis)], 1)}.`).join(' ')
      + (along.length ? ` What came along most: ${along.map(([axis, v]) => `${small(axis.name)} ${signed(v, 1)}`).join(', ')}.` : '');
  }

  // Predict first, then look.
  const asked = directions.find((axis) => axis.attribute.key === 'smile') ?? directions[0];
  const guess = h('select', {'aria-label': 'Your prediction'}, ...directions.filter((axis) => axis !== asked).map((axis) => h('option', {value: axis.id}, axis.name)));
  const verdict = h('p', {role: 'status', class: 'st-verdict'});
  const question = directions.length < 3 ? null : h('div', {class: 'st-question'},
    h('p', {}, h('strong', {}, 'Predict first. '), `Move “${small(asked.name)}” by ${signed(GUESS_BY, 1)} with the others free: what else will change most?`),
    h('div', {class: 'st-buttons'}, guess, h('button', {type: 'button', onclick: reveal}, 'Move it and see')), verdict);

  async function reveal() {
    still.checked = false;
    const base = withStillness({z: origin(face.goal, directions), moved: {still: false, by: {}}}, false, directions), next = asked.to(base, GUESS_BY);
    verdict.textContent = ' ';
    face.set(next.z, {moved: next.moved, words: `${capital(asked.name)} is asked for; the others are left free.`, glide: true});
    let start, end;
    try {
      [start, end] = [await measure(base.z), await measure(next.z)];
    } catch (error) {
      verdict.textContent = `There is no answer: ${error.message}`;
      return;
    }
    const by = directions.filter((axis) => axis !== asked).map((axis) => [axis, end[at(axis)] - start[at(axis)]]).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
    const rank = by.findIndex(([axis]) => axis.id === guess.value), [top, moved] = by[0];
    verdict.textContent = `${rank === 0 ? 'Right: ' : ''}${rank === 0 ? small(top.name) : capital(top.name)} moved most, by ${signed(moved, 1)}. `
      + (rank === 0 ? '' : `Your “${small(by[rank][0].name)}” came ${ordinal(rank + 1)} of ${by.length}, with ${signed(by[rank][1], 1)}. `)
      + 'In the training photos these two are linked, so the direction carries both. Now keep the others still and compare.';
  }

  const element = h('div', {},
    h('p', {}, 'A direction changes many latents at once, in the proportion in which they go with one thing that can be measured on a photo. ',
      'In the photos things come together, so asking for one brings others along: they are ', h('em', {}, 'entangled'), '. The bars show how far every measure of the ',
      h('em', {}, 'picture'), ' has really moved since all directions were at 0, in standard deviations of the training faces.'),
    question,
    h('div', {class: 'st-toolbar'}, h('label', {class: 'st-switch', for: still.id}, still, h('span', {}, 'Keep the others still')),
      h('button', {type: 'button', class: 'st-link', onclick: () => { face.set(origin(face.goal, directions), {moved: {still: still.checked, by: {}}, words: 'All directions are back at 0.', glide: true}); }}, 'All to 0')),
    h('div', {class: 'st-directions'},
      h('div', {class: 'st-head', 'aria-hidden': 'true'}, h('span', {}, 'you ask for'), h('span', {}, 'the picture moved by')),
      ...rows.map((row) => row.element)),
    summary,
    h('details', {}, h('summary', {}, 'How is each of them measured?'),
      h('dl', {}, ...notes.attributes.flatMap(({label, how, r}) => [h('dt', {}, label), h('dd', {}, `${how} The bars read it off the picture: r = ${signed(r, 2, false)} on people that were kept back.`)]))));

  function refresh() {
    still.checked = face.goal.moved.still;
    for (const row of rows) row.refresh();
  }
  return {
    id: 'directions', title: 'Directions', element, refresh,
    shown() { refresh(); sum(); },
    painted() { if (face.resting) sum(); else compare(); },
    settled: sum,
  };
}

const small = (text) => text[0].toLowerCase() + text.slice(1);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const ordinal = (n) => n + (['th', 'st', 'nd', 'rd'][n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? 'th');

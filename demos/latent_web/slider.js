// A slider of one axis of the face.
import {h, signed, unique} from '../../web/dom.js';
import {face} from './face.js';

export const RANGE = 3; // standard deviations: 99.7 % of N(0, 1)
const TWICE = 400; // ms between two clicks that make a double click

/**
 * {input, output, back, refresh, id}: the range input, the number beside it, and a button that sets the axis back to 0, as do Delete and a double click.
 * `describe()` says in words what is going on while it moves.
 */
export function slider(axis, describe) {
  const id = unique('axis');
  const go = (value, stroke) => {
    const next = axis.to(face.goal, value);
    face.set(next.z, {moved: next.moved, words: describe(), stroke});
  };
  const zero = () => { go(0, axis.id); face.settle(); };
  let clicked = {time: -1e9, x: 0};
  const input = h('input', {
    type: 'range', id, min: -RANGE, max: RANGE, step: 0.05, value: 0,
    oninput: () => go(+input.value, axis.id),
    onchange: () => face.settle(),
    onkeydown: (event) => { if (event.key === 'Delete' || event.key === 'Backspace') { event.preventDefault(); zero(); } },
    onclick: (event) => { // 'dblclick' does not come from every touch screen
      const now = performance.now();
      if (now - clicked.time < TWICE && Math.abs(event.clientX - clicked.x) < 12) zero();
      clicked = {time: now, x: event.clientX};
    },
  });
  const output = h('output', {for: id});
  const back = h('button', {type: 'button', class: 'st-zero', title: 'Back to 0', onclick: () => { zero(); input.focus(); }}, '0');
  function refresh() {
    const value = axis.at({z: face.z, moved: face.goal.moved}), shown = Math.max(-RANGE, Math.min(RANGE, value));
    input.value = shown;
    input.style.setProperty('--share', (shown + RANGE) / (2 * RANGE));
    input.setAttribute('aria-valuetext', `${signed(value)} standard deviations`);
    output.textContent = signed(value);
    back.disabled = Math.abs(value) < 0.005;
    back.setAttribute('aria-label', `Set ${axis.name} back to 0`);
  }
  return {id, input, output, back, refresh};
}

/** The words at the two ends of a slider. */
export const ends = (axis) => h('span', {class: 'st-ends', 'aria-hidden': 'true'}, h('span', {}, axis.low || signed(-RANGE, 0)), h('span', {}, axis.high || signed(RANGE, 0)));

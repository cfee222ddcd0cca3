// The line of the lecture on one axis of time: sound, picture, translated picture, sound. Begun by the component in demos/voice_line.py, whose value says it all.
import {download, h, signed, styled, unique} from '../../web/dom.js';
import {bytes, play, playing, sound, stop, wav} from './sound.js';
import {difference, height, legend, pitchChart, spectrogram, waveform} from './pictures.js';

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
const db = (value) => `${signed(value, 0, false)} dB`;

/** Fill `element`, whose template is a skeleton, with `props.value`, and again whenever Python gives another. */
export async function start(element, {props, watch}) {
  await styled(new URL('voice.css', import.meta.url));
  const root = element.querySelector('.vc-line');
  const tell = () => {
    stop();
    const facts = props.value && JSON.parse(JSON.stringify(props.value)); // a plain copy, as looking into what Gradio watches takes long
    root.replaceChildren(...(facts ? [line(facts)] : props.hint ? [h('p', {class: 'vc-empty'}, props.hint)] : []));
  };
  watch('value', tell);
  tell();
}

function line(facts) {
  const {picture} = facts, sides = [facts.left, facts.right].map((side) => ({...side, ...sound(side.sound, facts.rate), bands: bytes(side.mel)}));
  const length = Math.max(...sides.map((side) => side.frames)) * picture.seconds, frames = Math.max(...sides.map((side) => side.frames));
  const loudest = Math.max(...sides.map((side) => side.samples.reduce((most, v) => Math.max(most, Math.abs(v)), 0.01)));
  const heads = [], marks = [];
  let at = 0, last = 1; // seconds of the playhead, the side that was heard last

  // -- the playhead ---------------------------------------------------------------------------------------------------
  function move(seconds) {
    at = Math.max(0, Math.min(length, seconds));
    for (const head of heads) head.style.left = `${100 * at / length}%`;
    for (const mark of marks) { mark.setAttribute('aria-valuenow', at.toFixed(2)); mark.setAttribute('aria-valuetext', `${at.toFixed(1)} of ${length.toFixed(1)} seconds`); }
  }
  const heard = () => sides.indexOf(playing()?.sound);
  function begin(i, from = at) {
    last = i;
    play(sides[i], from >= sides[i].seconds - 0.02 ? 0 : from, {onmove: move, onstop: (seconds) => { move(seconds >= sides[i].seconds - 0.02 ? 0 : seconds); buttons(); }});
    buttons();
  }
  const toggle = (i) => (heard() === i ? stop() : begin(i)); // while the other one plays, from the same moment on
  function buttons() {
    const i = heard();
    plays.forEach((button, k) => {
      button.setAttribute('aria-pressed', String(k === i));
      button.replaceChildren(h('span', {'aria-hidden': 'true'}, k === i ? '■' : '▶'), ` ${k === i ? 'Stop' : i >= 0 ? 'Hear this now' : 'Play'}`);
    });
  }
  const plays = sides.map((side, i) => h('button', {type: 'button', class: 'vc-play', 'aria-label': `Play: ${side.title}`, onclick: () => toggle(i)}));

  // -- the pictures ---------------------------------------------------------------------------------------------------
  const told = h('output', {class: 'vc-told', 'aria-live': 'off'});
  const hint = 'Point at a picture for time, frequency and level; click to play from there. Space plays and stops, arrow keys move.';
  const tell = (words) => { told.textContent = words ?? hint; told.classList.toggle('vc-pointing', words !== undefined); };
  tell();
  const crosses = [];
  const share = (event, box) => { const {left, width, top, height} = box.getBoundingClientRect(); return [(event.clientX - left) / width, 1 - (event.clientY - top) / height].map((v) => Math.max(0, Math.min(1, v))); };
  function look(x, y) {
    const seconds = x * length, frame = Math.min(frames - 1, Math.floor(x * frames));
    for (const cross of crosses) { cross.hidden = false; cross.style.left = `${100 * x}%`; }
    const words = [`${seconds.toFixed(2)} s`];
    if (y !== null) {
      const band = Math.min(picture.hz.length - 1, Math.floor(y * picture.hz.length)), levels = sides.map((side) => (side.bands[band * side.frames + Math.min(frame, side.frames - 1)] - 255) * picture.step);
      words.push(`${Math.round(picture.hz[band])} Hz`, `before ${db(levels[0])}`, `after ${db(levels[1])}`, `difference ${signed(levels[1] - levels[0], 0)} dB`);
    }
    const pitches = sides.map((side) => side.pitch[Math.min(frame, side.frames - 1)]);
    if (pitches.some(Boolean)) words.push(`pitch ${pitches.map((hertz) => (hertz ? `${hertz} Hz` : 'none')).join(' → ')}`);
    tell(words.join(' · '));
  }
  function screen(drawing, i, label, {tones = false, axis = false} = {}) {
    const head = h('i', {class: 'vc-head'}), cross = h('i', {class: 'vc-cross', hidden: true});
    heads.push(head);
    crosses.push(cross);
    const box = h('div', {class: `vc-screen${tones ? ' vc-tones' : ''}`, tabindex: 0, role: 'slider', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': length.toFixed(2), 'aria-valuenow': 0,
      onpointermove: (event) => { const [x, y] = share(event, box); look(x, tones ? y : null); },
      onpointerdown: (event) => { const [x, y] = share(event, box); look(x, tones ? y : null); },
      onpointerleave: () => { crosses.forEach((one) => { one.hidden = true; }); tell(); },
      onclick: (event) => begin(i ?? last, share(event, box)[0] * length)}, drawing, cross, head);
    marks.push(box);
    const ticks = axis ? h('div', {class: 'vc-ticks', 'aria-hidden': 'true'}, ...times(length)) : null;
    const scale = tones ? h('div', {class: 'vc-hertz', 'aria-hidden': 'true'}, ...picture.marks.map((hertz) => h('span', {style: `bottom: ${100 * place(hertz, picture.hz)}%`}, hertz < 1000 ? hertz : `${hertz / 1000}k`))) : null;
    return h('div', {class: 'vc-frame'}, scale, box, ticks);
  }
  const title = (i) => h('div', {class: 'vc-title'}, h('h4', {}, sides[i].title), plays[i]);
  const step = ([what, ms], way) => h('div', {class: `vc-step vc-${way}`}, h('span', {'aria-hidden': 'true'}), h('b', {}, what), ms === null ? null : h('small', {}, ms < 1 ? 'under 1 ms' : `${ms} ms`));
  const waves = sides.map((side, i) => screen(fitted(waveform(side.samples, loudest), side.seconds / length), i, `Waveform: ${side.title}`));
  const tones = sides.map((side, i) => screen(fitted(spectrogram(side.bands, side.frames, picture.colours), side.frames / frames), i, `Spectrogram: ${side.title}`, {tones: true, axis: true}));
  const apart = screen(difference(sides[0].bands, sides[1].bands, frames, picture.step), null, 'Difference of the two spectrograms', {tones: true, axis: true});
  const chart = screen(pitchChart(sides[0].pitch, sides[1].pitch, facts.voices, facts.target), null, 'Pitch of both', {axis: true});
  chart.classList.add('vc-chart');
  chart.prepend(h('div', {class: 'vc-hertz', 'aria-hidden': 'true'}, ...[75, 100, 150, 200, 300, 400].map((hertz) => h('span', {style: `bottom: ${100 * height(hertz)}%`}, hertz))));

  const root = h('div', {class: 'vc', onkeydown: (event) => {
    if (event.target.matches('button, input, summary')) return;
    const way = {ArrowLeft: -0.1, ArrowRight: 0.1}[event.key];
    if (event.key === ' ') heard() >= 0 ? stop() : begin(last);
    else if (way) { const i = heard(); i >= 0 ? begin(i, at + way) : move(at + way); } else return;
    event.preventDefault();
  }},
    h('div', {class: 'vc-path'},
      h('div', {class: 'vc-a'}, title(0), waves[0]), step(facts.steps[0], 'down'), h('div', {class: 'vc-b'}, tones[0]),
      step(facts.steps[1], 'over'), h('div', {class: 'vc-c'}, tones[1]), step(facts.steps[2], 'up'), h('div', {class: 'vc-d'}, title(1), waves[1])),
    told,
    h('h4', {}, 'What the network changed: the right picture minus the left one'), apart, legend(),
    ...changed(facts, sides, chart), keep(facts, sides[1]));
  move(0);
  buttons();
  return root;
}

/** A drawing that is narrower than the axis, where the other side is longer by a fraction of a frame. */
function fitted(drawing, share) {
  drawing.style.width = `${100 * share}%`;
  return drawing;
}

/** Where a frequency stands beside a spectrogram: 0 at its foot, 1 at its top. */
function place(hertz, centres) {
  const above = centres.findIndex((one) => one >= hertz), i = above < 0 ? centres.length - 1 : Math.max(1, above);
  return (i - 1 + (hertz - centres[i - 1]) / (centres[i] - centres[i - 1]) + 0.5) / centres.length;
}

function times(length) {
  const step = STEPS.find((one) => length / one < 6) ?? 30;
  return Array.from({length: Math.floor(length / step) + 1}, (_, i) => i * step).filter((t) => t < 0.97 * length)
    .map((t) => h('span', {style: `left: ${100 * t / length}%`}, `${+t.toFixed(1)}${t ? '' : ' s'}`));
}

/** Did it change the voice? The pitch of both, and how near each is to every voice. */
function changed(facts, sides, chart) {
  const {voices, target} = facts, row = (name, how, cells) => h('tr', {}, h('th', {scope: 'row'}, name, h('small', {}, how)), ...cells.map((cell) => h('td', {}, cell)));
  const hertz = (value) => (value ? `${Math.round(value)} Hz` : 'none');
  const semitones = (value) => (value === null ? '–' : `${signed(value, 1)} st`);
  const ordered = [...voices].sort((a, b) => (b.name === target) - (a.name === target));
  const rows = [row('Pitch', 'median of the voiced frames', sides.map((side) => hertz(side.median)))];
  for (const {name, range} of ordered) rows.push(row(`Pitch against ${name}`, `semitones above its median, ${Math.round(range[1])} Hz`, sides.map((side) => semitones(side.likeness[name].semitones))));
  for (const {name} of ordered) rows.push(row(`Timbre: distance to ${name}`, 'of average spectra of loud frames, 80 bands, root mean square', sides.map((side) => `${side.likeness[name].spectrum.toFixed(1)} dB`)));
  for (const {name} of ordered) rows.push(row(`The critic: real ${name}?`, 'about 1 for recordings, 0 for inventions', sides.map((side) => side.likeness[name].realness.toFixed(2).replace('-', '−'))));
  return [h('h4', {}, 'Did it change the voice?'), h('p', {class: 'vc-verdict'}, facts.verdict), chart,
    h('div', {class: 'vc-legend vc-keys'}, h('span', {class: 'vc-before'}, sides[0].title), h('span', {class: 'vc-after'}, sides[1].title),
      ...ordered.map(({name}) => h('span', {class: name === target ? 'vc-target' : 'vc-other'}, `${name}: eight of ten frames`))),
    h('div', {class: 'vc-scroll'}, h('table', {}, h('thead', {}, h('tr', {}, h('td', {}), ...['before', 'after'].map((text) => h('th', {scope: 'col'}, text)))), h('tbody', {}, ...rows)))];
}

/** The result to keep: after a tick, where it was made from a person's voice. */
function keep(facts, result) {
  const save = h('button', {type: 'button', disabled: facts.consent, onclick: () => {
    const address = URL.createObjectURL(wav(result.pcm, facts.rate));
    download(address, facts.name);
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }}, 'Download the result');
  if (!facts.consent) return h('div', {class: 'vc-keep'}, save, h('small', {}, 'It carries an inaudible mark.'));
  const id = unique('consent'), tick = h('input', {type: 'checkbox', id, onchange: () => { save.disabled = !tick.checked; }});
  return h('div', {class: 'vc-keep'}, h('label', {for: id, class: 'vc-check'}, tick, 'This is my own voice, or its owner has agreed to this.'), save, h('small', {}, 'It carries an inaudible mark.'));
}

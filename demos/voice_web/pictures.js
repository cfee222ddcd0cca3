// Drawings of sound: spectrograms, their difference, waveforms and pitch. Each is as wide as its recording is long; style sheets stretch it.
import {h} from '../../web/dom.js';

const FARTHEST = 30; // dB of difference that have the strongest colour
const ENDS = [[96, 165, 250], [12, 12, 16], [251, 146, 60]]; // softer, the same, louder
export const LOWEST = 50, HIGHEST = 500; // Hz in the chart of pitch

const rgb = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
const mix = (colours, share) => {
  const at = Math.max(0, Math.min(1, share)) * (colours.length - 1), i = Math.min(colours.length - 2, Math.floor(at));
  return [0, 1, 2].map((k) => colours[i][k] + (at - i) * (colours[i + 1][k] - colours[i][k]));
};
const table = (colours) => Uint32Array.from({length: 256}, (_, i) => mix(colours, i / 255).reduce((packed, v, k) => packed + Math.round(v) * 256 ** k, 255 * 256 ** 3)); // bytes R, G, B, A

/** A canvas whose pixels are `colours[level(place)]` of M rows of `width` places, the lowest row first. */
function canvas(width, count, colours, level) {
  const height = count / width, pixels = new Uint32Array(count), sheet = h('canvas', {width, height});
  for (let row = 0; row < height; row++) for (let x = 0; x < width; x++) pixels[(height - 1 - row) * width + x] = colours[level(row * width + x)];
  sheet.getContext('2d').putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
  return sheet;
}

/** Bytes of M rows of F, the lowest band first -> a canvas of F x M. */
export const spectrogram = (mel, frames, colours) => canvas(frames, mel.length, table(colours.map(rgb)), (i) => mel[i]);

/** What `after` has more (orange) or less (blue) than `before`, both as for `spectrogram`; `step` dB for each of a byte. */
export const difference = (before, after, frames, step) => canvas(frames, before.length, table(ENDS),
  (i) => Math.round(127.5 + 127.5 * Math.max(-1, Math.min(1, (after[i] - before[i]) * step / FARTHEST))));

/** The key to `difference`. */
export const legend = () => h('div', {class: 'vc-legend'}, h('span', {}, `softer by ${FARTHEST} dB`),
  h('i', {style: `background: linear-gradient(90deg, ${ENDS.map((one) => `rgb(${one})`)})`}), h('span', {}, `louder by ${FARTHEST} dB`));

/** Samples -> a canvas with the lowest and the highest sample of each of its columns; `most` is the sample that reaches the edge. */
export function waveform(samples, most, width = 1000, height = 120) {
  const sheet = h('canvas', {width, height}), pen = sheet.getContext('2d');
  pen.fillStyle = '#7c83f7';
  for (let x = 0; x < width; x++) {
    const first = Math.floor(x * samples.length / width), last = Math.max(first + 1, Math.floor((x + 1) * samples.length / width));
    let low = Infinity, high = -Infinity;
    for (let i = first; i < last; i++) { low = Math.min(low, samples[i]); high = Math.max(high, samples[i]); }
    const top = height / 2 * (1 - high / most), bottom = height / 2 * (1 - low / most);
    pen.fillRect(x, top, 1, Math.max(1.5, bottom - top));
  }
  return sheet;
}

/** A few samples as one line, for a look at single swings. */
export function swings(samples, width = 600, height = 90) {
  const most = Math.max(1e-3, ...samples.map(Math.abs));
  const points = Array.from(samples, (v, i) => `${(i * width / (samples.length - 1)).toFixed(1)},${(height / 2 * (1 - 0.92 * v / most)).toFixed(1)}`);
  return svg('svg', {viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true', class: 'vc-swings'}, svg('polyline', {points: points.join(' ')}));
}

/** Where a frequency stands in the chart of pitch: 0 at its foot, 1 at its top. */
export const height = (hertz) => Math.log(Math.max(LOWEST, Math.min(HIGHEST, hertz)) / LOWEST) / Math.log(HIGHEST / LOWEST);

/** Pitch of both sides (arrays of Hz, 0 where there is none) over the ranges of the voices, [{name, range: [10th, 50th, 90th percentile]}]. */
export function pitchChart(left, right, voices, target) {
  const frames = Math.max(left.length, right.length), y = (hertz) => (100 * (1 - height(hertz))).toFixed(2);
  const bands = voices.map(({name, range}) => svg('rect', {class: name === target ? 'vc-band vc-target' : 'vc-band', x: 0, width: frames, y: y(range[2]), height: (y(range[0]) - y(range[2])).toFixed(2)}));
  const lines = [[left, 'vc-before'], [right, 'vc-after']].map(([pitch, kind]) => {
    const path = [];
    pitch.forEach((hertz, i) => { if (hertz) path.push(`${pitch[i - 1] ? 'L' : 'M'}${i} ${y(hertz)}${pitch[i - 1] || pitch[i + 1] ? '' : 'h0.8'}`); });
    return svg('path', {class: kind, d: path.join('')});
  });
  return svg('svg', {viewBox: `0 0 ${frames} 100`, preserveAspectRatio: 'none', 'aria-hidden': 'true'}, ...bands, ...lines);
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

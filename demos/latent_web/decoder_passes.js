// A layer as passes over its source, a picture: {taps (a side), scale, passes: [{from, to, weights}]}. In a pass every pixel (y, x) of the source meets the
// taps * taps pixels from (y + from[0], x + from[1]) on, and draws the target's pixel (scale * y + to[0], scale * x + to[1]).

import {OUTPUTS} from './decoder_kernel.js';

// Which of 3 taps over the enlarged picture fall on each of 2 neighbouring pixels of the small one, for even and for odd places of the enlarged one.
const FOLD = [[[0], [1, 2]], [[0, 1], [2]]];

export const whole = channels => Math.ceil(channels / OUTPUTS) * OUTPUTS;

// `notes` of one layer and its tensors, see models/page_decoder.py.
export function passesOf({kind, enlarge, size, in: inputs, out: outputs}, weights, bias) {
  const {taps, scale, passes} = kind === 'linear' ? linear(weights, bias, size, inputs, outputs)
    : enlarge ? enlarging(weights, bias, inputs * outputs) : convolution(weights, bias);
  return {taps, scale, passes: passes.map(({from, to, weights, bias}) => ({from, to, weights: pack(weights, bias, inputs, outputs)}))};
}

// A linear layer (size * size, Z, C) looks at a picture of a single pixel, once for each pixel that it draws.
function linear(weights, bias, size, inputs, outputs) {
  const matrix = inputs * outputs;
  const passes = Array.from({length: size * size}, (_, i) => ({
    from: [0, 0], to: [Math.floor(i / size), i % size],
    weights: weights.subarray(i * matrix, (i + 1) * matrix), bias: bias.subarray(i * outputs, (i + 1) * outputs),
  }));
  return {taps: 1, scale: 1, passes};
}

function convolution(weights, bias) {
  return {taps: 3, scale: 1, passes: [{from: [-1, -1], to: [0, 0], weights, bias}]};
}

// Twice the size by nearest neighbour and then 3 x 3 taps is, for the even and odd rows and columns each, 2 x 2 taps over the small picture: taps that meet
// copies of the same pixel add up. 16 products for 4 pixels, not 36.
function enlarging(weights, bias, matrix) {
  const passes = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([odd, oddColumn]) => {
    const folded = new Float32Array(4 * matrix);
    FOLD[odd].forEach((rows, y) => FOLD[oddColumn].forEach((columns, x) => {
      for (const row of rows) for (const column of columns) {
        for (let i = 0; i < matrix; i++) folded[(2 * y + x) * matrix + i] += weights[(3 * row + column) * matrix + i];
      }
    }));
    return {from: [odd - 1, oddColumn - 1], to: [odd, oddColumn], weights: folded, bias};
  });
  return {taps: 2, scale: 2, passes};
}

// (taps * taps, inputs, outputs) -> the order in which a tile reads: for 8 outputs their biases, then 8 weights for each tap and input; zeros fill up.
function pack(weights, bias, inputs, outputs) {
  const taps = weights.length / (inputs * outputs), block = blockLength(taps, inputs);
  const packed = new Float32Array(block * whole(outputs) / OUTPUTS);
  for (let o = 0; o < outputs; o++) {
    const start = Math.floor(o / OUTPUTS) * block + o % OUTPUTS;
    packed[start] = bias[o];
    for (let tap = 0; tap < taps; tap++) {
      for (let i = 0; i < inputs; i++) packed[start + OUTPUTS * (1 + tap * whole(inputs) + i)] = weights[(tap * inputs + i) * outputs + o];
    }
  }
  return packed;
}

// Numbers in the packed weights of 8 outputs.
export const blockLength = (taps, inputs) => OUTPUTS * (1 + taps * whole(inputs));

// The inner loop of the decoder's convolutions: a tile of neighbouring pixels x 8 outputs, held in registers while all taps and inputs pass by.
//
// Pictures lie pixel by pixel, all channels of a pixel together, so the taps of one row lie in memory as one run of taps * channels numbers, and a tile is
// a small matrix product: pixel p's run starts one pixel after that of p - 1. Weights lie in the order of use: for 8 outputs their biases, then
// 8 numbers for each tap and input.
//
// A `shape` says what stays the same for a layer, and becomes part of the code: {pixels, taps (a side), inputs, row, step, slope, residual}; `row` and `step`
// are the bytes from row to row of the source and from pixel to pixel of the target. `inputs` and all counts of channels are multiples of 8.
// tile(source, weights, target, kept), all addresses in bytes, writes leaky_relu(bias + sum) + the numbers at `kept` (with `residual`; slope 1 is no ReLU).

import {assemble, f32x4, get, i32, I32, loop, againIf, set, V128} from './webassembly.js';

export const OUTPUTS = 8;
const UNROLL = 2;  // inputs for each turn of the loop, in which browsers also check whether they should stop

const MULTIPLY_ADD = {
  fused: f32x4.multiplyAdd,
  simd: (a, b, c) => f32x4.add(f32x4.multiply(a, b), c),
};

// The fastest kernel that this browser has: "fused" (relaxed SIMD), "simd", or "plain" (JavaScript alone).
export function fastest() {
  if (typeof WebAssembly === 'undefined') return 'plain';
  const shape = {pixels: 1, taps: 1, inputs: OUTPUTS, row: 0, step: 0, slope: 1};
  return Object.keys(MULTIPLY_ADD).find(kernel => WebAssembly.validate(assemble([simdTile(MULTIPLY_ADD[kernel], shape)]))) ?? 'plain';
}

// Most pixels of a tile. x86 has 16 registers of 4 numbers: 6 x 8 sums, 8 weights and an input just fit beside the one that browsers keep for themselves.
export const mostPixels = kernel => kernel === 'plain' ? 2 : 6;

// Memory of `bytes` for pictures and weights, and a tile for each shape: {memory: Float32Array, tiles: [function]}.
export function build(kernel, bytes, shapes) {
  if (kernel === 'plain') {
    const memory = new Float32Array(bytes / 4);
    return {memory, tiles: shapes.map(shape => plainTile(memory, shape))};
  }
  const memory = new WebAssembly.Memory({initial: Math.ceil(bytes / 65536)});
  const module = new WebAssembly.Module(assemble(shapes.map((shape, i) => ({...simdTile(MULTIPLY_ADD[kernel], shape), name: `tile${i}`}))));
  const {exports} = new WebAssembly.Instance(module, {page: {memory}});
  return {memory: new Float32Array(memory.buffer), tiles: shapes.map((_, i) => exports[`tile${i}`])};
}

function simdTile(multiplyAdd, {pixels, taps, inputs, row, step, slope, residual}) {
  const [source, weights, target, kept, end] = [0, 1, 2, 3, 4];
  const [input, low, high] = [5, 6, 7], sum = (p, half) => 8 + 2 * p + half;
  const pixel = 4 * inputs, run = taps * pixel, everyPixel = Array.from({length: pixels}, (_, p) => p);
  const multiplyInput = i => [
    set(low, f32x4.load(get(weights), 32 * i)),
    set(high, f32x4.load(get(weights), 32 * i + 16)),
    everyPixel.map(p => [
      set(input, f32x4.loadSplat(get(source), p * pixel + 4 * i)),
      set(sum(p, 0), multiplyAdd(get(input), get(low), get(sum(p, 0)))),
      set(sum(p, 1), multiplyAdd(get(input), get(high), get(sum(p, 1)))),
    ]),
  ];
  const finish = (p, half) => {
    const active = slope === 1 ? get(sum(p, half)) : [
      set(input, get(sum(p, half))),
      f32x4.larger(get(input), f32x4.multiply(get(input), f32x4.splat(slope))),
    ];
    return residual ? f32x4.add(active, f32x4.load(get(kept), p * pixel + 16 * half)) : active;
  };
  const body = [
    everyPixel.map(p => [0, 1].map(half => set(sum(p, half), f32x4.load(get(weights), 16 * half)))),
    set(weights, i32.add(get(weights), 32)),
    Array.from({length: taps}, () => [
      set(end, i32.add(get(source), run)),
      loop(
        Array.from({length: UNROLL}, (_, i) => multiplyInput(i)),
        set(weights, i32.add(get(weights), 32 * UNROLL)),
        set(source, i32.add(get(source), 4 * UNROLL)),
        againIf(i32.differ(get(source), get(end)))),
      set(source, i32.add(get(source), row - run)),
    ]),
    everyPixel.map(p => [0, 1].map(half => f32x4.store(get(target), p * step + 16 * half, finish(p, half)))),
  ];
  return {name: 'tile', parameters: 4, locals: [[1, I32], [3 + 2 * pixels, V128]], body};
}

// The same with 2 pixels x 4 outputs at a time, twice: more sums than that do not stay in registers.
function plainTile(memory, {pixels, taps, inputs, row, step, slope, residual}) {
  const run = taps * inputs, second = pixels - 1, across = second * inputs;  // a tile of one pixel computes it twice
  return (source, weights, target, kept) => {
    for (let half = 0; half < OUTPUTS; half += 4) {
      let w = (weights >> 2) + half;
      let a = memory[w], b = memory[w + 1], c = memory[w + 2], d = memory[w + 3], e = a, f = b, g = c, h = d;
      for (let tap = 0; tap < taps; tap++) {
        const start = source + tap * row >> 2;
        for (let i = start; i < start + run; i++) {
          w += OUTPUTS;
          const x = memory[i], y = memory[i + across], j = memory[w], k = memory[w + 1], l = memory[w + 2], m = memory[w + 3];
          a += x * j;
          b += x * k;
          c += x * l;
          d += x * m;
          e += y * j;
          f += y * k;
          g += y * l;
          h += y * m;
        }
      }
      const sums = [a, b, c, d, e, f, g, h];
      for (let i = 0; i < sums.length; i++) {
        const p = i < 4 ? 0 : second, output = half + i % 4, active = Math.max(sums[i], slope * sums[i]);
        memory[(target + p * step >> 2) + output] = residual ? active + memory[(kept >> 2) + p * inputs + output] : active;
      }
    }
  };
}

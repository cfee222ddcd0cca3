// The decoder as its file describes it (models/page_decoder.py): pictures and weights laid out in one memory, and the face that it draws there.

import {build, fastest, mostPixels, OUTPUTS} from './decoder_kernel.js';
import {blockLength, passesOf, whole} from './decoder_passes.js';

export class Network {
  // `file`: Safetensors of a page_file. `kernel`: see decoder_kernel.js.
  constructor(file, kernel = fastest()) {
    this.notes = file.notes;
    this.kernel = kernel;
    const shapes = [], packed = [];
    let bytes = 0;
    const room = numbers => {
      const address = bytes;
      bytes += Math.ceil(numbers / 16) * 64;  // whole cache lines
      return address;
    };
    // All channels of a pixel together, their number filled up to whole tiles, and a border of one pixel that stays zero, as memory begins.
    const picture = (size, channels) => {
      const pixel = 4 * whole(channels), row = (size + 2) * pixel, start = room((size + 2) * row / 4) + row + pixel;
      return {size, pixel, row, address: (y, x) => start + y * row + x * pixel};
    };
    const layer = (source, notes) => {
      const target = picture(notes.size, notes.out), {residual, slope} = notes;
      const {taps, scale, passes} = passesOf(notes, file.get(`${notes.name}.weight`), file.get(`${notes.name}.bias`));
      const shape = {taps, inputs: source.pixel / 4, row: source.row, step: scale * target.pixel, slope, residual}, shapeOf = {};
      const tiles = split(source.size, mostPixels(kernel)).map(({x, pixels}) => ({x, shape: shapeOf[pixels] ??= shapes.push({...shape, pixels}) - 1}));
      const placed = passes.map(({from, to, weights}) => {
        const address = room(weights.length);
        packed.push({address, weights});
        return {from, to, address};
      });
      return {source, target, scale, passes: placed, tiles, residual, blocks: whole(notes.out) / OUTPUTS, blockBytes: 4 * blockLength(taps * taps, notes.in)};
    };

    this.z = picture(1, this.notes.latents);
    this.linear = layer(this.z, this.notes.linear);
    this.layers = [];
    for (const each of this.notes.layers) this.layers.push(layer(this.layers.at(-1)?.target ?? this.z, each));

    const {memory, tiles} = build(kernel, bytes, shapes);
    this.memory = memory;
    for (const {address, weights} of packed) memory.set(weights, address / 4);
    for (const {tiles: each} of [this.linear, ...this.layers]) for (const tile of each) tile.run = tiles[tile.shape];
  }

  // z (Z numbers) -> picture (S * S * 3 numbers in about -1..1): row by row, for each pixel red, green, blue.
  draw(z) {
    this.memory.set(z, this.z.address(0, 0) / 4);
    run(this.linear);
    this.layers.forEach(run);
    return this.compose();
  }

  // The sum of both paths: pixels that were folded into channels (the convolutions') and a small picture enlarged bilinearly (the linear one's).
  compose() {
    const {memory, notes: {size, shuffle, coarse}} = this, folded = this.layers.at(-1).target, small = size / coarse;
    const places = Array.from({length: size}, (_, i) => {
      const place = Math.max(0, (i + 0.5) / coarse - 0.5), from = Math.floor(place);
      return {from, to: Math.min(from + 1, small - 1), part: place - from};
    });
    const wide = new Float32Array(small * size * 3), sum = new Float32Array(size * size * 3), start = this.linear.target.address(0, 0) / 4;
    for (let y = 0, i = 0; y < small; y++) {
      for (const {from, to, part} of places) {
        const left = start + 3 * (y * small + from), right = start + 3 * (y * small + to);
        for (let c = 0; c < 3; c++) wide[i++] = memory[left + c] + part * (memory[right + c] - memory[left + c]);
      }
    }
    for (let y = 0, i = 0; y < size; y++) {
      const {from, to, part} = places[y];
      for (let x = 0; x < size; x++) {
        const pixel = folded.address(Math.floor(y / shuffle), Math.floor(x / shuffle)) / 4 + y % shuffle * shuffle + x % shuffle;
        for (let c = 0; c < 3; c++) {
          const above = wide[3 * (from * size + x) + c], below = wide[3 * (to * size + x) + c];
          sum[i++] = above + part * (below - above) + memory[pixel + c * shuffle * shuffle];
        }
      }
    }
    return sum;
  }
}

// What `draw` gives -> red, green, blue and opaque, 0..255. A Uint8ClampedArray cuts and rounds as to_picture does, halves to the even number too.
export function toPixels(picture) {
  const pixels = new Uint8ClampedArray(picture.length / 3 * 4).fill(255);
  for (let i = 0, o = 0; i < picture.length; i += 3, o += 4) {
    for (let c = 0; c < 3; c++) pixels[o + c] = (picture[i + c] + 1) * 127.5;
  }
  return pixels;
}

// A row of `size` pixels in tiles of about the same width.
function split(size, most) {
  const count = Math.ceil(size / most);
  return Array.from({length: count}, (_, i) => [i, i + 1].map(j => Math.floor(j * size / count))).map(([x, end]) => ({x, pixels: end - x}));
}

// Outputs in the outer loop: their weights stay in the nearest cache while the whole picture passes by.
function run({source, target, scale, passes, tiles, blocks, blockBytes, residual}) {
  for (const {from, to, address} of passes) {
    for (let block = 0; block < blocks; block++) {
      const channels = block * OUTPUTS * 4;
      for (let y = 0; y < source.size; y++) {
        for (const {x, run} of tiles) {
          run(source.address(y + from[0], x + from[1]), address + block * blockBytes,
              target.address(scale * y + to[0], scale * x + to[1]) + channels, residual ? source.address(y, x) + channels : 0);
        }
      }
    }
  }
}

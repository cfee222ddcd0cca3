// A small assembler of WebAssembly (webassembly.github.io/spec/core/binary): a module of functions that work on one imported memory.
// An instruction is an array of bytes; arrays nest as deep as one likes and are flattened at the end.

const unsigned = n => n < 128 ? [n] : [n & 127 | 128, ...unsigned(n >>> 7)];                                        // LEB128
const signed = n => n >= -64 && n < 64 ? [n & 127] : [n & 127 | 128, ...signed(n >> 7)];
const vector = items => [...unsigned(items.length), ...items];
const section = (id, items) => [id, ...vector([...unsigned(items.length), ...items.flat(Infinity)])];
const text = name => vector([...new TextEncoder().encode(name)]);
const simd = (code, ...rest) => [0xfd, ...unsigned(code), ...rest];
const at = (alignment, offset) => [alignment, ...unsigned(offset)];

export const I32 = 0x7f, V128 = 0x7b;

export const get = local => [0x20, ...unsigned(local)];
export const set = (local, ...value) => [value, 0x21, ...unsigned(local)];
export const loop = (...body) => [0x03, 0x40, body, 0x0b];
export const againIf = (...condition) => [condition, 0x0d, 0];                    // at the end of a loop: once more

export const i32 = {
  add: (a, constant) => [a, 0x41, ...signed(constant), 0x6a],
  differ: (a, b) => [a, b, 0x47],
};

export const f32x4 = {
  load: (address, offset) => [address, simd(0, at(4, offset))],
  loadSplat: (address, offset) => [address, simd(9, at(2, offset))],              // one number, four times
  store: (address, offset, value) => [address, value, simd(11, at(4, offset))],
  splat: number => [0x43, ...new Uint8Array(Float32Array.of(number).buffer), simd(19)],
  add: (a, b) => [a, b, simd(228)],
  multiply: (a, b) => [a, b, simd(230)],
  larger: (a, b) => [a, b, simd(235)],                                            // pmax: one machine instruction, unlike max with its rules for NaN
  multiplyAdd: (a, b, c) => [a, b, c, simd(261)],                                 // relaxed SIMD: a * b + c, rounded once where the machine can
};

// The bytes of a module that imports memory `page.memory` and exports functions [{name, parameters: count of i32, locals: [[count, type], ...], body}].
export function assemble(functions) {
  const bytes = [
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, functions.map(({parameters}) => [0x60, vector(Array(parameters).fill(I32)), 0])),
    ...section(2, [[text('page'), text('memory'), 2, 0, 1]]),
    ...section(3, functions.map((_, i) => unsigned(i))),
    ...section(7, functions.map(({name}, i) => [text(name), 0, unsigned(i)])),
    ...section(10, functions.map(({locals, body}) => vector([vector(locals.map(([count, type]) => [...unsigned(count), type])), body, 0x0b].flat(Infinity)))),
  ];
  return Uint8Array.from(bytes);
}

// Reads safetensors files in half precision: 8 bytes that tell the length of a JSON header, the header, the numbers. Its metadata holds our `notes`, JSON too.

export class Safetensors {
  // `bytes`: the file, an ArrayBuffer. Throws an Error with a sentence where it is none.
  constructor(bytes) {
    try {
      const length = Number(new DataView(bytes).getBigUint64(0, true));
      const {__metadata__: metadata, ...entries} = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
      Object.assign(this, {bytes, entries, start: 8 + length, notes: JSON.parse(metadata.notes)});
    } catch (error) {
      throw new Error('The decoder\'s file is damaged: reload the page.', {cause: error});
    }
  }

  get names() { return Object.keys(this.entries); }

  shape(name) { return this.entries[name].shape; }

  // The numbers of tensor `name`, a Float32Array.
  get(name) {
    const {dtype, data_offsets: [from, to]} = this.entries[name] ?? {data_offsets: []};
    if (dtype !== 'F16' || this.start + to > this.bytes.byteLength) throw new Error(`The decoder's file is damaged at "${name}": reload the page.`);
    return fromHalf(new Uint16Array(this.bytes.slice(this.start + from, this.start + to)));
  }
}

// Half precision (5 bits of exponent, 10 of fraction) moved into the places of single precision (8 and 23) is too small by 2^112, subnormal numbers too.
// Infinity and NaN are not kept: no weight is one.
function fromHalf(halves) {
  const numbers = new Float32Array(halves.length), bits = new Uint32Array(numbers.buffer);
  for (let i = 0; i < halves.length; i++) {
    bits[i] = (halves[i] & 0x8000) << 16 | (halves[i] & 0x7fff) << 13;
    numbers[i] *= 2 ** 112;
  }
  return numbers;
}

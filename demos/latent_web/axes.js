// What a face can be moved along: its latents, and the directions of the atlas. And what is measured on its picture.

const KEY = 'latent-names';

/** What the latents are called: a person's own name, else what a latent goes with by measurement, else its number. Own names stay in this browser. */
export class Names extends EventTarget {
  #notes;
  #own = {};
  #network;

  constructor(notes) {
    super();
    this.#notes = notes;
    this.#network = notes.kl.map((v) => v.toFixed(2)).join().split('').reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) | 0, 7); // names of another network mean nothing
    try {
      const kept = JSON.parse(localStorage.getItem(KEY)) ?? {};
      if (kept.network === this.#network) this.#own = kept.names;
    } catch {
      this.#own = {}; // no storage in this browser, or something else in it
    }
  }

  get anyOwn() { return Object.keys(this.#own).length > 0; }

  /** {attribute, r} that latent i goes with best, or null. */
  measured(i) {
    const [key, r] = this.#notes.names[i] ?? [];
    const attribute = this.#notes.attributes.find((known) => known.key === key);
    return attribute ? {attribute, r} : null;
  }

  of(i) { return this.#own[i] ?? this.measured(i)?.attribute.label ?? `latent ${i}`; }

  rename(i, name) {
    name = name.trim().slice(0, 60);
    delete this.#own[i];
    if (name && name !== this.of(i)) this.#own[i] = name;
    this.#keep();
  }

  reset() {
    this.#own = {};
    this.#keep();
  }

  #keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify({network: this.#network, names: this.#own}));
    } catch { /* the names then last as long as the page */ }
    this.dispatchEvent(new Event('change'));
  }
}

/** Latent i as an axis: its unit is one standard deviation of N(0, 1). */
export function latentAxis(i, names) {
  const ends = () => {
    const {attribute, r} = names.measured(i) ?? {};
    return attribute ? (r > 0 ? [attribute.low, attribute.high] : [attribute.high, attribute.low]) : ['', ''];
  };
  return {
    id: `latent-${i}`,
    latent: i,
    get name() { return names.of(i); },
    get low() { return ends()[0]; },
    get high() { return ends()[1]; },
    at: (state) => state.z[i],
    to: (state, value) => ({z: state.z.with(i, value), moved: state.moved}),
  };
}

/** Direction k of the atlas as an axis: its unit is one standard deviation of the attribute; 0 is the face from which one set out. */
export function directionAxis(attribute, natural, still) {
  const at = (state) => state.moved.by[attribute.key] ?? 0;
  return {
    id: `direction-${attribute.key}`,
    name: attribute.label,
    low: attribute.low,
    high: attribute.high,
    attribute,
    at,
    to(state, value) {
      const by = value - at(state), along = state.moved.still ? still : natural;
      return {z: state.z.map((v, i) => v + by * along[i]), moved: {...state.moved, by: {...state.moved.by, [attribute.key]: value}}};
    },
  };
}

/** The same face with the directions taken in the other way: each as far as before, the others now kept still, or now free. */
export function withStillness(state, still, directions) {
  const taken = directions.map((axis) => [axis, axis.at(state)]).filter(([, value]) => value);
  const home = taken.reduce((from, [axis]) => axis.to(from, 0), state);
  return taken.reduce((from, [axis, value]) => axis.to(from, value), {z: home.z, moved: {...home.moved, still}});
}

/** The face with all directions at 0. */
export const origin = (state, directions) => directions.reduce((from, axis) => axis.to(from, 0), state).z;

/** Linear readouts of a picture: ImageData -> every attribute in standard deviations, by the atlas' `weight` (A, grey * grey) and `bias` (A). */
export function readouts(weight, bias) {
  const side = Math.sqrt(weight.length / bias.length);
  return ({data, width}) => {
    const grey = new Float32Array(side * side), cut = (i) => [Math.floor(i * width / side), Math.ceil((i + 1) * width / side)];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const [top, bottom] = cut(y), [left, right] = cut(x);
        let sum = 0;
        for (let v = top; v < bottom; v++) {
          for (let at = 4 * (v * width + left), end = 4 * (v * width + right); at < end; at += 4) sum += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]; // Rec. 601
        }
        grey[y * side + x] = sum / ((bottom - top) * (right - left)) / 127.5 - 1;
      }
    }
    return Float32Array.from(bias, (start, k) => {
      let sum = start;
      for (let i = 0; i < grey.length; i++) sum += weight[k * grey.length + i] * grey[i];
      return sum;
    });
  };
}

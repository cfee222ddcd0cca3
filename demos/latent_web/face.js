// The one face of the page. Whoever moves it calls `face.set`, whoever shows it listens: "change" at every step, "settle" when it has come to rest.

const KEPT = 100; // faces that can be undone
const GLIDE = 450; // ms
const SOON = 700; // ms within which the same control, used again, still makes one entry of the history
const SCALE = 20; // steps per unit of a latent in the address, which holds one signed byte for each
const UNMOVED = Object.freeze({still: false, by: Object.freeze({})});
const stillness = matchMedia('(prefers-reduced-motion: reduce)');

class Face extends EventTarget {
  z = new Float32Array(0); // what is drawn now
  goal = {z: this.z, words: '', moved: UNMOVED}; // where it glides to, else the same
  #past = [];
  #future = [];
  #stroke = {of: null, time: -1e9};
  #frame = 0;
  resting = true; // no drag and no glide goes on

  get words() { return this.goal.words; }
  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#future.length > 0; }

  /** Begin with `latents` zeros, or with the face in the address. Returns a sentence where the address holds none that can be read. */
  open(latents) {
    if (this.z.length === latents) return '';
    this.z = new Float32Array(latents);
    this.goal = {z: this.z, words: 'The mean face: every latent is 0.', moved: UNMOVED};
    const given = new URLSearchParams(location.search).get('face');
    if (given === null) return '';
    const z = read(given, latents);
    if (!z) return 'The face in this address could not be read, so here is the mean face.';
    this.set(z, {words: 'The face of the link.', remember: false});
    return '';
  }

  /**
   * Go to `z`, any list of Z numbers. `words` say what this face is; `glide` takes half a second; without `remember` it cannot be undone.
   * `stroke` names the control that is being dragged: its steps are one entry of the history until `settle()` is called.
   * `moved` says which directions were taken how far to come here, {still, by: {key: standard deviations}}; none where the face came from elsewhere.
   */
  set(z, {words = '', remember = true, glide = false, stroke = null, moved = UNMOVED} = {}) {
    if (z.length !== this.z.length || !Array.from(z).every(Number.isFinite)) throw Error(`A face is ${this.z.length} finite numbers.`);
    const now = performance.now(), goes_on = stroke !== null && stroke === this.#stroke.of && now - this.#stroke.time < SOON;
    if (remember && !goes_on) {
      this.#past = [...this.#past.slice(1 - KEPT), this.goal];
      this.#future = [];
    }
    this.#stroke = {of: stroke, time: stroke !== null && !glide ? Infinity : now};
    this.#go({z: Float32Array.from(z), words, moved}, glide, stroke === null);
  }

  /** The drag is over. */
  settle() {
    this.#stroke.time = performance.now();
    this.resting = true;
    write(this.z);
    this.dispatchEvent(new Event('settle'));
  }

  undo() { this.#step(this.#past, this.#future); }
  redo() { this.#step(this.#future, this.#past); }

  #step(from, to) {
    if (!from.length) return;
    to.push(this.goal);
    this.#stroke = {of: null, time: -1e9};
    this.#go(from.pop(), true, true);
  }

  #go(goal, glide, settles) {
    cancelAnimationFrame(this.#frame);
    const from = this.z, start = performance.now(), length = glide && !stillness.matches ? GLIDE : 0;
    this.goal = goal;
    this.resting = false;
    const step = (now) => {
      const t = length ? Math.min(1, Math.max(0, now - start) / length) : 1, share = t * t * (3 - 2 * t);
      this.z = t < 1 ? from.map((v, i) => v + (goal.z[i] - v) * share) : goal.z;
      this.dispatchEvent(new Event('change'));
      if (t < 1) this.#frame = requestAnimationFrame(step);
      else if (settles) this.settle();
    };
    step(start);
  }
}

function read(text, latents) {
  let bytes;
  try {
    bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return null; // no base64
  }
  return bytes.length === latents ? Float32Array.from(bytes, (byte) => (byte.charCodeAt(0) << 24 >> 24) / SCALE) : null;
}

/** The address of a face: this page with `face` in its query, which the mean face does not need. */
export function address(z) {
  const url = new URL(location.href), bytes = Int8Array.from(z, (v) => Math.max(-127, Math.min(127, Math.round(SCALE * v))));
  url.searchParams.set('tab', 'latent-sliders');
  if (bytes.some((v) => v)) {
    url.searchParams.set('face', btoa(String.fromCharCode(...new Uint8Array(bytes.buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''));
  } else {
    url.searchParams.delete('face');
  }
  return url.href;
}

const write = (z) => history.replaceState(history.state, '', address(z));

export const face = new Face();

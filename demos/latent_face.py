"""The two pieces of page behind the latent sliders: a face that is drawn anew while a slider is dragged, and a face beside its reconstruction."""
import gradio as gr

RANGE = 3  # of a slider: 99.7 % of N(0, 1)

ROW = """<div class="ls-row" data-latent="{latent}">
  <label for="ls-{latent}">latent {latent} <span>· {nats:.1f} nats</span></label><output for="ls-{latent}">0.00</output>
  <input type="range" id="ls-{latent}" min="-{range}" max="{range}" step="0.05" value="0" aria-label="latent {latent}, {nats:.1f} nats">
</div>"""
FACE = """<div class="ls">
  <div class="ls-face">
    <canvas width="384" height="384" role="img" aria-label="The face that the network draws from the latents"></canvas>
    <div class="ls-buttons">
      <button type="button" class="ls-random">Random face</button>
      <button type="button" class="ls-reset">Reset</button>
      <button type="button" class="ls-undo" disabled>Undo</button>
    </div>
    <p class="ls-note" role="status">&nbsp;</p>
  </div>
  <div>
    <div class="ls-sliders" role="group" aria-label="The strongest latents">ROWS</div>
    <p class="ls-hint">Double-click a slider, or press Delete on it, to set it back to 0.</p>
  </div>
</div>"""
STYLE = """
.gradio-container:has(&) {overflow: clip}  /* hidden would keep the face from sticking to the top */
.html-container:has(> &) {padding: 0}
.ls {display: grid; grid-template-columns: 320px minmax(0, 1fr); gap: 12px 32px; color: var(--body-text-color); line-height: 1.4}
.ls canvas {display: block; width: 320px; height: 320px; border-radius: 14px; background: #8883}
.ls-buttons {display: flex; gap: 8px; margin-top: 12px}
.ls button {flex: 1 1 0; min-height: 44px; min-width: 44px; padding: 0 12px; border-radius: 8px; font-size: 15px; font-weight: 600; cursor: pointer; white-space: nowrap;
  color: var(--button-secondary-text-color); background: var(--button-secondary-background-fill); border: 1px solid var(--neutral-500)}
.ls .ls-random {flex-grow: 2; color: var(--button-primary-text-color); background: var(--button-primary-background-fill); border-color: transparent}
.ls button:hover:not(:disabled) {filter: brightness(1.12)}
.ls button:disabled {opacity: .45; cursor: default}
.ls-note, .ls-hint {margin: 10px 0 0; font-size: 14px; color: var(--body-text-color-subdued)}
.ls-sliders {display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 2px 36px}
.ls-row {display: grid; grid-template-columns: 1fr auto; align-items: end}
.ls-row label {font-size: 15px; font-weight: 600}
.ls-row label span {font-weight: 400; color: var(--body-text-color-subdued)}
.ls-row output {font-size: 15px; font-variant-numeric: tabular-nums}
.ls-row input {grid-column: 1 / -1; appearance: none; -webkit-appearance: none; width: 100%; height: 44px; margin: 0; cursor: grab; touch-action: pan-y; border-radius: 8px;
  --thumb: 22px; --at: calc(var(--thumb) / 2 + (100% - var(--thumb)) * var(--share, .5));
  --line: linear-gradient(90deg, var(--neutral-500) min(50%, var(--at)), var(--color-accent) 0 max(50%, var(--at)), var(--neutral-500) 0);
  background: linear-gradient(var(--neutral-500), var(--neutral-500)) center / 2px 18px no-repeat, var(--line) center / 100% 6px no-repeat}
.ls-row input:active {cursor: grabbing}
.ls-row input::-webkit-slider-runnable-track {background: none; height: 44px}
.ls-row input::-moz-range-track {background: none; height: 44px}
.ls-row input::-webkit-slider-thumb {appearance: none; -webkit-appearance: none; width: var(--thumb); height: var(--thumb); margin-top: 11px; border-radius: 50%;
  background: var(--color-accent); border: 3px solid var(--body-background-fill); box-shadow: 0 0 0 1px var(--color-accent)}
.ls-row input::-moz-range-thumb {box-sizing: border-box; width: var(--thumb); height: var(--thumb); border-radius: 50%;
  background: var(--color-accent); border: 3px solid var(--body-background-fill); box-shadow: 0 0 0 1px var(--color-accent)}
.ls button:focus-visible {outline: 2px solid var(--color-accent); outline-offset: 2px}
.ls-row input:focus-visible {outline: none}
.ls-row input:focus-visible::-webkit-slider-thumb {outline: 3px solid var(--color-accent); outline-offset: 3px}
.ls-row input:focus-visible::-moz-range-thumb {outline: 3px solid var(--color-accent); outline-offset: 3px}
@media (max-width: 768px) {
  .ls {grid-template-columns: minmax(0, 1fr)}
  .ls-face {position: sticky; top: 0; z-index: 2; display: grid; grid-template-columns: minmax(0, 300px) minmax(112px, 1fr); gap: 4px 10px; margin: 0 -10px;
    padding: 8px 10px 6px; background: var(--body-background-fill)}
  .ls canvas {width: 100%; height: auto; aspect-ratio: 1}
  .ls-buttons {flex-direction: column; justify-content: center; margin: 0}
  .ls .ls-buttons button {flex: 0 0 auto; padding: 0 4px; font-size: 14px}
  .ls-note {grid-column: 1 / -1; margin: 0}
}
"""
# One picture is asked for at a time, always of the newest latents: a drag neither floods the server nor ends on a face that is no more wanted.
PLAY = """
const find = (selector) => element.querySelector(selector);
const canvas = find('canvas'), note = find('.ls-note'), undo = find('.ls-undo'), pen = canvas.getContext('2d');
const rows = [...element.querySelectorAll('.ls-row')].map((row) => ({i: +row.dataset.latent, input: row.querySelector('input'), output: row.querySelector('output')}));
const still = matchMedia('(prefers-reduced-motion: reduce)');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const MEAN = 'The mean face: every latent is 0.';
let z = Array.from(props.value), words = z.some((v) => v) ? '' : MEAN, goal = {z, words}, past = [], wanted = null, drawing = false, gliding = 0, held = null;

async function paint(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
}

async function draw() {
  wanted = z;
  if (drawing) return;
  drawing = true;
  for (let failures = 0; wanted; ) {
    const asked = wanted;
    wanted = null;
    let answer;
    try {
      answer = await server.redraw(asked.map((v) => +v.toFixed(3)));
      if (answer.picture) await paint(answer.picture);
    } catch {
      answer = {again: 'No answer from the server.'};
    }
    if (answer.picture) {
      failures = 0;
      note.textContent = words;
    } else if (answer.again && ++failures < 6) {
      note.textContent = answer.again + ' Trying again ...';
      wanted = wanted ?? asked;
      await sleep(500 * failures);
    } else {
      note.textContent = answer.error ?? answer.again + ' Reload the page.';
      break;
    }
  }
  drawing = false;
}

function show() {
  for (const {i, input, output} of rows) {
    input.value = z[i];
    input.style.setProperty('--share', (input.value - input.min) / (input.max - input.min));
    output.textContent = z[i].toFixed(2).replace('-', '\\u2212').replace(/^\\u2212(0\\.00)$/, '$1');
  }
  draw();
}

function remember(row = null) {
  past = [...past.slice(-49), {...goal, row, time: performance.now()}];
  undo.disabled = false;
}

function settle(said) {
  note.textContent = words = said;
  props.value = z.slice();  // what Python is told with the next event
}

function glide(target, said) {
  cancelAnimationFrame(gliding);
  const from = z, start = performance.now(), length = still.matches ? 0 : 450;
  goal = {z: Array.from(target), words: said};
  const step = (now) => {
    const t = length ? Math.min(1, Math.max(0, now - start) / length) : 1, share = t * t * (3 - 2 * t);
    z = t < 1 ? from.map((v, i) => v + (goal.z[i] - v) * share) : goal.z;
    show();
    if (t < 1) gliding = requestAnimationFrame(step); else settle(said);
  };
  step(start);
}

function set(i, value) {
  cancelAnimationFrame(gliding);
  z = z.map((v, k) => k === i ? value : v);
  words = 'Latent ' + i + ' moves, all others are held still.';
  goal = {z, words};
  show();
}

for (const {i, input} of rows) {
  let clicked = {time: -1e9, x: 0};
  const zero = () => { remember(i); set(i, 0); settle(words); };
  input.addEventListener('input', () => {
    if (held !== i) remember(i);
    held = i;
    set(i, +input.value);
  });
  input.addEventListener('change', () => { held = null; settle(words); });
  input.addEventListener('keydown', (event) => { if (event.key === 'Delete' || event.key === 'Backspace') zero(); });
  input.addEventListener('click', (event) => {  // 'dblclick' does not come from every touch screen
    const now = performance.now();
    if (now - clicked.time < 400 && Math.abs(event.clientX - clicked.x) < 12) {
      while (past.length && past.at(-1).row === i && now - past.at(-1).time < 1000) { goal = past.pop(); z = goal.z; }  // the first click moved it
      zero();
    }
    clicked = {time: now, x: event.clientX};
  });
}
find('.ls-random').addEventListener('click', async () => {
  const seed = Math.floor(Math.random() * 1e6);
  let answer;
  try { answer = await server.roll(seed); } catch { answer = {error: 'No answer from the server. Try again.'}; }
  if (!answer.z) { note.textContent = answer.error; return; }
  remember();
  glide(answer.z, 'A random face, seed ' + seed + '.');
});
find('.ls-reset').addEventListener('click', () => { remember(); glide(z.map(() => 0), MEAN); });
undo.addEventListener('click', () => {
  const before = past.pop();
  undo.disabled = !past.length;
  if (before) glide(before.z, before.words);
});
watch('value', () => { remember(); glide(props.value, 'From the photo, as the latents keep it.'); });
show();
"""


class FaceOfLatents(gr.HTML):
    """Sliders for some latents and the face of all of them; its value is the list of all Z latents."""

    def __init__(self, latents: int, sliders: list[tuple[int, float]], server_functions, **kwargs):
        rows = "\n".join(ROW.format(latent=latent, nats=nats, range=RANGE) for latent, nats in sliders)
        super().__init__([0.0] * latents, html_template=FACE.replace("ROWS", rows), css_template=STYLE, js_on_load=PLAY,
                         server_functions=server_functions, apply_default_css=False, **kwargs)

    def api_info(self):
        return {"type": "array", "items": {"type": "number"}, "description": "the Z latents of a face"}


class Comparison(gr.HTML):
    """A crop and its reconstruction side by side; its value is a dict of `crop` and `reconstruction` (data URIs), `psnr`, `found` and `sentence`."""

    TEMPLATE = """<div class="lc">{{#if value}}
  <figure><img src="{{value.crop}}" alt="The face cut out of the photo"><figcaption>{{#if value.found}}The face, cut out{{else}}The centre, cut out{{/if}}</figcaption></figure>
  <figure><img src="{{value.reconstruction}}" alt="The face drawn again from its latents"><figcaption>Drawn from its latents</figcaption></figure>
  <p>{{value.sentence}}</p>
  <button type="button">Play with this face ↑</button>
{{else}}<p class="lc-empty">Here the face and its reconstruction will stand side by side.</p>{{/if}}</div>"""
    STYLE = """
.html-container:has(> &) {padding: 0}
.lc {display: grid; grid-template-columns: 1fr 1fr; gap: 12px 16px; max-width: 520px; color: var(--body-text-color); line-height: 1.4}
.lc figure {margin: 0}
.lc img {display: block; width: 100%; aspect-ratio: 1; border-radius: 12px}
.lc figcaption {margin-top: 6px; font-size: 14px; text-align: center}
.lc p {grid-column: 1 / -1; margin: 0; font-size: 15px}
.lc button {grid-column: 1 / -1; justify-self: start; min-height: 44px; padding: 0 14px; border-radius: 8px; font-size: 15px; font-weight: 600; cursor: pointer;
  color: var(--button-secondary-text-color); background: var(--button-secondary-background-fill); border: 1px solid var(--neutral-500)}
.lc button:focus-visible {outline: 2px solid var(--color-accent); outline-offset: 2px}
.lc .lc-empty {padding: 32px 16px; text-align: center; border: 1px dashed var(--neutral-500); border-radius: 12px; color: var(--body-text-color-subdued)}
"""
    PLAY = """element.addEventListener('click', (event) => {
  if (event.target.closest('button')) document.querySelector('.ls').scrollIntoView({behavior: 'smooth', block: 'start'});
});"""

    def __init__(self, **kwargs):
        super().__init__(None, html_template=self.TEMPLATE, css_template=self.STYLE, js_on_load=self.PLAY, apply_default_css=False, **kwargs)

    def api_info(self):
        return {"type": "object", "description": "crop and reconstruction (data URIs of PNG pictures), psnr (dB), found (whether a face was), sentence"}

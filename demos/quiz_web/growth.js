// "Watch it learn": the same sixteen faces on one dial, through the moments that the trainer kept, or through the sizes of the finished network. Between
// two sizes the newest layers fade in by alpha: picture = (1 - alpha) * enlarged coarser picture + alpha * finer picture, the network's own formula, computed here.
import {h, styled} from '../../web/dom.js';
import {ask} from './ask.js';

const SIDE = 512, COLUMNS = 4, SECONDS = 9; // of the whole dial when it plays
const NAMES = {training: 'as it learned', sizes: 'size by size'};
const NOTES = {
  training: 'Sixteen seeds, drawn again and again while the network learned: pictures that its trainer kept.',
  sizes: 'The network learned at 4 pixels first and grew. These are pictures that the finished network makes of sixteen seeds at each of its sizes, and between them its own '
    + 'mixture, as a new layer fades in. Its weights are the final ones; what turns layers into colours at the small sizes was fitted, after the training, to the finished faces.',
};

/** Fill `root`. */
export async function start(element) {
  const root = element.querySelector('.growth');
  const [{ways, faces, deep}] = await Promise.all([ask('growth'), styled(new URL('quiz.css', import.meta.url))]);
  let {fade, stages} = ways[0], last = stages.length - 1;
  const known = new Map();
  const stage = (number) => {
    const i = stages[number].sheet;
    if (!known.has(i)) {
      known.set(i, fetch(new URL(`quiz/growth/${i}`, document.baseURI)).then(async (answer) => {
        if (!answer.ok) throw new Error('The pictures did not arrive. Move the dial to try again.');
        return new Int16Array(await answer.arrayBuffer());
      }).catch((error) => { known.delete(i); throw error; }));
    }
    return known.get(i);
  };

  const canvas = h('canvas', {width: SIDE, height: SIDE, role: 'img', 'aria-label': 'Sixteen faces as the network draws them at this stage'});
  const dial = h('input', {type: 'range', min: 0, 'aria-label': 'Stage of growth', oninput: () => { stop(); draw(); }});
  const words = h('p', {class: 'gr-words', role: 'status'}), playing = h('button', {type: 'button', onclick: () => (timer ? stop() : play())}, 'Play');
  let timer = 0, newest = 0;

  async function draw() {
    const mine = ++newest, at = +dial.value, finer = Math.ceil(at - 1e-6), alpha = finer === at || !fade ? 1 : at - Math.floor(at);
    try {
      const [fine, coarse] = await Promise.all([stage(finer), alpha < 1 ? stage(finer - 1) : null]);
      if (mine !== newest) return;
      paint(fine, stages[finer].resolution, coarse, alpha);
      words.textContent = told(stages[finer], alpha, finer === last);
    } catch (error) {
      if (mine === newest) words.textContent = error.message;
    }
  }

  function paint(fine, size, coarse, alpha) {
    const image = new ImageData(COLUMNS * size, faces / COLUMNS * size), half = size / 2;
    for (let face = 0; face < faces; face++) {
      const left = (face % COLUMNS) * size, top = Math.floor(face / COLUMNS) * size;
      for (let channel = 0; channel < 3; channel++) {
        const from = (3 * face + channel) * size * size, below = (3 * face + channel) * half * half;
        for (let y = 0; y < size; y++) {
          for (let x = 0; x < size; x++) {
            let value = fine[from + y * size + x];
            if (coarse) value = alpha * value + (1 - alpha) * coarse[below + (y >> 1) * half + (x >> 1)];
            image.data[4 * ((top + y) * image.width + left + x) + channel] = (value / deep + 1) * 127.5;
          }
        }
      }
    }
    for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
    const sheet = h('canvas', {width: image.width, height: image.height}), pen = canvas.getContext('2d');
    sheet.getContext('2d').putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(sheet, 0, 0, SIDE, SIDE);
  }

  function told({resolution, alpha: kept, images}, alpha, now) {
    const share = Math.round(100 * (fade ? alpha : kept));
    return `${resolution} × ${resolution} pixels` + (share < 100 ? `, the newest layers faded in by ${share} % (alpha ${(share / 100).toFixed(2)})` : '')
      + (images ? `, after ${images.toLocaleString('en')} pictures` : now && share === 100 ? ': the network as it ships' : '');
  }

  function play() {
    let began = performance.now() - (+dial.value < last ? +dial.value / last : 0) * SECONDS * 1000;
    playing.textContent = 'Stop';
    const step = (now) => {
      const at = Math.min(last, (now - began) / 1000 / SECONDS * last);
      dial.value = fade ? at : Math.floor(at + 1e-6);
      draw();
      timer = at < last ? requestAnimationFrame(step) : stop();
    };
    timer = requestAnimationFrame(step);
  }

  function stop() {
    cancelAnimationFrame(timer);
    timer = 0;
    playing.textContent = 'Play';
    return 0;
  }

  const note = h('p', {}), ends = [h('span'), h('span')];
  function go(way) {
    stop();
    ({fade, stages} = way);
    last = stages.length - 1;
    note.textContent = fade ? NOTES.sizes + (ways.length > 1 ? '' : ' No moments of its training are kept here.') : NOTES.training;
    Object.assign(dial, {max: last, step: fade ? 0.02 : 1, value: last});
    ends.forEach((end, i) => { const {resolution} = stages[i * last]; end.textContent = `${resolution} × ${resolution}`; });
    draw();
  }
  const choice = (way) => h('label', {}, h('input', {type: 'radio', name: 'gr-way', checked: way === ways[0], onchange: () => go(way)}), h('span', {}, NAMES[way.key]));
  root.replaceChildren(h('h3', {}, 'Watch it learn'), h('div', {class: 'gr-body'}, canvas, h('div', {class: 'gr-side'},
    ways.length > 1 ? h('fieldset', {class: 'qz-choice', 'aria-label': 'What the dial goes through'}, ...ways.map(choice)) : '',
    note, dial, h('div', {class: 'gr-ends', 'aria-hidden': 'true'}, ...ends), words, playing)));
  go(ways[0]);
}

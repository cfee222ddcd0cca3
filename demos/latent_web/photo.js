// The faces of a photo in numbers: the way through the latents and back, the loss of one face, the reparameterization trick, and how unusual a face is.
// Begun by the component in demos/latent_photo.py, whose value says it all; what is drawn anew here is drawn by live.js.
import {h, series, show, signed, styled, unique} from '../../web/dom.js';
import {face} from './face.js';
import {decodeOnce} from './live.js';

const STRONGEST = 8; // latents in the ledger by name, the others as one sum
const BELLS = 6; // latents whose bell curves are drawn
const SAMPLES = 5;
const FARTHEST = 4; // a latent may be on the sliders
const STRONGER = 8; // times that differences are shown, where the encoder is so sure that the samples look alike
const HINT = 'Here your face will stand beside what the network keeps of it.';
const NONE = 'No face was found in this photo. Try one seen from the front, in good light.';

/** Fill `element`, whose template is a skeleton, with `props.value`, and again whenever Python gives another. */
export async function start(element, {props, watch}) {
  await styled(new URL('photo.css', import.meta.url));
  const root = element.querySelector('.photo-result');
  const tell = (moves) => root.replaceChildren(props.value ? photo(props.value, moves) : h('p', {class: 'ph-empty'}, HINT));
  watch('value', () => tell(true));
  tell(false); // what was there when another tab was opened
}

/** All of one answer: what was found, which face, and the panels of that face. The sliders move there if it is new. */
function photo(facts, moves) {
  const panels = h('div', {class: 'ph-panels'});
  const choose = (i, moving = true) => {
    panels.replaceChildren(...facePanels(facts.faces[i], facts));
    if (moving) toStudio(facts.faces[i].mean, facts.found ? 'From the photo, as the latents keep it.' : 'The centre of the photo, as the latents keep it.');
  };
  const begin = [];
  if (facts.found && facts.faces.length > 1) {
    begin.push(chooser(facts, choose));
  } else if (!facts.found && !facts.taken) {
    const anyway = h('button', {type: 'button', onclick: () => { anyway.remove(); choose(0); }}, 'Use the centre anyway');
    begin.push(h('div', {class: 'ph-notice', role: 'status'}, h('p', {}, NONE), anyway));
    return h('div', {class: 'ph'}, ...begin, panels);
  } else if (!facts.found) {
    begin.push(h('div', {class: 'ph-notice', role: 'status'}, h('p', {}, 'No face was found here, so the centre was taken.')));
  }
  choose(facts.which, moves);
  return h('div', {class: 'ph'}, ...begin, panels);
}

/** Thumbnails of all faces as radio buttons, which arrow keys reach. */
function chooser(facts, choose) {
  const name = unique('which-face');
  return h('fieldset', {class: 'ph-chooser'}, h('legend', {}, `${facts.faces.length} faces were found. Which one?`),
    ...facts.faces.map((one, i) => h('label', {},
      h('input', {type: 'radio', name, checked: i === facts.which, onchange: () => choose(i)}), h('img', {src: one.crop, alt: `Face ${i + 1}`}))));
}

const cut = (z) => Float32Array.from(z, (v) => Math.max(-FARTHEST, Math.min(FARTHEST, v)));

function toStudio(z, words) {
  face.open(z.length);
  face.set(cut(z), {words, glide: true});
}

function showStudio() {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  document.querySelector('.studio').scrollIntoView({behavior: still ? 'auto' : 'smooth', block: 'start'});
}

/** The panels of one face. What latent is looked at, all of them share. */
function facePanels(one, facts) {
  const order = one.kl.map((_, i) => i).sort((a, b) => one.kl[b] - one.kl[a]);
  const latents = {order, chosen: order[0], listeners: [], name: (i) => (facts.names?.[i] ? `${i} · ${facts.names[i][0]}` : `${i}`)};
  latents.choose = (i) => {
    latents.chosen = i;
    for (const listener of latents.listeners) listener();
  };
  return [pair(one, facts), unusual(one, facts), loss(one, facts, latents), trick(one, latents)];
}

const panel = (name, title, ...children) => h('section', {class: `ph-panel ph-${name}`}, h('h4', {}, title), ...children);

// -- there and back ----------------------------------------------------------------------------------------------------------------------------

function pair(one, facts) {
  const figure = (src, alt, caption) => h('figure', {}, h('img', {src, alt}), h('figcaption', {}, caption));
  const typical = facts.typical.psnr ? ` Faces it was never trained on come to ${facts.typical.psnr.toFixed(1)} dB.` : '';
  return panel('pair', 'Through the latents and back',
    h('div', {class: 'ph-figures'},
      figure(one.crop, facts.found ? 'The face cut out of the photo' : 'The centre cut out of the photo', facts.found ? 'The face, cut out and levelled' : 'The centre, cut out'),
      figure(one.reconstruction, 'The face drawn again from its latents', 'Drawn from its latents')),
    h('p', {}, h('strong', {}, `PSNR ${one.psnr.toFixed(1)} dB.`), ` ${one.sentence}${typical}`),
    h('button', {type: 'button', class: 'ph-primary', onclick: () => { toStudio(one.mean, 'From the photo, as the latents keep it.'); showStudio(); }}, 'Play with this face ↑'));
}

// -- how unusual -------------------------------------------------------------------------------------------------------------------------------

function unusual(one, facts) {
  if (!one.rarity) return panel('unusual', 'How unusual is this?', h('p', {}, `What is usual among the training faces is not known here. ${facts.absent}`));
  const {worse, denser, times, sentence} = one.rarity;
  return panel('unusual', 'How unusual is this?',
    h('p', {class: 'ph-verdict'}, sentence),
    gauge('Reconstruction error', 100 - worse, (p) => `larger than that of ${p} of the training faces, ${times.toFixed(1)} times the median`),
    gauge('Density of its latents', denser, (p) => `lower than that of ${p} of the training faces`),
    h('p', {class: 'ph-small'}, 'A network that has learnt how faces look can tell what is none: it draws it badly, or has to put it where no face ever was.'));
}

/** A scale of the training faces, the usual ones on the left: `percent` of them are more usual than this one. */
function gauge(label, percent, say) {
  const share = percent >= 99.995 ? 'all' : `${percent.toFixed(percent > 99 || percent < 1 ? 1 : 0)} %`;
  return h('div', {class: 'ph-gauge'},
    h('div', {class: 'ph-gauge-label'}, h('strong', {}, label), h('span', {}, say(share))),
    h('div', {class: 'ph-scale', role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': percent.toFixed(1), 'aria-valuetext': say(share)},
      h('i', {style: `left: ${percent}%`})),
    h('div', {class: 'ph-ends', 'aria-hidden': 'true'}, h('span', {}, 'the most usual face'), h('span', {}, 'the median'), h('span', {}, 'the most unusual')));
}

// -- the loss ----------------------------------------------------------------------------------------------------------------------------------

function loss(one, facts, latents) {
  const {squared_error, ssim, ssim_weight, kl, beta, total} = one.loss;
  const terms = [
    ['error', 'squared error', 'reconstruction', squared_error],
    ['ssim', 'likeness of structure', `${round(ssim_weight)} × (1 − SSIM ${ssim.toFixed(3)})`, ssim_weight * (1 - ssim)],
    ['kl', 'KL', `β ${round(beta)} × ${kl.toFixed(1)} nats`, beta * kl],
  ].filter(([name]) => name !== 'ssim' || ssim_weight);
  return panel('loss', 'The loss of this very face',
    h('p', {}, 'Training makes this sum small: draw the face well, and say as little about it as you can.'),
    h('div', {class: 'ph-sum', 'aria-hidden': 'true'}, ...terms.map(([name, , , value]) => h('i', {class: `ph-${name}`, style: `flex-grow: ${value / total}`}))),
    h('table', {}, h('tbody', {},
      ...terms.map(([name, label, how, value], i) => h('tr', {}, h('th', {scope: 'row'}, h('i', {class: `ph-chip ph-${name}`}), `${i ? '+ ' : ''}${label}`), h('td', {}, how), h('td', {}, value.toFixed(1)))),
      h('tr', {class: 'ph-total'}, h('th', {scope: 'row'}, '= loss'), h('td', {}), h('td', {}, total.toFixed(1))))),
    facts.sharpness ? h('p', {class: 'ph-small'}, 'In training the opinion of a critic came on top, who has no say here.') : null,
    ledger(one, facts, latents));
}

const round = (value) => +value.toPrecision(3);

/** The KL of each latent, strongest first: all as bars, the first by name. */
function ledger(one, facts, latents) {
  const {order} = latents, most = Math.max(one.kl[order[0]], 1e-9), rest = order.slice(STRONGEST);
  const bars = order.map((i) => h('i', {style: `height: ${Math.max(1, 100 * one.kl[i] / most)}%`}));
  const told = h('p', {class: 'ph-told', 'aria-hidden': 'true'});
  const all = h('div', {
    class: 'ph-bars', role: 'slider', tabindex: 0, 'aria-label': 'Latents by the KL of this face, strongest first', 'aria-valuemin': 1, 'aria-valuemax': order.length,
    onpointerdown: point, onpointermove: point,
    onkeydown: (event) => {
      const at = order.indexOf(latents.chosen), to = {ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: order.length - 1}[event.key];
      if (to === undefined) return;
      event.preventDefault();
      latents.choose(order[Math.max(0, Math.min(order.length - 1, to))]);
    },
  }, ...bars);
  function point(event) {
    const box = all.getBoundingClientRect();
    latents.choose(order[Math.max(0, Math.min(order.length - 1, Math.floor((event.clientX - box.left) / box.width * order.length)))]);
  }
  const rows = order.slice(0, STRONGEST).map((i) => h('button', {type: 'button', class: 'ph-row', onclick: () => latents.choose(i), onpointerenter: () => latents.choose(i)},
    h('span', {}, `latent ${latents.name(i)}`), h('span', {class: 'ph-bar'}, h('i', {style: `width: ${100 * one.kl[i] / most}%`})), h('span', {}, one.kl[i].toFixed(2))));
  latents.listeners.push(refresh);
  refresh();
  function refresh() {
    const i = latents.chosen, at = order.indexOf(i), words = `Latent ${latents.name(i)}: μ = ${signed(one.mean[i], 2, false)}, σ = ${one.sigma[i].toFixed(2)}, ${one.kl[i].toFixed(2)} nats.`;
    told.textContent = words;
    all.setAttribute('aria-valuenow', at + 1);
    all.setAttribute('aria-valuetext', words);
    bars.forEach((bar, k) => bar.classList.toggle('ph-chosen', k === at));
    rows.forEach((row, k) => row.setAttribute('aria-pressed', String(k === at)));
  }
  const typical = facts.typical.kl ? `; a face it was never trained on takes ${facts.typical.kl.toFixed(0)} on average` : '';
  return h('div', {class: 'ph-ledger'},
    h('h5', {}, `What each of the ${order.length} latents tells`),
    h('p', {}, `KL = ½ (μ² + σ² − 1 − ln σ²) of each, ${one.loss.kl.toFixed(1)} nats in all${typical}.`),
    all, told, h('div', {class: 'ph-rows'}, ...rows),
    rest.length ? h('p', {class: 'ph-rest'}, h('span', {}, `the ${rest.length} others`), h('span', {}, rest.reduce((sum, i) => sum + one.kl[i], 0).toFixed(2))) : null);
}

// -- the reparameterization trick ----------------------------------------------------------------------------------------------------------------

/** A number from N(0, 1) (Box and Muller 1958). */
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

function trick(one, latents) {
  const noise = () => Array.from({length: SAMPLES}, () => Float32Array.from(one.mean, normal));
  const z = (k) => cut(one.mean.map((mu, i) => mu + scale * one.sigma[i] * epsilon[k][i]));
  let epsilon = noise(), scale = 1, looked = 0;

  const canvases = epsilon.map(() => h('canvas', {width: 192, height: 192}));
  const tiles = canvases.map((canvas, k) => h('button', {
    type: 'button', class: 'ph-sample', 'aria-label': `Sample ${k + 1}: send it to the studio`, onpointerenter: () => look(k), onfocus: () => look(k), onclick: () => send(k),
  }, canvas, h('span', {}, `sample ${k + 1}`)));
  const sent = h('p', {class: 'ph-sent', role: 'status'}), formula = h('p', {class: 'ph-formula'});
  const id = unique('epsilon'), output = h('output', {for: id}, '× 1.00');
  const dial = h('input', {type: 'range', id, min: 0, max: 3, step: 0.05, value: 1, oninput: () => { scale = +dial.value; refresh(); draw(); }});
  const bells = latents.order.slice(0, BELLS).map((i) => bell(i, one.mean[i], one.sigma[i], latents));
  const again = h('button', {type: 'button', onclick: () => { epsilon = noise(); refresh(); draw(); }}, 'Sample again');

  const differ = h('p', {class: 'ph-small ph-differ'}, ' '), stronger = h('input', {type: 'checkbox', onchange: draw});
  const redraw = series();
  async function draw() {
    try {
      const middle = await decodeOnce(cut(one.mean)), squares = [];
      const done = await redraw(canvases, async (canvas, current) => {
        const image = await decodeOnce(z(canvases.indexOf(canvas)));
        if (!current()) return;
        squares.push(meanSquare(image, middle));
        show(canvas, stronger.checked ? apart(image, middle) : image);
      });
      if (done) differ.textContent = `A colour value of these five differs from the face at μ by ${Math.sqrt(squares.reduce((a, b) => a + b) / SAMPLES).toFixed(1)} of 255 (root mean square).`;
    } catch (error) {
      sent.textContent = error.message;
    }
  }
  function look(k) {
    looked = k;
    refresh();
  }
  function send(k) {
    toStudio(z(k), `Sample ${k + 1} of the photo's face: z = μ + ${scale.toFixed(2)} σ ε.`);
    sent.replaceChildren(`Sample ${k + 1} is now the face of the studio. `, h('button', {type: 'button', class: 'ph-link', onclick: showStudio}, 'Show it ↑'));
  }
  function refresh() {
    const i = latents.chosen, mu = one.mean[i], sigma = one.sigma[i], e = epsilon[looked][i];
    output.textContent = `× ${scale.toFixed(2)}`;
    dial.setAttribute('aria-valuetext', `epsilon times ${scale.toFixed(2)}`);
    dial.style.setProperty('--share', scale / 3);
    formula.replaceChildren(`Latent ${latents.name(i)}, sample ${looked + 1}: `, h('span', {},
      `z = ${signed(mu, 2, false)} + ${sigma.toFixed(2)} × `, h('b', {}, `${scale.toFixed(2)} × ${e < 0 ? `(${signed(e, 2, false)})` : signed(e, 2, false)}`), ` = ${signed(mu + scale * sigma * e, 2, false)}`));
    tiles.forEach((tile, k) => tile.classList.toggle('ph-looked', k === looked));
    for (const one of bells) one.refresh(epsilon.map((noise) => scale * noise[one.latent]), looked);
  }
  latents.listeners.push(refresh);
  refresh();
  draw();
  return panel('trick', 'The reparameterization trick',
    h('p', {}, 'The encoder does not answer with a point but with a bell curve for every latent, its middle μ and its width σ. Training draws a point from each, with chance kept apart in ε: ',
      h('strong', {}, 'z = μ + σ · ε, ε ~ N(0, 1)'), ', so that what is learnt can flow back to μ and σ.'),
    h('div', {class: 'ph-dial'}, h('label', {for: id}, 'ε'), dial, output, again,
      h('div', {class: 'ph-dial-ends', 'aria-hidden': 'true'}, h('span', {}, '0: μ'), h('span', {}, '1: as in training'), h('span', {}, '3'))),
    h('div', {class: 'ph-samples'}, ...tiles), sent,
    h('label', {class: 'ph-check'}, stronger, `Show what differs from μ ${STRONGER} times as strongly`), differ, formula,
    h('div', {class: 'ph-bells'}, ...bells.map((one) => one.element)),
    h('p', {class: 'ph-small'}, 'Dashed: N(0, 1), what the latent is over all faces. Filled: what the encoder says of this one. Dots: the five samples.'));
}

/** Mean squared difference of the colours of two ImageData, in squared grey levels of 255. */
function meanSquare(a, b) {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] - b.data[i]) ** 2; // the fourth of each is 255 in both
  return sum / (a.data.length * 3 / 4);
}

/** The ImageData with its differences from another one made stronger. */
function apart(image, middle) {
  return new ImageData(Uint8ClampedArray.from(image.data, (v, i) => middle.data[i] + STRONGER * (v - middle.data[i])), image.width, image.height);
}

/** The bell curve of one latent between -4 and 4, with the dots of the samples: {element, latent, refresh(deviations, looked)}. */
function bell(latent, mu, sigma, latents) {
  const W = 200, H = 56, x = (v) => (v + FARTHEST) / (2 * FARTHEST) * W;
  const density = (v, m, s) => Math.exp(-(((v - m) / s) ** 2) / 2) / s, most = Math.max(1, 1 / sigma);
  const curve = (m, s) => Array.from({length: 161}, (_, k) => -FARTHEST + k / 20).map((v) => `${x(v).toFixed(1)},${(H - (H - 4) * density(v, m, s) / most).toFixed(1)}`).join(' ');
  const svg = (tag, attributes) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const dots = Array.from({length: SAMPLES}, () => svg('circle', {cy: H - 1, r: 3.5}));
  const drawing = svg('svg', {viewBox: `0 -2 ${W} ${H + 8}`, 'aria-hidden': 'true'});
  drawing.append(svg('polygon', {points: `0,${H} ${curve(mu, sigma)} ${W},${H}`}), svg('polyline', {points: curve(0, 1)}), svg('line', {x1: 0, x2: W, y1: H, y2: H}), ...dots);
  const element = h('button', {type: 'button', class: 'ph-bell', onclick: () => latents.choose(latent)},
    h('span', {}, `latent ${latents.name(latent)}`), drawing, h('span', {class: 'ph-small'}, `μ ${signed(mu, 2, false)}  σ ${sigma.toFixed(2)}`));
  return {
    element, latent,
    refresh(deviations, looked) {
      element.setAttribute('aria-pressed', String(latents.chosen === latent));
      deviations.forEach((deviation, k) => {
        dots[k].setAttribute('cx', x(Math.max(-FARTHEST, Math.min(FARTHEST, mu + sigma * deviation))));
        dots[k].classList.toggle('ph-looked', k === looked);
      });
    },
  };
}

// The quiz: what to play, the faces one after the other, the truth after each vote. The report is drawn by report.js, the player's picture taken by own.js.
// The browser knows nothing of a face but its pixels until the server, which has the votes, tells.
import {h, styled} from '../../web/dom.js';
import {ask, faceOf} from './ask.js';
import {own} from './own.js';
import {report} from './report.js';

const MODES = {
  opening: ['The lecture’s opening', 'Three faces, A, B, C. Who is real?'],
  one: ['One at a time', 'A face, your verdict, the truth; at the end your report.'],
  moment: ['Spot the moment', 'Play against the network as it was while it learned.'],
};
const SURE = ['a guess', 'fairly sure', 'certain'];
const EXPOSURES = [[0, 'as long as you like'], [5, '5 s'], [1, '1 s']];
const LETTERS = ['A', 'B', 'C'];
const TRUTH = {true: 'a photograph', false: 'invented'};

/** Fill `root` with the quiz. */
export async function start(element) {
  const root = element.querySelector('.quiz');
  const [about] = await Promise.all([ask('about'), styled(new URL('quiz.css', import.meta.url))]);
  const wish = {mode: 'opening', count: about.counts[0], level: 'all', size: null, exposure: 0, sure: true, why: false};
  let before = null; // the round before this one
  let keys = {}; // what a key does at this moment
  const me = own();

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !root.offsetParent) return;
    if (/^(input|textarea|select)$/i.test(event.target.tagName) && !/^(radio|checkbox)$/.test(event.target.type)) return;
    if (event.key === 'Enter' && (/^(button|a|summary)$/i.test(event.target.tagName))) return; // it presses what is focused
    const act = keys[event.key.toLowerCase()];
    if (act) { event.preventDefault(); act(); }
  });

  const say = (text) => root.querySelector('.qz-note')?.replaceChildren(text);
  const show = (...children) => root.replaceChildren(...children, h('p', {class: 'qz-note', role: 'alert'}));

  /** Does `work` unless it is being done, and says what went wrong. */
  const once = (work) => {
    let busy = false;
    return async (...given) => {
      if (busy) return;
      busy = true;
      say('');
      try { await work(...given); } catch (error) { say(error.message); }
      busy = false;
    };
  };

  // -- what to play ----------------------------------------------------------------------------------------------------------------------------

  function setup() {
    const options = h('div', {class: 'qz-options'});
    const choose = (name, title, choices) => h('fieldset', {class: 'qz-choice'}, h('legend', {}, title), ...choices.map(([value, text]) =>
      h('label', {}, h('input', {type: 'radio', name: 'qz-' + name, checked: wish[name] === value, onchange: () => { wish[name] = value; lay(); }}), h('span', {}, text))));
    const tick = (name, text) => h('label', {class: 'qz-tick'}, h('input', {type: 'checkbox', checked: wish[name], onchange: (event) => { wish[name] = event.target.checked; }}), text);
    const begin = once(async () => {
      const asked = wish.mode === 'opening' ? {mode: 'opening'} : {mode: wish.mode, count: wish.count, level: wish.mode === 'moment' ? wish.level : 'final', size: wish.mode === 'moment' ? wish.size : null};
      go.disabled = true;
      try { await play(await ask('round', {...asked, after: before, own: me.id})); } finally { go.disabled = false; }
    });

    function lay() {
      const level = about.levels.find((one) => one.key === wish.level) ?? about.levels.at(-1);
      const counts = wish.mode === 'moment' && wish.level !== 'all' ? level.counts : about.counts;
      if (!counts.includes(wish.count)) wish.count = counts[0];
      if (!level.sizes.includes(wish.size)) wish.size = level.sizes.at(-1);
      const focused = document.activeElement?.closest('.qz-choice') && [...options.querySelectorAll('input')].indexOf(document.activeElement);
      options.replaceChildren(...[
        wish.mode === 'moment' && choose('level', 'Moment of training', [['all', 'all, early to late'], ...about.levels.map((one) => [one.key, one.name])]),
        wish.mode === 'moment' && choose('size', 'Size', level.sizes.map((size) => [size, `${size} px`])),
        wish.mode === 'moment' && h('p', {class: 'qz-small'}, words(about)),
        wish.mode !== 'opening' && choose('count', 'Faces', counts.map((n) => [n, String(n)])),
        choose('exposure', 'You see each face', EXPOSURES),
        wish.mode !== 'opening' && h('div', {class: 'qz-ticks'}, tick('sure', 'Ask how sure I am'), tick('why', 'Ask me why')),
      ].filter(Boolean));
      if (focused >= 0) options.querySelectorAll('input')[focused]?.focus();
    }

    const modes = h('div', {class: 'qz-modes', role: 'radiogroup', 'aria-label': 'What to play'}, ...Object.entries(MODES).map(([mode, [title, text]]) =>
      h('label', {}, h('input', {type: 'radio', name: 'qz-mode', checked: wish.mode === mode, onchange: () => { wish.mode = mode; lay(); }}), h('span', {}, h('b', {}, title), text))));
    const go = h('button', {type: 'button', class: 'qz-go', onclick: begin}, 'Start');
    lay();
    keys = {enter: begin};
    const tiny = about.grey && h('p', {class: 'qz-small'}, 'The photographs at hand are grey, 25 × 25 pixels, so all faces are shown like that. Larger ones in colour can be fetched: see below, “Where the photographs come from”.');
    show(...[modes, tiny, options, me.panel(), go].filter(Boolean), h('p', {class: 'qz-small qz-keys'}, 'By keyboard: R real, F fake, 1 2 3, Enter.'));
  }

  // -- the faces ---------------------------------------------------------------------------------------------------------------------------------

  async function play(round) {
    before = round.round;
    if (round.mode === 'opening') return opening(round);
    const marks = Array.from({length: round.faces}, () => h('i'));
    const faces = [];
    let coming = faceOf(round.round, 0);

    async function turn(number) {
      const picture = await coming;
      faces.push(picture);
      const frame = framed(picture, `Face ${number + 1} of ${round.faces}: a photograph, or invented?`);
      const why = new Set();
      let verdict = null;
      const side = h('div', {class: 'qz-side'});
      const levels = new Set(round.levels).size > 1 ? ` · ${round.levels[number]}` : '';
      const head = [h('p', {class: 'qz-count', role: 'status'}, `Face ${number + 1} of ${round.faces}${levels}`), h('div', {class: 'qz-marks', 'aria-hidden': 'true'}, ...marks)];
      marks[number].className = 'qz-now';

      const send = once(async (sure) => {
        const {told: [truth]} = await ask(`${round.round}/vote`, {face: number, votes: [{real: verdict, sure, why: [...why]}]});
        if (!truth.over) coming = faceOf(round.round, number + 1);
        marks[number].className = truth.right ? 'qz-right' : 'qz-wrong';
        picture.truth = truth;
        reveal(truth);
      });
      const decide = (real) => {
        if (verdict !== null) return; // a double click
        verdict = real;
        if (wish.sure) howSure(); else send(null);
      };
      const reasons = () => wish.why && h('div', {class: 'qz-why', role: 'group', 'aria-label': 'Why?'}, h('span', {}, 'Why?'), ...about.reasons.map((reason) =>
        h('button', {type: 'button', 'aria-pressed': String(why.has(reason)), onclick: (event) => {
          why.has(reason) ? why.delete(reason) : why.add(reason);
          event.currentTarget.setAttribute('aria-pressed', String(why.has(reason)));
        }}, reason)));
      const lay = (...children) => side.replaceChildren(...head, ...children.filter(Boolean));

      function ballot() {
        lay(h('div', {class: 'qz-ballot'}, h('button', {type: 'button', class: 'qz-real', onclick: () => decide(true)}, 'Real', h('kbd', {}, 'R')),
          h('button', {type: 'button', class: 'qz-fake', onclick: () => decide(false)}, 'Fake', h('kbd', {}, 'F'))), reasons());
        keys = {r: () => decide(true), f: () => decide(false)};
      }

      function howSure() {
        const back = () => { verdict = null; ballot(); };
        lay(h('p', {class: 'qz-asked'}, `You say: ${TRUTH[verdict]}. How sure are you?`),
          h('div', {class: 'qz-sure'}, ...SURE.map((text, i) => h('button', {type: 'button', onclick: () => send(i + 1)}, text, h('kbd', {}, String(i + 1))))),
          reasons(), h('button', {type: 'button', class: 'qz-link', onclick: back}, 'Change my mind'));
        keys = {1: () => send(1), 2: () => send(2), 3: () => send(3), escape: back};
      }

      function reveal(truth) {
        frame.unveil();
        const next = once(async () => { await (truth.over ? finish() : turn(number + 1)); });
        const button = h('button', {type: 'button', class: 'qz-go', onclick: next}, truth.over ? 'Your report' : 'Next face', h('kbd', {}, 'Enter'));
        lay(h('p', {class: `qz-verdict ${truth.right ? 'qz-ok' : 'qz-no'}`, role: 'status'}, truth.right ? '✓ Right.' : '✗ Wrong.', h('span', {}, ` You said ${TRUTH[truth.said]}.`)),
          h('p', {}, truth.words), frame.looked(round.round, number), button);
        keys = {enter: next};
      }

      ballot();
      show(h('div', {class: 'qz-play'}, frame.element, side));
      frame.expose(wish.exposure);
    }

    async function finish() {
      const told = await ask(`${round.round}/report`);
      const again = once(async () => { await play(await ask('round', {mode: round.mode, count: round.faces, level: wish.mode === 'moment' ? wish.level : 'final', size: wish.mode === 'moment' ? wish.size : null, after: before, own: me.id})); });
      keys = {enter: again};
      show(report(told, faces), h('div', {class: 'qz-after'}, h('button', {type: 'button', class: 'qz-go', onclick: again}, 'Another round', h('kbd', {}, 'Enter')),
        h('button', {type: 'button', onclick: setup}, 'Change the game')));
    }

    await turn(0);
  }

  // -- the lecture's opening -----------------------------------------------------------------------------------------------------------------------

  async function opening(round) {
    const pictures = await Promise.all(LETTERS.map((_, i) => faceOf(round.round, i)));
    const real = [false, false, false];
    const cards = pictures.map((picture, i) => {
      const frame = framed(picture, `Face ${LETTERS[i]}`);
      const button = h('button', {type: 'button', class: 'qz-abc', 'aria-pressed': 'false', onclick: () => toggle(i)}, '');
      const below = h('div', {class: 'qz-below'}, button);
      return {frame, button, below, element: h('div', {class: 'qz-card'}, h('b', {}, LETTERS[i]), frame.element, below)};
    });
    const write = (i) => cards[i].button.replaceChildren(real[i] ? `✓ ${LETTERS[i]} is real` : `${LETTERS[i]} is real`, h('kbd', {}, String(i + 1)));
    const toggle = (i) => {
      real[i] = !real[i];
      cards[i].button.setAttribute('aria-pressed', String(real[i]));
      write(i);
    };
    cards.forEach((_, i) => write(i));
    const words = h('p', {class: 'qz-asked', role: 'status'}, 'Who is real? One of them, more, none: choose, then reveal.');
    const reveal = once(async () => {
      const {told} = await ask(`${round.round}/vote`, {face: 0, votes: real.map((one) => ({real: one}))});
      told.forEach((truth, i) => {
        cards[i].frame.unveil();
        cards[i].element.classList.add(truth.right ? 'qz-ok' : 'qz-no');
        cards[i].below.replaceChildren(h('p', {class: 'qz-verdict'}, truth.right ? '✓ Right.' : '✗ Wrong.'), h('p', {}, truth.words), cards[i].frame.looked(round.round, i));
      });
      const reals = told.filter((truth) => truth.real).length, right = told.filter((truth) => truth.right).length;
      words.textContent = `${reals === 0 ? 'None of them is real, as in the lecture: nobody there ever lived.' : reals === 1 ? 'One of them is real.' : reals === 2 ? 'Two of them are real.' : 'All three are real.'} `
        + `You had ${right} of 3 right. A coin gets all three in one of eight rounds: play one at a time to know whether you can tell.`;
      const again = once(async () => { await play(await ask('round', {mode: 'opening', after: before, own: me.id})); });
      keys = {enter: again};
      buttons.replaceChildren(h('button', {type: 'button', class: 'qz-go', onclick: again}, 'Three others', h('kbd', {}, 'Enter')),
        h('button', {type: 'button', onclick: () => { wish.mode = 'one'; setup(); }}, 'One at a time'), h('button', {type: 'button', onclick: setup}, 'Change the game'));
    });
    const buttons = h('div', {class: 'qz-after'}, h('button', {type: 'button', class: 'qz-go', onclick: reveal}, 'Reveal', h('kbd', {}, 'Enter')));
    keys = {1: () => toggle(0), 2: () => toggle(1), 3: () => toggle(2), enter: reveal};
    show(words, h('div', {class: 'qz-three'}, ...cards.map((card) => card.element)), buttons);
    cards.forEach((card) => card.frame.expose(wish.exposure));
  }

  setup();
}

/** What the page says of the levels and sizes that it offers. */
function words(about) {
  const levels = about.kept ? 'These are faces that the trainer kept while the network learned.'
    : 'No moments of its training were kept, so these are the finished network’s own coarser pictures, through which it grew. What turns its layers into colours there was fitted to the finished faces, after the training.';
  const most = Math.max(...about.levels.flatMap((level) => level.sizes));
  return `${levels}${!about.grey && most < about.full ? ` The network has grown to ${most} of ${about.full} pixels: there is nothing larger to show.` : ''}`;
}

/** A face in its frame: shown for some seconds, later together with what the discriminator looked at. */
function framed(picture, alt) {
  const image = h('img', {src: picture.src, alt, draggable: 'false'});
  const cover = h('span', {class: 'qz-cover', hidden: true}, 'Gone. What do you say?');
  const element = h('div', {class: 'qz-frame'}, image, cover);
  let timer = 0;
  return {
    element,
    expose(seconds) {
      if (seconds) timer = setTimeout(() => { cover.hidden = false; image.style.visibility = 'hidden'; }, 1000 * seconds);
    },
    unveil() {
      clearTimeout(timer);
      cover.hidden = true;
      image.style.visibility = '';
    },
    looked(round, number) {
      let wanted = false; // it is laid over the face once it is there
      const heat = h('img', {class: 'qz-heat', alt: 'Where the discriminator looked', hidden: true, onload: () => { heat.hidden = !wanted; }});
      const button = h('button', {type: 'button', class: 'qz-look', 'aria-pressed': 'false', onclick: (event) => {
        if (event.detail) button.blur(); // pressed by a pointer: the Enter that follows goes on
        wanted = !wanted;
        if (!heat.src) heat.src = new URL(`quiz/${round}/look/${number}`, document.baseURI);
        heat.hidden = !wanted || !heat.complete;
        button.setAttribute('aria-pressed', String(wanted));
      }}, 'What the discriminator looked at');
      element.append(heat);
      return button;
    },
  };
}

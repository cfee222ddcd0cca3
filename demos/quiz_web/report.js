// The report of a round: every figure with the number of answers that it rests on.
import {h, signed} from '../../web/dom.js';

const per = (share) => `${Math.round(100 * share)} %`;
const between = ([low, high]) => `${Math.round(100 * low)} to ${Math.round(100 * high)} %`;
const SVG = 'http://www.w3.org/2000/svg';

/** The report as an element; `faces`: {src, truth} of each, as they were shown. */
export function report(told, faces) {
  const {score, luck, kinds} = told;
  return h('div', {class: 'qz-report'},
    h('h3', {}, `${score.right} of ${score.of} right (${per(score.share)}, 95 % interval ${between(score.interval)})`),
    h('p', {class: 'qz-plain'}, plain(told)),
    compared(told),
    h('div', {class: 'qz-columns'}, ...[
      panel('What you believed', h('p', {}, `Photographs you believed (hits): ${kinds.hits} of ${kinds.reals}. Invented faces that fooled you (false alarms): ${kinds.false_alarms} of ${kinds.fakes}.`), ...signal(told)),
      told.roc && panel('You beside the discriminator', ...curves(told)),
      told.levels.length > 0 && panel('By moment of training', rows(told.levels)),
      told.sure.length > 0 && panel('How sure you were, and how often you were right', rows(told.sure), h('p', {class: 'qz-small'}, calibrated(told.sure))),
      told.why.length > 0 && panel('What you looked at, and how often that was right', rows(told.why)),
      panel('The faces', grid(faces)),
    ].filter(Boolean)));
}

const panel = (title, ...children) => h('section', {}, h('h4', {}, title), ...children.filter(Boolean));

/** Whether the score is more than luck, plainly. */
function plain({score, luck}) {
  const enough = luck.enough === null ? `${luck.of} faces are too few to tell skill from luck.` : `${luck.enough} of ${luck.of} or better beats guessing.`;
  const chance = luck.probability < 0.001 ? 'fewer than 1 in 1,000' : `${luck.probability < 0.1 ? (100 * luck.probability).toFixed(1) : Math.round(100 * luck.probability)} %`;
  const verdict = luck.enough === null ? '' : score.right >= luck.enough ? 'You beat guessing. ' : 'You may have been guessing. ';
  return `${verdict}${enough} Tossing a coin does as well as you or better in ${chance} of rounds of ${luck.of} (binomial distribution).`;
}

/** Shares of right answers on one scale: the player's, the discriminator's, chance, and what was published. */
function compared({score, critic, literature, source}) {
  const lines = [['You', score.share, score.interval, `${score.right} of ${score.of}`, 'qz-you'],
    critic && ['The discriminator, same faces', critic.share, critic.interval, `${critic.right} of ${critic.of}`, 'qz-critic'],
    ['Tossing a coin', 0.5, null, '', ''],
    ...literature.map(({who, n, share, interval}) => [who, share, interval, `n = ${n} people`, ''])].filter(Boolean);
  return h('figure', {class: 'qz-compared'}, ...lines.map(([name, share, interval, n, kind]) => h('div', {class: `qz-line ${kind}`},
    h('span', {}, name), h('span', {}, `${(100 * share).toFixed(Number.isInteger(100 * share) ? 0 : 1)} %${n ? ` (${n})` : ''}`), bar(share, interval))),
  h('figcaption', {class: 'qz-small'}, `Share of right answers; bars are 95 % intervals, the thin line is chance. Published figures: ${source}. Their faces were larger and better than these.`));
}

function bar(share, interval) {
  const line = h('div', {class: 'qz-bar', 'aria-hidden': 'true'}), point = h('b');
  if (interval) {
    const range = h('i');
    range.style.left = 100 * interval[0] + '%';
    range.style.width = 100 * (interval[1] - interval[0]) + '%';
    line.append(range);
  }
  point.style.left = 100 * share + '%';
  line.append(point);
  return line;
}

const rows = (of) => h('div', {class: 'qz-rows'}, ...of.map(({name, right, of: n, share, interval}) =>
  h('div', {class: 'qz-line'}, h('span', {}, name), h('span', {}, `${right} of ${n}: ${per(share)} (${between(interval)})`), bar(share, interval))));

function signal({detection, kinds}) {
  if (!detection) return [h('p', {}, 'd′ needs faces of both kinds.')];
  const leaning = Math.abs(detection.bias) < 0.1 ? 'you lean to neither side' : detection.bias > 0 ? 'you lean to “invented”' : 'you lean to “real”';
  return [h('p', {}, `d′ = ${signed(detection.d)}: how far apart the two kinds look to you; 0 is chance, 1 fair, 2 good. Bias c = ${signed(detection.bias)}: ${leaning}.`),
    h('p', {class: 'qz-small'}, `From ${kinds.reals} photographs and ${kinds.fakes} invented faces, with half an answer added to each cell (log-linear rule, Hautus 1995).`)];
}

function calibrated(sure) {
  const first = sure[0], last = sure.at(-1);
  if (sure.length < 2) return 'You were equally sure of all faces.';
  return last.share > first.share ? 'The surer you were, the more often you were right.' : last.share < first.share ? 'You were less often right when you were surer.' : 'Being surer made no difference.';
}

/** Both receiver operating characteristics: how many photographs are believed for how many invented faces. */
function curves({roc}) {
  const s = (tag, given, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const path = (points) => points.map(([x, y], i) => `${i ? 'L' : 'M'}${20 + 200 * x} ${210 - 200 * y}`).join('');
  const dots = (of, kind) => of.points.slice(1, -1).map(([x, y]) => s('circle', {cx: 20 + 200 * x, cy: 210 - 200 * y, r: 4, class: kind}));
  const plot = s('svg', {viewBox: '0 0 230 232', role: 'img', class: 'qz-roc', 'aria-label': `Area under the curve: you ${roc.you.area.toFixed(2)}, the discriminator ${roc.critic.area.toFixed(2)}`},
    s('rect', {x: 20, y: 10, width: 200, height: 200, class: 'qz-axes'}), s('path', {d: 'M20 210L220 10', class: 'qz-chance'}),
    s('path', {d: path(roc.critic.points), class: 'qz-critic'}), s('path', {d: path(roc.you.points), class: 'qz-you'}), ...dots(roc.you, 'qz-you'),
    s('text', {x: 120, y: 226, 'text-anchor': 'middle'}, 'invented faces believed'), s('text', {x: 12, y: 110, 'text-anchor': 'middle', transform: 'rotate(-90 12 110)'}, 'photographs believed'));
  return [plot, h('p', {}, h('span', {class: 'qz-key qz-you'}), `you, area ${roc.you.area.toFixed(2)}  `, h('span', {class: 'qz-key qz-critic'}), `the discriminator, area ${roc.critic.area.toFixed(2)}`),
    h('p', {class: 'qz-small'}, `The area is the chance that a photograph gets a higher score than an invented face; 0.5 is chance. Both on the same ${roc.you.faces} faces.`)];
}

function grid(faces) {
  return h('div', {class: 'qz-grid'}, ...faces.map(({src, truth}, i) => h('figure', {class: truth.right ? 'qz-ok' : 'qz-no'},
    h('img', {src, alt: `Face ${i + 1}, ${truth.real ? 'a photograph' : 'invented'}`}),
    h('figcaption', {}, `${truth.right ? '✓' : '✗'} ${truth.own ? 'you' : truth.real ? 'photograph' : `nobody; seed ${truth.seed}`}`))));
}

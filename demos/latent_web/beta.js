// Panel "beta": the same faces by networks that were trained with other weights of the KL term.
import {h} from '../../web/dom.js';

const COLUMNS = [['beta', 'β', 'weight of the KL term in the loss'], ['psnr_db', 'PSNR, dB', 'of reconstructions of unknown faces: higher is nearer'], ['ssim', 'SSIM', 'likeness of structure, at most 1'],
  ['kl_nats', 'KL, nats', 'what the latents tell about a face'], ['frechet_normal', 'Distance, N(0, I)', 'Fréchet distance of 1,000 invented faces from photos: lower is better'],
  ['frechet_mixture', 'Distance, mixture', 'the same, drawn from the fitted mixture']];
const DIGITS = {beta: null, psnr_db: 2, ssim: 3, kl_nats: 0, frechet_normal: 1, frechet_mixture: 1};
const BEST = {psnr_db: Math.max, ssim: Math.max, frechet_normal: Math.min, frechet_mixture: Math.min};

/** What the table says, in words. */
function words(rows, chosen) {
  const [least, used] = [rows[0], rows.find((row) => row.beta === chosen)], nearest = rows.filter((row) => row.frechet_normal).sort((a, b) => a.frechet_normal - b.frechet_normal)[0];
  return 'A small β lets the latents tell much, and the reconstruction is sharp. A large one presses the encodings towards N(0, I), so that a z drawn from there is one the decoder knows, and pays with blur. '
    + (nearest ? `Measured here, random faces come nearest to photographs at β = ${nearest.beta}` + (nearest === least ? ': the blur costs more than the better fit gains. ' : '. ') : '')
    + (used && used !== least ? `The sliders use β = ${chosen}: its latents tell ${Math.round(least.kl_nats - used.kl_nats)} nats less than at β = ${least.beta}, and the reconstruction loses `
      + `${(least.psnr_db - used.psnr_db).toFixed(2)} dB by it.` : '');
}

export function betaPanel({notes}) {
  const {picture, rows, chosen} = notes.sweep, columns = COLUMNS.filter(([key]) => rows.some((row) => row[key] !== undefined && row[key] !== null));
  const best = Object.fromEntries(columns.filter(([key]) => BEST[key]).map(([key]) => [key, BEST[key](...rows.map((row) => row[key]).filter((v) => v !== undefined && v !== null))]));
  const cell = (row, key) => h('td', {class: row[key] === best[key] ? 'st-best' : null}, row[key] === undefined || row[key] === null ? '–' : DIGITS[key] === null ? String(row[key]) : row[key].toFixed(DIGITS[key]));
  const table = h('table', {}, h('thead', {}, h('tr', {}, ...columns.map(([, name, how]) => h('th', {scope: 'col', title: how}, name)))),
    h('tbody', {}, ...rows.map((row) => h('tr', {}, ...columns.map(([key]) => cell(row, key))))));
  const answer = h('div', {hidden: true}, h('div', {class: 'st-table'}, table),
    h('p', {}, words(rows, chosen)));
  const reveal = h('button', {type: 'button', 'aria-expanded': 'false', onclick: () => {
    answer.hidden = !answer.hidden;
    reveal.setAttribute('aria-expanded', String(!answer.hidden));
    reveal.textContent = answer.hidden ? 'Show what was measured' : 'Hide what was measured';
  }}, 'Show what was measured');
  const element = h('div', {},
    h('p', {}, 'The loss is reconstruction + β × KL(q(z | x) ‖ N(0, I)). The same faces, by networks trained alike but for β:'),
    picture ? h('img', {class: 'st-sweep', src: picture, alt: `The same faces at beta = ${rows.map((row) => row.beta).join(', ')}`}) : null,
    h('div', {class: 'st-question'}, h('p', {}, h('strong', {}, 'Predict first. '), 'Which β gives the sharpest reconstruction, and which the best random faces from N(0, I)? Is it the same one, and why?'), reveal),
    answer);
  return {id: 'beta', title: 'β', element, refresh() {}, shown() {}};
}

// The lesson of the phase: the same magnitudes, heard with phases from elsewhere. Begun by the component in demos/voice_phase.py, whose value says it all.
import {h, signed, styled} from '../../web/dom.js';
import {play, playing, sound, stop} from './sound.js';
import {swings} from './pictures.js';

const FARTHEST = 60; // dB at which the bar is empty

/** Fill `element`, whose template is a skeleton, with `props.value`, and again whenever Python gives another. */
export async function start(element, {props, watch}) {
  await styled(new URL('voice.css', import.meta.url));
  const root = element.querySelector('.vc-phase');
  const tell = () => {
    stop();
    root.replaceChildren(...(props.value ? lesson(JSON.parse(JSON.stringify(props.value))) : []));
  };
  watch('value', tell);
  tell();
}

function lesson({rate, excerpt, zoom: [first, count], sounds}) {
  const cards = sounds.map((one) => {
    const heard = sound(one.sound, rate), isHeard = () => playing()?.sound === heard;
    const icon = h('span', {'aria-hidden': 'true'}, '▶'), bar = h('i');
    bar.style.width = `${Math.max(0, Math.min(100, 100 * (1 + one.decibels / FARTHEST)))}%`;
    const show = () => { icon.textContent = isHeard() ? '■' : '▶'; button.setAttribute('aria-pressed', String(isHeard())); };
    const button = h('button', {type: 'button', 'aria-pressed': 'false', onclick: () => {
      if (isHeard()) return stop();
      play(heard, 0, {onmove: () => {}, onstop: show});
      show();
    }}, icon, ` ${one.name}`);
    return h('div', {class: 'vc-variant'}, button, swings(heard.samples.slice(first, first + count)),
      h('div', {class: 'vc-error'}, h('span', {class: 'vc-bar'}, bar), h('output', {}, one.decibels <= -100 ? 'exact' : `${signed(one.decibels, 1, false)} dB`)), h('p', {}, one.words));
  });
  return [h('div', {class: 'vc'}, h('p', {class: 'vc-small'},
    `${excerpt ? 'From the loudest six seconds of the recording. ' : ''}The curve is the same ${Math.round(1000 * count / rate)} ms of each sound, the bar how far its spectrogram is from the one `
    + 'asked for: 20 log₁₀(‖S − A‖ / ‖A‖), 0 dB as far as silence, 20 dB less a tenth of that.'), h('div', {class: 'vc-variants'}, ...cards))];
}

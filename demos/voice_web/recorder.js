// Takes a recording from the microphone or a file and keeps it in the page. Begun by the component in demos/voice_recorder.py, whose value it sets.
import {h, styled, unique} from '../../web/dom.js';
import {bytes, stop as silence, wav} from './sound.js';

const MICROPHONE = {channelCount: 1, echoCancellation: false, noiseSuppression: true, autoGainControl: false};
const DENIED = {
  NotAllowedError: 'The microphone was not allowed. Allow it beside the address of this page, or upload a file.',
  NotFoundError: 'No microphone was found. Connect one, or upload a file.',
  NotReadableError: 'The microphone is in use by another program. Close it there, or upload a file.',
};

/** Fill `element`, whose template is a skeleton; `props.notes` says what is offered. */
export async function start(element, {props, watch, trigger}) {
  await styled(new URL('voice.css', import.meta.url));
  const {label, microphone, longest, largest} = props.notes, id = unique('recording');
  const root = element.querySelector('.vc-recorder');
  const pick = h('input', {type: 'file', id, class: 'vc-unseen', accept: 'audio/*,video/mp4,video/webm,.wav,.flac,.mp3,.ogg,.m4a,.aac,.mp4,.webm', onchange: () => pick.files[0] && take(pick.files[0])});
  const record = h('button', {type: 'button', class: 'vc-record', onclick: () => (session ? finish() : begin())}, 'Record');
  const upload = h('label', {for: id, class: 'vc-button'}, microphone ? 'Upload a file' : 'Choose a file');
  const level = h('i', {class: 'vc-level'}), clock = h('output', {class: 'vc-clock'});
  const meter = h('div', {class: 'vc-meter', hidden: true}, h('span', {}, level), clock);
  const player = h('audio', {controls: true, 'aria-label': label}), name = h('span', {class: 'vc-name'});
  const forget = h('button', {type: 'button', class: 'vc-forget', onclick: () => { hold(null); trigger('clear'); pick.value = ''; }}, 'Forget it');
  const kept = h('div', {class: 'vc-kept', hidden: true}, name, player, forget);
  const note = h('p', {class: 'vc-note', role: 'status'});
  const zone = h('div', {class: 'vc-zone'}, h('strong', {}, label), h('div', {class: 'vc-buttons'}, microphone ? record : null, pick, upload), meter, kept, note);
  let session = null, opening = false;

  function say(text = '') { note.textContent = text; }

  function show() {
    const value = props.value;
    if (player.src) URL.revokeObjectURL(player.src);
    player.removeAttribute('src');
    kept.hidden = !value;
    if (!value) return;
    name.textContent = value.name;
    player.src = URL.createObjectURL(new Blob([bytes(value.data)]));
  }

  function hold(value) {
    props.value = value;
    say();
    show();
    if (value) trigger('input');
  }

  async function take(file) {
    if (file.size > largest) return say(`${file.name} has ${Math.round(file.size / 1e6)} MB; at most ${largest / 1e6} MB are taken. Cut out the minute that you want to hear.`);
    if (!file.size) return say(`${file.name} is empty.`);
    hold({name: file.name, source: 'file', data: await base64(file)});
    pick.value = '';
  }

  async function begin() {
    if (opening) return;
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
      return say('A browser gives its microphone only to pages from this computer or by https. Record elsewhere and upload the file.');
    }
    opening = true;
    silence();
    player.pause();
    say('Asking for the microphone ...');
    try {
      const stream = await navigator.mediaDevices.getUserMedia({audio: MICROPHONE}), context = new AudioContext();
      await context.audioWorklet.addModule(new URL('capture.js', import.meta.url));
      const node = new AudioWorkletNode(context, 'capture', {numberOfOutputs: 0}), blocks = [];
      let count = 0;
      session = {stream, context, blocks};
      node.port.onmessage = ({data}) => {
        if (!session || session.blocks !== blocks) return;
        blocks.push(data);
        count += data.length;
        const loud = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length), seconds = count / context.sampleRate;
        level.style.width = `${Math.max(0, Math.min(100, 100 + 100 / 60 * 20 * Math.log10(loud + 1e-6)))}%`;
        clock.textContent = `${seconds.toFixed(1)} s`;
        if (seconds >= longest) { finish(); say(`That was ${longest} seconds, the most that is converted.`); }
      };
      context.createMediaStreamSource(stream).connect(node);
      meter.hidden = false;
      record.textContent = 'Stop';
      zone.classList.add('vc-recording');
      say();
    } catch (error) {
      say(DENIED[error.name] ?? `The microphone could not be opened (${error.message}). Upload a file instead.`);
    } finally {
      opening = false;
    }
  }

  function finish() {
    const {stream, context, blocks} = session, rate = context.sampleRate;
    session = null;
    stream.getTracks().forEach((track) => track.stop());
    context.close();
    meter.hidden = true;
    record.textContent = 'Record';
    zone.classList.remove('vc-recording');
    const pcm = new Int16Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) for (const v of block) pcm[at++] = Math.max(-1, Math.min(1, v)) * 32767;
    if (!pcm.length) return say('Nothing was recorded. Hold on a little longer before you press Stop.');
    base64(wav(pcm, rate)).then((data) => hold({name: 'from the microphone', source: 'microphone', data}));
  }

  for (const kind of ['dragover', 'dragleave', 'drop']) zone.addEventListener(kind, (event) => {
    event.preventDefault();
    zone.classList.toggle('vc-over', kind === 'dragover');
    if (kind === 'drop' && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  root.replaceChildren(zone);
  root.style.minHeight = '';
  watch('value', () => { say(); show(); });
  show();
  trigger('load');
}

/** A Blob in base64. */
function base64(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(blob);
  });
}

// The live camera: frames go to the server one at a time, the newest first, and come back translated.
// Begun by the section in demos/horse_live.py.
import {download, h, styled} from '../../web/dom.js';

const SIZES = [192, 256]; // pixels of the longer side, as the server takes them
const DIRECTIONS = ['horse → zebra', 'zebra → horse'];
const AGAIN = 1000; // ms until a crowded server is asked again
const SHOWN = 500; // ms between two figures of the frame rate
const RECENT = 3000; // ms that the frame rate is taken over

let viewers = 0;

/** Fill `element`, whose template is a skeleton. */
export async function start(element) {
  await styled(new URL('live.css', import.meta.url));
  const name = `horse-live-${++viewers}`;
  const video = h('video', {muted: true, playsinline: true, 'aria-hidden': 'true', hidden: true});
  video.muted = true; // the attribute alone does not count once the page is there
  const seen = h('canvas', {role: 'img', 'aria-label': 'What the camera sees', width: 192, height: 144});
  const made = h('canvas', {role: 'img', 'aria-label': 'Its translation', width: 192, height: 144});
  const told = h('p', {class: 'hl-told', role: 'status'}, 'The camera is off.');
  const button = h('button', {type: 'button', class: 'hl-primary'}, 'Start the camera');
  const keep = h('button', {type: 'button', disabled: true}, 'Keep this frame');
  const choice = (legend, key, values, labels) => h('fieldset', {}, h('legend', {}, legend),
    ...values.map((value, i) => h('label', {}, h('input', {type: 'radio', name: `${name}-${key}`, value, checked: i === 0}), h('span', {}, labels[i]))));
  const panel = h('div', {class: 'hl'},
    h('div', {class: 'hl-controls'}, choice('Direction', 'direction', [0, 1], DIRECTIONS), choice('Longer side in pixels', 'side', SIZES, SIZES.map(String)),
      h('div', {class: 'hl-buttons'}, button, keep)),
    h('div', {class: 'hl-pair'}, h('figure', {}, seen, h('figcaption', {}, 'camera')), h('figure', {}, made, h('figcaption', {}, 'translated'))), told, video);
  element.querySelector('.horse-live').replaceChildren(panel);
  const chosen = (key) => panel.querySelector(`input[name="${name}-${key}"]:checked`).value;

  let running = null; // {stream, stop} of the camera that is on

  button.addEventListener('click', () => (running ? running.stop('The camera is off.') : begin()));
  keep.addEventListener('click', () => made.toBlob((file) => {
    const address = URL.createObjectURL(file);
    download(address, `live ${DIRECTIONS[chosen('direction')].split(' → ')[1]}.png`);
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }));
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) running?.stop('The camera was turned off while this page was hidden.');
  });
  // Another tab of the app is opened: what cannot be seen need not be filmed. Its size falls to nothing, wherever the page was scrolled to.
  new ResizeObserver(() => {
    if (running && !panel.offsetParent) running.stop('The camera was turned off while another tab was open.');
  }).observe(panel);

  async function begin() {
    if (button.disabled) return;
    button.disabled = true;
    told.textContent = 'Waiting for the camera ...';
    try {
      const camera = navigator.mediaDevices;
      if (!camera) throw new DOMException('', 'SecurityError');
      const stream = await camera.getUserMedia({video: {width: {ideal: 640}, height: {ideal: 480}, facingMode: 'environment'}, audio: false});
      await film(stream);
    } catch (error) {
      told.textContent = refused(error);
    } finally {
      button.disabled = false;
    }
  }

  async function film(stream) {
    const stop = (words) => {
      for (const track of stream.getTracks()) track.stop();
      video.srcObject = null;
      running = null;
      button.textContent = 'Start the camera';
      told.textContent = words;
    };
    const mine = {stop};
    running = mine;
    button.textContent = 'Stop the camera';
    keep.disabled = false;
    stream.getVideoTracks()[0].addEventListener('ended', () => running === mine && stop('The camera has stopped by itself: was it unplugged?'));
    video.srcObject = stream;
    try {
      await video.play();
    } catch (error) {
      if (running === mine) stop('The camera gives no picture. Is another program using it?');
      return;
    }
    pump(mine);
  }

  /** Send the newest frame, draw what comes back, and again, until this camera is stopped. */
  async function pump(mine) {
    const arrivals = [];
    let last = 0;
    while (running === mine) {
      const side = +chosen('side'), scale = side / Math.max(video.videoWidth, video.videoHeight, 1);
      seen.width = Math.max(8, Math.round(video.videoWidth * scale));
      seen.height = Math.max(8, Math.round(video.videoHeight * scale));
      seen.getContext('2d').drawImage(video, 0, 0, seen.width, seen.height);
      const body = await new Promise((done) => seen.toBlob(done, 'image/jpeg', 0.9));
      const begun = performance.now();
      try {
        const answer = await fetch(new URL(`horse/frame?direction=${chosen('direction')}&side=${side}`, document.baseURI), {method: 'POST', body});
        if (!answer.ok) {
          const sentence = await answer.text();
          if (running !== mine) return;
          if (!answer.headers.get('retry-after')) return mine.stop(sentence);
          told.textContent = sentence;
          await new Promise((done) => setTimeout(done, AGAIN));
          continue;
        }
        const picture = await createImageBitmap(await answer.blob());
        if (running !== mine) return;
        made.width = picture.width;
        made.height = picture.height;
        made.getContext('2d').drawImage(picture, 0, 0);
        const now = performance.now(), served = parseFloat(/dur=([\d.]+)/.exec(answer.headers.get('server-timing'))?.[1]);
        arrivals.push(now);
        while (arrivals[0] < now - RECENT) arrivals.shift();
        if (now - last > SHOWN && arrivals.length > 1) {
          last = now;
          const rate = 1000 * (arrivals.length - 1) / (now - arrivals[0]);
          told.textContent = `${rate.toFixed(1)} frames a second · ${picture.width} × ${picture.height} pixels · ${served.toFixed(0)} ms on the server, ${(now - begun).toFixed(0)} ms there and back`;
        }
      } catch (error) {
        if (running !== mine) return;
        told.textContent = 'The app does not answer. It is asked again every second.';
        await new Promise((done) => setTimeout(done, AGAIN));
      }
    }
  }
}

/** Why there is no camera, and what can be done. */
function refused(error) {
  if (error.name === 'NotAllowedError') return 'The camera was refused. Allow it in the address bar of the browser, and start again.';
  if (error.name === 'NotFoundError' || error.name === 'OverconstrainedError') return 'No camera was found: plug one in, and start again.';
  if (error.name === 'NotReadableError') return 'The camera is in use by another program: close that, and start again.';
  if (error.name === 'SecurityError') return 'Browsers give the camera only to localhost and to pages served by HTTPS: open this page on the machine that runs the app.';
  return `The camera could not be started (${error.message || error.name}).`;
}

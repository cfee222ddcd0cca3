// "Put yourself among them": after a tick of consent a picture goes to the app, which keeps the face on it in memory for half an hour, or until it is told to forget.
import {h} from '../../web/dom.js';
import {ask} from './ask.js';

const WORDS = 'Your face is cut out of the picture and shown to you, and to no one else, among the photographs of your rounds. It stays in the memory of the computer that runs '
  + 'this app for half an hour at most; it is written to no disk and used for nothing else. It does not count in your score.';

/** `panel()` is the part of the page that takes the picture; `id` is what a round is begun with, null where there is none. */
export function own() {
  const me = {id: null, panel};
  let crop = '';
  addEventListener('pagehide', () => { if (me.id) fetch(new URL('quiz/own/' + me.id, document.baseURI), {method: 'DELETE', keepalive: true}); });

  function panel() {
    const inside = h('div', {class: 'qz-own'});
    const note = h('p', {class: 'qz-small', role: 'alert'});
    let stream = null;
    const stop = () => { stream?.getTracks().forEach((track) => track.stop()); stream = null; };

    async function send(blob) {
      stop();
      note.textContent = 'Looking for your face ...';
      try {
        const told = await ask('own?consent=yes', blob);
        me.id = told.own;
        crop = told.crop;
        note.textContent = '';
        taken();
      } catch (error) {
        offer();
        note.textContent = error.message;
      }
    }

    function taken() {
      inside.replaceChildren(h('div', {class: 'qz-row'}, h('img', {src: crop, alt: 'You, as the training faces were cut', width: 96, height: 96}),
        h('p', {}, 'You are among the photographs of your next rounds, wherever one is real.'),
        h('button', {type: 'button', onclick: async () => {
          const id = me.id;
          me.id = null;
          crop = '';
          offer();
          try { await ask('own/' + id, null, 'DELETE'); note.textContent = 'Forgotten.'; } catch (error) { note.textContent = error.message; }
        }}, 'Forget my picture')), note);
    }

    function offer() {
      stop();
      const camera = h('button', {type: 'button', disabled: true, onclick: film}, 'Use the camera');
      const file = h('input', {type: 'file', accept: 'image/*', capture: 'user', disabled: true, onchange: (event) => event.target.files[0] && send(event.target.files[0])});
      const consent = h('input', {type: 'checkbox', onchange: () => { camera.disabled = file.disabled = !consent.checked; }});
      inside.replaceChildren(h('p', {}, WORDS), h('label', {class: 'qz-tick'}, consent, 'I agree that my picture is used for this.'),
        h('div', {class: 'qz-row'}, ...(navigator.mediaDevices?.getUserMedia ? [camera] : []), h('label', {class: 'qz-file'}, 'or choose a picture: ', file)), note);
    }

    async function film() {
      note.textContent = '';
      try {
        stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'user', width: {ideal: 640}}});
      } catch {
        note.textContent = 'The camera could not be used: allow it in your browser, or choose a picture.';
        return;
      }
      const video = h('video', {autoplay: true, playsinline: true, muted: true});
      const take = h('button', {type: 'button', class: 'qz-go', disabled: true, onclick: () => {
        take.disabled = true;
        const canvas = h('canvas', {width: video.videoWidth, height: video.videoHeight});
        canvas.getContext('2d').drawImage(video, 0, 0);
        canvas.toBlob(send, 'image/jpeg', 0.95);
      }}, 'Take the picture');
      video.addEventListener('playing', () => { take.disabled = false; });
      video.srcObject = stream;
      inside.replaceChildren(video, h('div', {class: 'qz-row'}, take, h('button', {type: 'button', onclick: offer}, 'Cancel')), note);
    }

    me.id ? taken() : offer();
    const details = h('details', {class: 'qz-details', ontoggle: () => { if (!details.open) stop(); }}, h('summary', {}, 'Put yourself among them'), inside);
    details.open = Boolean(me.id);
    return details;
  }
  return me;
}

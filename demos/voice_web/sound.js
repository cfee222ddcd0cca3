// Sounds as the page keeps them, and the one player: whatever is begun stops what was playing.

/** Base64 text -> Uint8Array. */
export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** What Python sends, little-endian int16 in base64 -> {samples (Float32Array in -1..1), rate, seconds, pcm (Int16Array)}. */
export function sound(text, rate) {
  const pcm = new Int16Array(bytes(text).buffer);
  return {samples: Float32Array.from(pcm, (v) => v / 32768), pcm, rate, seconds: pcm.length / rate};
}

/** Int16Array -> a WAV file as a Blob. */
export function wav(pcm, rate) {
  const head = new DataView(new ArrayBuffer(44)), size = pcm.length * 2;
  const put = (at, text) => [...text].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  put(0, 'RIFF'); head.setUint32(4, 36 + size, true); put(8, 'WAVEfmt '); head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); head.setUint16(22, 1, true); head.setUint32(24, rate, true); head.setUint32(28, rate * 2, true);
  head.setUint16(32, 2, true); head.setUint16(34, 16, true); put(36, 'data'); head.setUint32(40, size, true);
  return new Blob([head, pcm], {type: 'audio/wav'});
}

let context = null, now = null;

/** What plays at this moment, {sound, seconds}, or null. */
export const playing = () => now && {sound: now.sound, seconds: Math.min(now.sound.seconds, now.from + context.currentTime - now.since)};

/** Play a sound from a moment on; `onmove(seconds)` is told where it is at every frame, `onstop(seconds)` where it ended: at its end, or when something else began. */
export function play(one, from, {onmove, onstop}) {
  stop();
  context ??= new AudioContext();
  context.resume();
  const source = context.createBufferSource(), buffer = context.createBuffer(1, one.samples.length, one.rate);
  buffer.copyToChannel(one.samples, 0);
  source.buffer = buffer;
  source.connect(context.destination);
  const mine = now = {sound: one, source, from, since: context.currentTime, onstop};
  source.onended = () => { if (now === mine) { now = null; onstop(one.seconds); } };
  source.start(0, from);
  const move = () => {
    if (now !== mine) return;
    onmove(playing().seconds);
    requestAnimationFrame(move);
  };
  move();
}

export function stop() {
  if (!now) return;
  const {source, onstop} = now, {seconds} = playing();
  now = null;
  source.stop();
  onstop(seconds);
}

addEventListener('play', () => stop(), true); // the players of the browser's own, in a recorder, have the floor to themselves, too

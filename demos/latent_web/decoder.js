// Faces drawn by the page itself: the VAE's decoder in a thread of its own (decoder_worker.js), fetched once from the app's server.

// The decoder of the page_file at `url`, once it is ready to draw:
//   size, latents   of a picture's side, and of z
//   notes           the file's own description (models/page_decoder.py)
//   tensors         by name, those that do not draw (readout_weight, natural, ...): Float32Arrays with a property `shape`
//   kernel          how it computes, fastest first: "fused", "simd" (WebAssembly) or "plain" (JavaScript); ask for one by `{kernel}`
//   decode(z)       z, an array of `latents` numbers -> Promise of an ImageData, size x size. Answers come in the order of the questions.
//   ms              that the last decode took in its thread
//   close()         ends the thread; decodes that wait are rejected
// Where something fails, the promise is rejected with an Error whose message is a sentence for a person.
export async function openDecoder(url, {kernel} = {}) {
  const worker = new Worker(new URL('./decoder_worker.js', import.meta.url), {type: 'module'});
  const waiting = new Map();
  let asked = 0, ended = null;

  const end = sentence => {
    ended ??= new Error(sentence);
    worker.terminate();
    for (const {reject} of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.onerror = event => {
    event.preventDefault();
    end('The decoder could not be started in this browser.');
  };
  worker.onmessage = ({data: {id, result, error}}) => {
    const {resolve, reject} = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result); else reject(new Error(error));
  };
  const ask = message => new Promise((resolve, reject) => {
    if (ended) return reject(ended);
    waiting.set(asked, {resolve, reject});
    worker.postMessage({id: asked++, ...message});
  });

  const opened = await ask({file: {url: new URL(url, document.baseURI).href, kernel}}).catch(error => {
    end(error.message);
    throw error;
  });
  const {notes, kernel: chosen, tensors} = opened, {size, latents} = notes;
  const decoder = {
    size, latents, notes, kernel: chosen, ms: NaN,
    tensors: Object.fromEntries(tensors.map(({name, numbers, shape}) => [name, Object.assign(numbers, {shape})])),
    async decode(z) {
      if (z.length !== latents || !Array.prototype.every.call(z, Number.isFinite)) throw new Error(`A face is ${latents} finite numbers, unlike these ${z.length}.`);
      const {pixels, ms} = await ask({z: Float32Array.from(z)});
      decoder.ms = ms;
      return new ImageData(pixels, size, size);
    },
    close: () => end('The decoder was closed.'),
  };
  return decoder;
}

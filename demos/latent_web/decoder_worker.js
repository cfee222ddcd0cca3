// The decoder's own thread: opens a file, then answers each z with a picture. Started by decoder.js alone.

import {Network, toPixels} from './decoder_network.js';
import {Safetensors} from './safetensors.js';

const WARM_UP = 3;  // decodes before the first that counts: browsers compile code well only after they saw it run

let network;

async function open({url, kernel}) {
  const answer = await fetch(url).catch(error => { throw new Error('The decoder could not be fetched: is the app still running?', {cause: error}); });
  if (!answer.ok) throw new Error(`The decoder could not be fetched: the server answered ${answer.status}.`);
  const file = new Safetensors(await answer.arrayBuffer());
  network = new Network(file, kernel);
  for (let i = 0; i < WARM_UP; i++) network.draw(new Float32Array(network.notes.latents));
  const ours = new Set([network.notes.linear, ...network.notes.layers].flatMap(({name}) => [`${name}.weight`, `${name}.bias`]));
  const tensors = file.names.filter(name => !ours.has(name)).map(name => ({name, numbers: file.get(name), shape: file.shape(name)}));
  return [{notes: network.notes, kernel: network.kernel, tensors}, tensors.map(({numbers}) => numbers.buffer)];
}

function decode(z) {
  const start = performance.now(), pixels = toPixels(network.draw(z));
  return [{pixels, ms: performance.now() - start}, [pixels.buffer]];
}

onmessage = async ({data: {id, file, z}}) => {
  try {
    const [result, moved] = file ? await open(file) : decode(z);
    postMessage({id, result}, moved);
  } catch (error) {
    postMessage({id, error: error.message});
  }
};

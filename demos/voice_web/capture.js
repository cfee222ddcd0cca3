// Hands on what the microphone hears, block by block, as it is: no coder between.
registerProcessor('capture', class extends AudioWorkletProcessor {
  process([input]) {
    if (input[0]?.length) this.port.postMessage(input[0].slice());
    return true;
  }
});

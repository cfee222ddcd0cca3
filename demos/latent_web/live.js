// Faces while a slider is dragged: drawn in this page where it is quick enough, else by the server. One source for the whole page, however many canvases,
// strips and grids ask. Only the newest face of a canvas is ever wanted, so that nothing stale queues up, and a drag ends on its last face.
//
// ?way=page or ?way=server in the address insists on one of the two, to compare them.

const at = (path) => new URL('../' + path, import.meta.url);  // this module lies at latent/web/live.js
const FAST = 60;  // a page that takes longer, in milliseconds a face, leaves it to the server if that is quicker
const STUCK = {page: 4000, server: 10000};  // longer than this no face takes, in milliseconds
const PATIENCE = 6;  // tries before the page stops asking by itself
const insisted = new URLSearchParams(location.search).get('way');

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

class Failure extends Error {
  constructor(sentence, again) { super(sentence); this.again = again; }
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, failed) => { timer = setTimeout(() => failed(Error('The browser takes too long to draw a face.')), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// -- two ways to a face: `free()`, whether it can take a face now, or in how many milliseconds it may be asked again; `draw(z)` -> ImageData ----------

let decoder = null;  // what openDecoder gave, once it has

const page = {
  name: 'page', busy: 0, lasted: [],
  free: () => decoder && page.busy < 1 ? 0 : Infinity,
  async draw(z) {
    if (z.length !== decoder.latents || !z.every(Number.isFinite)) throw new Failure(`A face is ${decoder.latents} finite numbers; these are ${z.length}.`);
    return within(STUCK.page, decoder.decode(z));
  },
};

// With a long way to the server up to four faces travel at once, evenly spread: each takes as long as before, but more come in a second. Next door one at a
// time is enough, and where the server itself takes the time, more at once would only make everybody's longer. The shortest of the last trips tells how
// long the way is: in the others this page was busy.
const server = {
  name: 'server', busy: 0, lasted: [], trips: [], asked: -1e9, pen: null,
  pace() {
    const way = Math.min(...server.trips.map(({way}) => way)), inside = median(server.trips.map(({inside}) => inside));
    const atOnce = server.trips.length ? Math.min(4, 1 + Math.floor(way / Math.max(30, 2 * inside))) : 1;
    return {atOnce, gap: atOnce > 1 ? (way + inside) / atOnce : 0};
  },
  free() {
    const {atOnce, gap} = server.pace();
    return server.busy < atOnce ? Math.max(0, server.asked + gap - performance.now()) : Infinity;
  },
  async draw(z) {
    const start = server.asked = performance.now();
    let answer, picture;
    try {
      answer = await fetch(at('decode'), {method: 'POST', body: Float32Array.from(z), signal: AbortSignal.timeout(STUCK.server)});
      picture = answer.ok ? await createImageBitmap(await answer.blob()) : null;
    } catch {
      throw new Failure('No answer from the server.', true);
    }
    if (!picture) {
      const said = answer.headers.get('Content-Type')?.startsWith('text/plain') ? await answer.text() : `The server answers with error ${answer.status}.`;
      throw new Failure(said, answer.headers.has('Retry-After') || answer.status > 503);
    }
    const total = performance.now() - start, inside = +/dur=([\d.]+)/.exec(answer.headers.get('Server-Timing'))?.[1] || 0;
    server.trips = [...server.trips.slice(-14), {way: total - inside, inside}];
    const {width, height} = picture;
    if (server.pen?.canvas.width !== width) {
      server.pen = Object.assign(document.createElement('canvas'), {width, height}).getContext('2d', {willReadFrequently: true});
    }
    server.pen.drawImage(picture, 0, 0);
    return server.pen.getImageData(0, 0, width, height);
  },
};

// -- who draws ---------------------------------------------------------------------------------------------------------------------------------

let way = insisted === 'page' ? page : server;  // until it is known whether the page is quick enough, the server draws
let started = false, opening = null;

/** The decoder of this page, as decoder.js opens it: {size, latents, tensors, notes, decode}. Opened once, with the first call. */
export function opened() {
  opening ??= import('./decoder.js').then(({openDecoder}) => openDecoder(at('face.safetensors')));
  return opening;
}

async function choose() {
  if (insisted === 'server') return;
  try {
    decoder = await opened();
    const z = new Float32Array(decoder.latents);
    for (let rest = 2000; decoder && (insisted || way === server); rest = Math.min(60000, 2 * rest)) {  // what is slow now may be quick when the computer has less to do
      const lasted = [];
      for (let i = 0; i < 6; i++) {
        const start = performance.now();
        await page.draw(z);
        lasted.push(performance.now() - start);
      }
      page.lasted = [Math.min(...lasted)];  // what else this page does only adds
      if (insisted || page.lasted[0] <= Math.max(FAST, median(server.lasted) ?? 0)) return use(page);
      await new Promise((done) => setTimeout(done, rest));
    }
  } catch (error) {
    decoder = null;
    if (insisted) tell(`This browser cannot draw the faces, so the server does. (${error.message})`);
    use(server);
  }
}

function use(other) {
  const changed = way !== other;
  way = other;
  for (const painter of painters) if (changed || other === page) painter.onway(way.name, median(way.lasted));
  pump();
}

// -- what is to be drawn, newest faces of the canvases first, then strips and grids in their order -----------------------------------------------

const painters = new Set(), queue = [];
let failures = 0, pause = 0, timer = 0, told = '';

function next() {
  for (const painter of painters) {
    if (!painter.wanted) continue;
    const job = painter.wanted;
    painter.wanted = null;
    painters.delete(painter);  // to the end: every canvas gets its turn
    painters.add(painter);
    return job;
  }
  return queue.shift();
}

function pump() {
  clearTimeout(timer);
  if (document.hidden) return;  // nobody sees it; the newest is drawn when somebody does
  for (;;) {
    if (!queue.length && ![...painters].some((painter) => painter.wanted)) return;
    const wait = Math.max(way.free(), pause - performance.now());
    if (wait > 0) {
      if (wait < Infinity) timer = setTimeout(pump, wait);  // else whatever ends next calls
      return;
    }
    run(next());
  }
}

async function run(job) {
  const used = way, start = performance.now();
  let image, error;
  used.busy++;
  try {
    image = await used.draw(job.z);
  } catch (reason) {
    error = reason;
  }
  used.busy--;
  if (error) {
    failed(job, used, error);
    pump();
    return;
  }
  used.lasted = [...used.lasted.slice(-14), performance.now() - start];
  failures = 0;
  tell('');
  pump();  // the next face is drawn while this one is painted
  job.done(image);
}

function failed(job, used, error) {
  if (error instanceof Failure && !error.again) {  // this is no face, or there is no network to draw it with
    job.failed(error);
    tell(error.message);
  } else if (used === page) {  // from now on the server draws
    decoder = null;
    job.again();
    if (way === page) use(server);
  } else if (decoder) {  // slow, but better than nothing
    job.again();
    use(page);
  } else if (way === page) {
    job.again();
  } else {
    if (performance.now() >= pause) {  // of faces that travel together one counts
      failures++;
      pause = performance.now() + Math.min(4000, 250 * 2 ** failures);
    }
    if (failures < PATIENCE) {
      job.again();
      tell(error.message + ' Trying again …');
    } else {
      failures = pause = 0;
      job.failed(error);
      for (const other of queue.splice(0)) other.failed(error);
      tell(error.message + ' Move a slider to try again.');
    }
  }
}

function tell(sentence) {
  if (sentence === told) return;
  told = sentence;
  for (const painter of painters) painter.onerror(sentence);
}

function start() {
  if (started) return;
  started = true;
  document.addEventListener('visibilitychange', pump);
  choose();
}

// -- what the other modules call ---------------------------------------------------------------------------------------------------------------

/**
 * A face on a canvas, drawn anew with each `paint(z)`, z a list of Z numbers: the newest wins, and an older face never follows a newer one.
 *
 * `onpaint(image, z)` comes with each face that has been painted, `image` its ImageData at the size of the network; `onway(way, ms)` when it is known or
 * changes who draws ('page' or 'server') and twice a second while faces come, with the milliseconds that a face takes; `onerror(sentence)` with what a
 * person should read, and with '' when that is over. `.fps` are the faces painted in the last second.
 */
export function openPainter(canvas, {onpaint = () => {}, onway = () => {}, onerror = () => {}} = {}) {
  const pen = canvas.getContext('2d'), sheet = document.createElement('canvas').getContext('2d');
  const painter = {wanted: null, onway, onerror};
  let asked = 0, painted = 0, times = [], reported = 0;

  function put(image) {
    if (sheet.canvas.width !== image.width || sheet.canvas.height !== image.height) Object.assign(sheet.canvas, {width: image.width, height: image.height});
    sheet.putImageData(image, 0, 0);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(sheet.canvas, 0, 0, canvas.width, canvas.height);
  }

  function job(z) {
    const number = ++asked;
    return {
      z,
      done(image) {
        if (number < painted) return;
        painted = number;
        put(image);
        const now = performance.now();
        times = [...times.filter((time) => time > now - 1000), now];
        if (now > reported + 500) {
          reported = now;
          onway(way.name, median(way.lasted));
        }
        onpaint(image, z);
      },
      again() { if (number > painted) painter.wanted ??= this; },
      failed() {},
    };
  }

  painters.add(painter);
  start();
  return {
    paint(z) {
      painter.wanted = job(Float32Array.from(z));
      pump();
    },
    get way() { return way.name; },
    get fps() { return times.filter((time) => time > performance.now() - 1000).length; },
  };
}

/** The face of z, a list of Z numbers, as ImageData, once the canvases have theirs. Rejects with a sentence when there is none to be had. */
export function decodeOnce(z) {
  start();
  return new Promise((done, failed) => {
    const job = {z: Float32Array.from(z), done, failed, again: () => queue.unshift(job)};
    queue.push(job);
    pump();
  });
}

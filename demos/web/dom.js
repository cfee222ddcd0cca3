// What the modules of all tabs share: make elements, write numbers, keep a drawing in step with what it shows.

/** An element: `h('p', {class: 'note', onclick: f}, 'text', child)`. Functions become listeners, true an empty attribute; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A number as it is printed: `signed(-0.51, 1)` is "−0.5", and what rounds to nothing is "0.0". */
export function signed(value, digits = 2, plus = true) {
  const text = Math.abs(value).toFixed(digits);
  return +text === 0 ? text : (value < 0 ? '−' : plus ? '+' : '') + text;
}

/** ImageData -> the whole canvas, enlarged smoothly. */
export function show(canvas, image) {
  const sheet = h('canvas', {width: image.width, height: image.height}), pen = canvas.getContext('2d');
  sheet.getContext('2d').putImageData(image, 0, 0);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(sheet, 0, 0, canvas.width, canvas.height);
}

/**
 * Draws many things one after another, and starts afresh when asked again: `const redraw = series(); redraw(jobs, work)` calls `await work(job)` for
 * each job until it is called again. A failure ends the series and is thrown; the promise tells whether the series came to its end.
 */
export function series() {
  let newest = 0;
  return async (jobs, work) => {
    const mine = ++newest;
    for (const job of jobs) {
      await work(job, () => mine === newest);
      if (mine !== newest) return false;
    }
    return true;
  };
}

/** The style sheet at that address, once however often it is asked for. */
export function styled({href}) {
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return null;
  return new Promise((done) => document.head.append(h('link', {rel: 'stylesheet', href, onload: done, onerror: done})));
}

/** Hands a file to the person. */
export function download(address, name) {
  h('a', {href: address, download: name}).click();
}

let count = 0;
/** An id that no other element has. */
export const unique = (prefix) => `${prefix}-${++count}`;

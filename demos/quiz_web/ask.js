// What the page asks of the app: JSON, and faces as pictures that are ready to be drawn.

/** The answer to `quiz/<path>`: a GET, or with `body` a POST. Throws an Error whose message is for a person. */
export async function ask(path, body = null, method = body ? 'POST' : 'GET') {
  let answer;
  try {
    answer = await fetch(new URL('quiz/' + path, document.baseURI), {method, body: body instanceof Blob ? body : body && JSON.stringify(body)});
  } catch {
    throw new Error('The app does not answer. Try again.');
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.error ?? 'The app is busy. Try again.');
  return told;
}

/** Face `number` of a round, decoded: {src}. */
export async function faceOf(round, number) {
  const answer = await fetch(new URL(`quiz/${round}/face/${number}`, document.baseURI));
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? 'The face did not arrive. Try again.');
  const src = URL.createObjectURL(await answer.blob()), image = new Image();
  image.src = src;
  await image.decode();
  return {src};
}

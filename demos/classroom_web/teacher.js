// The teacher's panel: opens a room, shows it to the class, and is alone in having the secret that moves it on.
const KEY = 'class-room', COLOURS = ['#4f46e5', '#b45309', '#0f766e', '#be185d', '#1d4ed8', '#4d7c0f'];
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const per = (share) => Math.round(100 * share) + '\u00a0%';
const between = ([low, high]) => `95 % interval ${Math.round(100 * low)} to ${Math.round(100 * high)}\u00a0%`;
const many = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

function made(kind, text = '', name = '') {
  const element = document.createElement(kind);
  element.textContent = text;
  element.className = name;
  return element;
}

export function start(element, {server, rival}) {
  const find = (name) => element.querySelector('.cr-' + name);
  let room = null, now = null, following = 0;
  const say = (text = '') => { find('note').textContent = text; };

  async function call(path, method = 'GET') {
    const answer = await fetch(new URL('room' + path, document.baseURI), {method, headers: room ? {Authorization: 'Bearer ' + room.secret} : {}});
    const told = answer.headers.get('Content-Type')?.startsWith('text/csv') ? await answer.blob() : await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(told.error || 'The app is busy. Try again.'), {status: answer.status});
    return told;
  }

  async function enter(opened) {
    room = opened;
    now = null;
    sessionStorage.setItem(KEY, JSON.stringify(room));
    find('closed').hidden = true;
    find('room').hidden = false;
    find('code').textContent = room.code;
    follow(++following);
    const way = await call(`/${room.code}/invitation?here=` + encodeURIComponent(document.baseURI));
    find('address').textContent = way.address;
    find('warning').textContent = way.warning ?? '';
    find('warning').hidden = !way.warning;
    find('qr').innerHTML = way.qr;
  }

  function leave() {
    following++;
    room = now = null;
    sessionStorage.removeItem(KEY);
    find('closed').hidden = false;
    find('room').hidden = true;
  }

  // One request waits for news at a time; the second panel of a page, in a tab that is not on show, waits for none.
  async function follow(mine) {
    for (let wait = 1; mine === following; ) {
      try {
        if (!element.isConnected) return;
        if (!element.querySelector('.cr').offsetParent && !document.fullscreenElement) { await sleep(500); continue; }
        const told = await call(`/${room.code}/board?seen=` + (now?.tag ?? ''));
        if (mine !== following) return;
        if (wait > 1) say();
        wait = 1;
        show(told);
        if (told.state === 'ended') return;
        await sleep(250);
      } catch (error) {
        if (mine !== following) return;
        if (error.status === 404 || error.status === 403) { leave(); say('The room has expired: open another.'); return; }
        say((error.status ? error.message : 'The app does not answer.') + ' Trying again ...');
        await sleep(1000 * wait * (0.5 + Math.random() / 2));
        wait = Math.min(8, 2 * wait);
      }
    }
  }

  function show(told) {
    now = told;
    const asked = now.number > 0, out = now.correct !== undefined, voting = now.state === 'voting', over = now.state === 'ended';
    find('room').dataset.state = now.state;
    const image = element.querySelector('.cr-picture img');
    image.hidden = !asked;
    find('wait').hidden = asked;
    if (asked && image.dataset.key !== room.code + now.picture) {
      image.src = new URL(`room/${room.code}/picture/${now.picture}`, document.baseURI);
      image.dataset.key = room.code + now.picture;
    }
    find('prompt').textContent = over ? 'The room is closed.' : asked ? `${now.number}. ${now.prompt}` : '';
    find('count').textContent = !asked ? many(now.joined, 'phone') + ' in the room' : over && !out ? '' : `${many(now.voted, 'vote')} from ${many(now.joined, 'phone')}`;
    find('bars').hidden = !out;
    find('bars').replaceChildren(...(out ? now.options.map((option, i) => {
      const bar = made('div', '', 'cr-bar'), share = now.voted ? now.votes[i] / now.voted : 0, line = made('i');
      line.style.setProperty('--cr', COLOURS[i]);
      line.style.setProperty('--share', 100 * share + '%');
      bar.append(made('span', (i === now.correct ? '✓ ' : '') + option), made('span', `${now.votes[i]} · ${per(share)}`), line);
      return bar;
    }) : []));
    find('told').textContent = out ? now.told + (now.interval ? ` ${per(now.votes[now.correct] / now.voted)} of you were right (${between(now.interval)}).` : '') : '';
    find('score').replaceChildren(...score(now.score));
    find('next').hidden = voting || over;
    find('next').textContent = asked ? 'Next' : 'First question';
    find('reveal').hidden = !voting;
    find('end').hidden = over;
    element.querySelector('.cr-buttons .cr-open').hidden = !over;
  }

  function score(of) {
    if (!of) return [];
    const line = made('div', '', 'cr-line'), range = made('b'), point = made('b'), [low, high] = of.interval, share = of.right / of.of;
    range.style.left = 100 * low + '%';
    range.style.width = 100 * (high - low) + '%';
    point.style.left = 100 * share + '%';
    line.append(range, point);
    line.style.setProperty('--chance', 100 / now.options.length + '%');
    line.title = 'The thin line is chance.';
    const lines = [made('div', `The class so far: ${per(share)} of ${many(of.of, 'vote')} right (${between(of.interval)}).`), line,
      made('div', `Taken together, by the most frequent answer: ${of.majority} of ${of.questions} right.` + (of.rival_of ? ` ${rival}: ${of.rival_right} of ${of.rival_of}.` : ''))];
    return lines;
  }

  // A button waits for its answer; what went wrong is said below.
  function act(name, work) {
    for (const button of element.querySelectorAll('.cr-' + name)) {
      button.addEventListener('click', async () => {
        button.disabled = true;
        say();
        try { await work(); } catch (error) { say(error.status ? error.message : 'The app does not answer. Try again.'); }
        button.disabled = false;
      });
      button.disabled = false; // until this script has arrived, a click would be lost
    }
  }
  act('open', async () => {
    room = null;
    await enter(await call('', 'POST'));
    find('room').scrollIntoView({behavior: 'smooth', block: 'start'});
  });
  act('next', async () => {
    const told = await server.ask({code: room.code, secret: room.secret, after: now.number});
    if (told.error) throw Object.assign(new Error(told.error), {status: 400});
    show(await call(`/${room.code}/board?seen=` + now.tag));
  });
  act('reveal', async () => show(await call(`/${room.code}/reveal`, 'POST')));
  act('end', async () => show(await call(`/${room.code}/end`, 'POST')));
  act('csv', async () => {
    const link = made('a');
    link.href = URL.createObjectURL(await call(`/${room.code}/votes.csv`));
    link.download = `room-${room.code}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  find('full').addEventListener('click', () => document.fullscreenElement ? document.exitFullscreen() : element.querySelector('.cr').requestFullscreen());

  const known = sessionStorage.getItem(KEY);
  if (known) enter(JSON.parse(known)).catch((error) => { if (following && error.status !== 404) say(error.message); });
}

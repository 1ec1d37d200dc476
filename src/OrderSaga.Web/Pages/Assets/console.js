// Small helps for pages that work without: live updates, times that go on, keys, copying, retries in batches.
'use strict';
(() => {
  const $ = (what, from = document) => from.querySelector(what), $$ = (what, from = document) => [...from.querySelectorAll(what)];
  const clock = () => new Date().toISOString().slice(11, 19);
  const took = ms => { const s = Math.max(0, Math.floor(ms / 1000)), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24); return s < 60 ? s + ' s' : m < 60 ? m + ' min ' + s % 60 + ' s' : h < 24 ? h + ' h ' + m % 60 + ' min' : d + ' d ' + h % 24 + ' h'; };
  const off = () => localStorage.getItem('keys') === 'off';
  let stamp = document.body.dataset.live, held = false, lost = null, drift = 0;

  const say = (kind, text) => { const live = $('#live'); if (live) { live.className = 'live ' + kind; $('span', live).textContent = text; } };
  const ages = () => { for (const el of $$('[data-since]')) { const text = took(Date.now() + drift - el.dataset.since); if (el.textContent !== text) el.textContent = text; } };

  // Values change where they stand. What is being typed in or is open stays as it is; rows that are new wait to be asked for.
  const bare = el => el.outerHTML.replace(/(name="form" value=")[^"]*|( open="")|(data-since="\d+">)[^<]*/g, '$1$3');
  const typed = el => $$('input, textarea, select', el).some(i => i.type === 'checkbox' ? i.checked !== i.defaultChecked : i.matches('input, textarea') && i.value !== i.defaultValue);
  const patch = (old, now) => {
    if (bare(old) === bare(now) || $('[data-sent]', old) || typed(old) || (old.contains(document.activeElement) && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName))) return;
    const focus = old.contains(document.activeElement) && document.activeElement.id;
    for (const open of $$('details[id]', old)) { const same = now.querySelector('#' + CSS.escape(open.id)); if (same) same.open = open.open; }
    if (old.dataset.part === 'rows') rows(old, now); else old.replaceChildren(...now.childNodes);
    if (focus) document.getElementById(focus)?.focus();
  };
  const rows = (old, now) => {
    const known = new Map($$('tr[id]', old).map(row => [row.id, row])), there = new Set();
    let newer = 0;
    for (const row of $$('tr[id]', now)) { const had = known.get(row.id); there.add(row.id); if (!had) newer++; else if (bare(had) !== bare(row)) had.replaceChildren(...row.childNodes); }
    for (const [id, row] of known) row.classList.toggle('gone', !there.has(id));
    const button = $('#newer');
    if (button) { button.hidden = !newer; button.textContent = newer + (newer === 1 ? ' newer order. ' : ' newer orders. ') + 'Show them'; }
  };
  const tell = page => { const now = $('[data-now]', page); if (now) drift = now.dataset.now - Date.now(); };
  const look = async () => {
    if (document.hidden || held) return;
    const response = await fetch(location.href, { headers: { 'If-None-Match': stamp }, cache: 'no-store', redirect: 'error' });
    if (response.status === 200) {
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      stamp = page.body.dataset.live || stamp;
      tell(page);
      for (const now of $$('[data-part][id]', page)) { const old = document.getElementById(now.id); if (old) patch(old, now); }
    } else if (response.status !== 304) throw new Error(response.status);
    lost = null;
    say('on', 'Live, ' + clock());
  };
  const follow = async () => {
    try { await look(); } catch { lost = lost || clock(); say('lost', 'Not live since ' + lost + ', trying again'); }
    setTimeout(follow, lost ? 3000 : 1000);
  };
  if (stamp) { tell(document); say('on', 'Live, ' + clock()); setTimeout(follow, 1000); document.addEventListener('visibilitychange', () => document.hidden || look().catch(() => {})); }
  setInterval(ages, 1000);

  // Nothing that changes an order has a key.
  let before = '';
  const go = { o: '/console', l: '/console/orders', h: '/console/hand', a: '/console/audit' };
  const step = by => { const all = $$('.list tbody tr'), at = all.findIndex(row => row.classList.contains('at')), next = all[Math.max(0, Math.min(all.length - 1, at + by))]; if (!next) return; all[at]?.classList.remove('at'); next.classList.add('at'); ($('a', next) || next).focus(); };
  document.addEventListener('keydown', e => {
    if (e.key === 'Escape') { document.activeElement?.blur(); for (const open of $$('details.panel[open]')) { open.open = false; $('summary', open).focus(); } return; }
    if (e.ctrlKey || e.metaKey || e.altKey || off() || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
    const then = before + e.key; before = e.key === 'g' ? 'g ' : '';
    if (then.startsWith('g ') && go[e.key]) location.href = go[e.key];
    else if (e.key === '/') { e.preventDefault(); const search = $('#search'); search ? search.focus() : location.href = '/console/orders#search'; }
    else if (e.key === 'j') step(1); else if (e.key === 'k') step(-1);
    else if (e.key === 'n') $('#newer:not([hidden])')?.click(); else if (e.key === 'e') $('#export')?.click();
    else if (e.key === 'p') { held = !held; held ? say('', 'Held at ' + clock() + '. Press p to go on') : look().catch(() => {}); }
    else if (e.key === '?') $('#keys')?.togglePopover();
  });
  document.addEventListener('click', async e => {
    const copy = e.target.closest('[data-copy]');
    if (copy) { await navigator.clipboard?.writeText(copy.dataset.copy); copy.title = 'Copied'; }
    if (e.target.id === 'keys-off') { localStorage.setItem('keys', off() ? 'on' : 'off'); e.target.textContent = off() ? 'Turn keys on' : 'Turn keys off'; }
    if (e.target.id === 'newer') location.reload();
  });
  // Many at once: a batch begins when the one before is wholly answered, and the first failure is the end.
  document.addEventListener('submit', async e => {
    const form = e.target;
    if (form.dataset.sent) return e.preventDefault();
    if (!form.dataset.batches) { if (form.method === 'post') { form.dataset.sent = '1'; setTimeout(() => delete form.dataset.sent, 5000); } return; }
    e.preventDefault();
    form.dataset.sent = '1';
    const progress = $('.progress', form), tell = text => { $('p', progress).textContent = text; }, stop = $('[data-stop]', form), all = +form.dataset.batches;
    let done = 0, not = 0, failed = 0, page = null, stopped = false, sizes = [1, 2, 5], why = '';
    progress.hidden = false;
    if (stop) { stop.hidden = false; stop.onclick = () => { stopped = true; stop.disabled = true; }; }
    for (const size of (function* () { yield* sizes; for (;;) yield 20; })()) {
      tell(done + ' of ' + all + ' done; a batch of ' + Math.min(size, all - done) + ' is under way.');
      const data = new URLSearchParams(new FormData(form));
      data.set('most', size);
      if (page) data.set('page', page);
      let answer;
      try {
        const response = await fetch(form.action, { method: 'POST', body: data, headers: { Accept: 'application/json' } });
        answer = await response.json();
        if (!response.ok) { why = answer.why || answer.detail || response.status; break; }
      } catch { why = 'The answer got lost. What was begun goes on; see in the list what became of it.'; break; }
      done += answer.done; not += answer.refused; failed += answer.failed; page = answer.next;
      $('progress', progress).value = done + not + failed;
      if (answer.failures.length) why = answer.failures[0].why;
      if (failed || !page || stopped || answer.stopped) break;
    }
    tell((failed ? 'It stopped itself. ' : page && stopped ? 'Stopped. ' : '') + done + ' of ' + all + ' done, ' + failed + ' failed' + (not ? ', ' + not + ' not possible' : '') + '.' + (why ? ' ' + why : ''));
    if (stop) stop.hidden = true;
    delete form.dataset.sent;
  });
  if (location.hash === '#search') $('#search')?.focus();
  if (off() && $('#keys-off')) $('#keys-off').textContent = 'Turn keys on';
  ages();
})();

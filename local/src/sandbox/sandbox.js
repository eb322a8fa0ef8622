// Keeps the page up to date, and sends its forms without leaving it.
'use strict';

const byId = (id) => document.getElementById(id);

/** Milliseconds by which the stack's clock is ahead of this browser's. */
let ahead = 0;
let events = null;
/** The selection that `events` follows. */
let followed = null;
/** The part of the page to bring into sight when its panel has come, as the address names it (`#work-notes`). */
let sought = '';

/** Follows the stack with the selection of the page's address. Every panel comes again. */
function follow() {
    if (events) {
        events.close();
    }
    followed = location.search;
    events = new EventSource('events' + followed);
    events.addEventListener('open', () => connected(true));
    events.addEventListener('error', () => {
        connected(false);
        problem(events.readyState === EventSource.CLOSED
            ? 'The local stack has another address now. Open the first address that `cargo run -- up` has printed.'
            : 'The local stack does not answer. Is `cargo run -- up` still running?');
    });
    events.addEventListener('clock', (event) => {
        ahead = JSON.parse(event.data).now - Date.now();
        tick();
    });
    events.addEventListener('panel', (event) => {
        const { id, html } = JSON.parse(event.data);
        steadily(() => show(byId(id), html));
        problem('');
        tick();
        const found = sought && byId(id).querySelector(sought);
        if (found) {
            sought = '';
            found.scrollIntoView();
            found.focus({ preventScroll: true });
        }
    });
}

function connected(yes) {
    document.documentElement.dataset.connected = yes ? 'yes' : 'no';
    if (yes) {
        problem('');
    }
}

function problem(text) {
    const element = byId('problem');
    if (element.textContent !== text) {
        element.textContent = text;
        element.hidden = !text;
    }
}

/** A button's answer. The same sentence again is read out again, because the element is emptied before. */
function say(text, failed) {
    const said = byId('said');
    said.textContent = '';
    byId('news').textContent = '';
    requestAnimationFrame(() => steadily(() => {
        byId('message').classList.toggle('failed', failed);
        byId('message').classList.remove('warned');
        said.textContent = text;
    }));
}

/** What is below the pointer. */
let pointed = null;

/** Changes the page, and scrolls so that what is below the pointer, or has the focus, stays where it is. */
function steadily(change) {
    const tops = [pointed, document.activeElement].filter((element) => byId('columns').contains(element))
        .map((element) => [element, element.getBoundingClientRect()])
        .filter(([, { top, bottom }]) => bottom > 0 && top < innerHeight);
    change();
    const kept = tops.find(([element]) => element.isConnected);
    if (kept) {
        scrollBy(0, kept[0].getBoundingClientRect().top - kept[1].top);
    }
}

/** When something was announced that is more than a consequence (`data-minor`). */
let announcedAt = -Infinity;

/** Says what has changed on a part of the page that may be out of sight, with a link to it or with the links that it has. */
function announce(element) {
    const { announce: about, minor, state } = element.dataset;
    const text = (about && about + ': ') + element.textContent.trim();
    const isSaid = byId('news').textContent.trim() === text;
    if (!element.textContent.trim() || isSaid || (minor !== undefined && performance.now() - announcedAt < 3000)) {
        return;
    }
    if (minor === undefined) {
        announcedAt = performance.now();
    }
    const said = [...element.cloneNode(true).childNodes];
    if (about) {
        const link = document.createElement('a');
        link.href = '#' + element.id;
        link.textContent = text;
        said.splice(0, said.length, link);
    }
    steadily(() => {
        byId('message').classList.toggle('warned', state === 'wait' || state === 'bad');
        byId('news').replaceChildren(...said);
    });
}

/** The texts of the elements whose changes are announced, by what they are about. */
function announced(panel) {
    const elements = [...panel.querySelectorAll('[data-announce]')];
    return new Map(elements.map((element) => [element.id + element.dataset.announce, [element, element.textContent.trim()]]));
}

/** Shows a panel's new content. Elements that stay are kept, with what a person has typed, opened, scrolled to or focused. */
function show(panel, html) {
    const focused = panel.contains(document.activeElement) ? document.activeElement : null;
    const before = announced(panel);
    const wanted = document.createElement('template');
    wanted.innerHTML = html;
    update(panel, wanted.content);
    if (focused && document.activeElement !== focused) {
        const again = focused.isConnected ? focused : focused.id && byId(focused.id);
        (again || panel.closest('[tabindex]')).focus({ preventScroll: true });
    }
    for (const [key, [element, text]] of announced(panel)) {
        if (before.has(key) && before.get(key)[1] !== text) {
            announce(element);
        }
    }
}

/** What tells a node from its siblings: its id, or the first id in it. */
function keyOf(node) {
    return node.id || (node.querySelector && node.querySelector('[id]') || node).id || '';
}

function isSame(one, other) {
    return one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
}

/** Gives an element the children of another one, and keeps those that are the same. */
function update(element, wanted) {
    const children = [...wanted.childNodes];
    const keys = new Set(children.map(keyOf));
    const keyed = new Map([...element.childNodes].map((child) => [keyOf(child), child]));
    const stays = (child) => keyOf(child) && keys.has(keyOf(child));
    let next = element.firstChild;
    for (const child of children) {
        const present = keyOf(child) ? keyed.get(keyOf(child)) : next;
        if (!present || !isSame(present, child)) {
            element.insertBefore(child, next);
            continue;
        }
        while (next && next !== present && !stays(next)) {
            const gone = next;
            next = next.nextSibling;
            gone.remove();
        }
        if (present === next) {
            next = next.nextSibling;
        } else {
            element.insertBefore(present, next);
        }
        become(present, child);
    }
    while (next) {
        const gone = next;
        next = next.nextSibling;
        gone.remove();
    }
}

/** Attributes that are set by a person or by this script. */
const OWN = new Set(['open', 'data-touched', 'aria-busy']);

function become(node, wanted) {
    if (node.nodeType !== Node.ELEMENT_NODE) {
        if (node.data !== wanted.data) {
            node.data = wanted.data;
        }
        return;
    }
    for (const { name } of [...node.attributes]) {
        if (!wanted.hasAttribute(name) && !OWN.has(name)) {
            node.removeAttribute(name);
        }
    }
    for (const { name, value } of wanted.attributes) {
        if (node.getAttribute(name) !== value && !OWN.has(name)) {
            node.setAttribute(name, value);
        }
    }
    const { value } = node;
    update(node, wanted);
    if (node.matches('input, textarea, select')) {
        fill(node, wanted, value);
    }
}

/** A field shows what the stack has, until a person changes it. */
function fill(field, wanted, before) {
    if (['checkbox', 'radio'].includes(field.type)) {
        if (!field.dataset.touched) {
            field.checked = wanted.defaultChecked;
        }
        return;
    }
    const value = field.dataset.touched ? before : wanted.value;
    if (field.value !== value) {
        field.value = value;
    }
}

function select(address) {
    history.pushState(null, '', address);
    sought = location.hash;
    follow();
}

/** The page's address with some of its selection changed. */
function addressWith(changes) {
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(changes)) {
        query.set(key, value);
        if (!value) {
            query.delete(key);
        }
    }
    return '?' + query;
}

/** Ends when the last changed setting (`data-submit`) has been sent: the next button counts on it. */
let setting = Promise.resolve();

async function send(form, button) {
    const sent = [...form.elements].map((field) => [field, field.value]);
    const body = new URLSearchParams(new FormData(form, button));
    const before = setting;
    if (button) {
        button.setAttribute('aria-busy', 'true');
    }
    try {
        await before;
        const answer = await fetch(form.getAttribute('action'), { method: 'POST', body });
        const { message, select: changes } = outcome(await answer.text());
        say(message, !answer.ok);
        // 412: what was typed belongs to something that is not shown any more.
        const isDone = answer.ok || answer.status === 412;
        const released = isDone && sent.filter(([field, value]) => release(field, value)).length > 0;
        if (Object.keys(changes).length) {
            select(addressWith(changes));
        } else if (released) {
            follow();
        }
        if (!isDone) {
            const field = form.querySelector('input:not([type])');
            field?.focus();
            field?.select();
        }
    } catch {
        say('The local stack does not answer.', true);
    } finally {
        if (button) {
            button.removeAttribute('aria-busy');
        }
    }
}

/** What a button did; a refusal by the server itself is a plain text. */
function outcome(text) {
    try {
        return JSON.parse(text);
    } catch {
        return { message: text, select: {} };
    }
}

/** After its value was sent, a field shows again what the stack has; a choice from a list stays. Whether it was changed. */
function release(field, sent) {
    if (field.matches('[data-submit]')) {
        delete field.dataset.touched;
        return false;
    }
    if (!field.dataset.touched || field.value !== sent || field.nodeName === 'SELECT') {
        return false;
    }
    delete field.dataset.touched;
    if (field.defaultValue === '' && field.matches('textarea, input:not([type="checkbox"])')) {
        field.value = '';
    }
    return true;
}

/** Times to come (`data-until`) and the clock, on the stack's clock. */
function tick() {
    const now = Date.now() + ahead;
    const clock = byId('clock');
    const shown = new Date(now).toISOString();
    clock.dateTime = shown;
    clock.textContent = shown.slice(0, 10) + ' ' + shown.slice(11, 19);
    for (const element of document.querySelectorAll('[data-until]')) {
        element.textContent = left(Number(element.dataset.until) - now);
    }
}

function left(milliseconds) {
    const seconds = Math.ceil(milliseconds / 1000);
    if (seconds <= 0) {
        return 'now';
    }
    const parts = [[Math.floor(seconds / 86400), 'd'], [Math.floor(seconds / 3600) % 24, 'h'],
        [Math.floor(seconds / 60) % 60, 'min'], [seconds % 60, 's']];
    const first = parts.findIndex(([count]) => count);
    return 'in ' + parts.slice(first, first + 2).filter(([count]) => count).map((part) => part.join(' ')).join(' ');
}

document.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (!button || button.getAttribute('aria-busy') !== 'true') {
        send(event.target, button);
    }
});
document.addEventListener('input', (event) => {
    event.target.dataset.touched = 'yes';
    // The version of the settings that was shown when typing began.
    for (const field of event.target.form?.querySelectorAll('input[type="hidden"][id]') ?? []) {
        field.dataset.touched = 'yes';
    }
});
document.addEventListener('change', (event) => {
    if (event.target.matches('[data-submit]')) {
        setting = send(event.target.form, null);
    }
});
document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-select]');
    const record = event.target.closest('a[data-record]');
    if (record && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        select(addressWith({ record: record.dataset.record, view: '', skipped: '' }) + '#work-notes');
    }
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault();
        select(link.getAttribute('href'));
    }
    const copied = event.target.closest('button[data-copy]');
    if (copied) {
        const text = copied.parentElement.querySelector('code').textContent;
        navigator.clipboard.writeText(text).then(() => say('Copied.', false), () => say('The browser refuses to copy.', true));
    }
});
document.addEventListener('pointerover', (event) => {
    pointed = event.target;
});
window.addEventListener('popstate', () => {
    // A link to a part of the page leads nowhere else.
    if (location.search !== followed) {
        follow();
    }
});
// A browser keeps no more than six connections to a server: a page that is not seen needs none.
document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
        events.close();
        connected(false);
    } else {
        follow();
    }
});
setInterval(tick, 1000);
follow();

/** What the tests do again and again on the page, and what they see. */
'use strict'

const assert = require('node:assert/strict')
const { isDeepStrictEqual } = require('node:util')

const { PATIENCE } = require('./sandbox')

const COLUMNS = ['#mischief', '#servicenow', '#rescue', '#connector']

/** Makes a new incident, selects it, and returns its number. */
async function newIncident(sandbox, description) {
    const before = await sandbox.count('#record') ? await sandbox.text('#record h3') : ''
    if (description) {
        await sandbox.paste('#servicenow', 'Short description', description)
    }
    await sandbox.press('#servicenow', 'New incident')
    await sandbox.until('the new incident', (before) => {
        const title = document.querySelector('#record h3')
        return title && title.textContent !== before
    }, before)
    return sandbox.text('#record h3')
}

/** Presses the PIN button of the selected incident, and returns the PIN. */
async function pin(sandbox) {
    await sandbox.press('#servicenow', 'Rescue PIN')
    await sandbox.until('a PIN', () => /^[0-9]+$/.test(document.getElementById('pin')?.textContent ?? ''))
    return sandbox.text('#pin')
}

/** Connects in Rescue with a PIN, and returns the session's number. */
async function connect(sandbox, given) {
    const before = await session(sandbox)
    await sandbox.paste('#rescue', 'PIN', given)
    await sandbox.press('#rescue', 'Connect')
    return started(sandbox, before)
}

/** Starts a session in Rescue on a record, and returns its number. */
async function startSession(sandbox, record, customer = 'Paul Martin') {
    const before = await session(sandbox)
    await sandbox.paste('#rescue', 'Record number', record, 'combobox')
    await sandbox.paste('#rescue', 'Customer', customer)
    await sandbox.press('#rescue', 'Start without PIN')
    return started(sandbox, before)
}

/** Makes a new incident with a session whose start is delivered. */
async function runningSession(sandbox) {
    const incident = await newIncident(sandbox)
    const number = await startSession(sandbox, incident)
    await untilPost(sandbox, number, 'started', 'delivered')
    return { incident, number }
}

/** The number of the session in the console. */
async function session(sandbox) {
    const title = await sandbox.page.$('#console h3')
    return title ? /[0-9]+/.exec(await title.evaluate(({ textContent }) => textContent))[0] : ''
}

async function started(sandbox, before) {
    await sandbox.until('another session in the console', (before) => {
        const found = /[0-9]+/.exec(document.querySelector('#console h3')?.textContent ?? '')
        return found && found[0] !== before
    }, before)
    return session(sandbox)
}

async function endSession(sandbox, note) {
    if (note) {
        await sandbox.paste('#console', 'Note', note)
    }
    await sandbox.press('#console', 'End session')
}

/** Has posts held back, or not any more. */
async function hold(sandbox, yes) {
    await sandbox.click('#rescue', 'checkbox', 'Hold posts back')
    await sandbox.until(yes ? 'posts are held' : 'posts are not held', (yes) => {
        return document.querySelector('#rescue [type=checkbox]').defaultChecked === yes
    }, yes)
}

/** Waits until the connector's list has the post in this state, with this sentence. */
async function untilPost(sandbox, session, event, state, sentence = '') {
    await sandbox.until(`the ${event} of ${session} is ${state} ${sentence}`, (session, event, state, sentence) => {
        return [...document.querySelectorAll('#posts tbody')].some((post) => {
            const cells = [...post.rows[0].cells].map(({ textContent }) => textContent.trim())
            return cells[0] === session && cells[1]?.toLowerCase() === event &&
                post.querySelector('.state').textContent === state && post.textContent.includes(sentence)
        })
    }, session, event, state, sentence)
}

/**
 * What the stack shows at this moment. The page may be a moment behind: it does not tell that a queue is still empty, or that
 * time has passed already.
 */
async function served(sandbox) {
    return sandbox.page.evaluate(async () => {
        const answer = await fetch(location.href)
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
        const notes = [...page.querySelectorAll('#record article.note pre')]
        return {
            queued: Number(/sessions queue: ([0-9]+)/.exec(page.body.textContent)[1]),
            passing: page.getElementById('time-passing').textContent.trim(),
            notes: notes.map(({ textContent }) => textContent),
        }
    })
}

/** Waits as long as something changes. */
async function untilServed(sandbox, what, condition) {
    let since = Date.now()
    let shown = await served(sandbox)
    while (!condition(shown)) {
        assert.ok(Date.now() - since < PATIENCE, `Not seen: ${what} in ${JSON.stringify(shown)}`)
        const before = shown
        shown = await served(sandbox)
        since = isDeepStrictEqual(shown, before) ? since : Date.now()
    }
    return shown
}

/** Waits until the sessions queue is empty: no post will be delivered any more. */
function untilQueueIsEmpty(sandbox) {
    return untilServed(sandbox, 'an empty queue', ({ queued }) => queued === 0)
}

/** How many work notes of the selected record hold this text. */
async function notesWith(sandbox, text) {
    const { notes } = await served(sandbox)
    return notes.filter((note) => note.includes(text)).length
}

async function untilNote(sandbox, text) {
    await sandbox.untilText('#record article.note pre', text)
}

/** Asserts that the selected record has exactly one work note with this text, after everything was delivered. */
async function oneNote(sandbox, text) {
    await untilNote(sandbox, text)
    await untilQueueIsEmpty(sandbox)
    assert.equal(await notesWith(sandbox, text), 1, text)
}

/** Waits until the end of a session is delivered, and asserts that the selected record has its note once. */
async function untilNotedOnce(sandbox, number, note) {
    await untilPost(sandbox, number, 'ended', 'delivered')
    await oneNote(sandbox, note)
}

async function letPass(sandbox, time) {
    await sandbox.press('#mischief', time)
    await untilServed(sandbox, `${time} later`, ({ passing }) => passing === `Passed: ${time}.`)
}

/** Makes something fail, and waits until the page lists it. */
async function mischief(sandbox, name) {
    await sandbox.press('#mischief', name)
    await sandbox.untilText('#faults', name)
}

/** Waits until the fault has hit: it is over with the one request that it takes, or says what it has taken. */
async function untilHit(sandbox, name) {
    await sandbox.until(`${name} has hit`, (name) => {
        const listed = [...document.querySelectorAll('#faults li')].find(({ textContent }) => textContent.includes(name))
        return !listed || /has (taken|refused) [1-9]/.test(listed.textContent)
    }, name)
}

async function repair(sandbox) {
    await sandbox.press('#mischief', 'Everything works again')
    await sandbox.untilText('#faults', 'Everything works')
}

module.exports = {
    COLUMNS, connect, endSession, hold, letPass, mischief, newIncident, notesWith, oneNote, pin, repair, runningSession, session,
    startSession, started, untilHit, untilNote, untilNotedOnce, untilPost, untilQueueIsEmpty,
}

/** The page itself: hostile texts, keyboard, re-rendering, accessibility, narrow windows. tests/browser/run starts the stack. */
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { after, before, describe, it } = require('node:test')

const axe = require('axe-core')

const { ADDRESS, Sandbox } = require('./sandbox')
const {
    COLUMNS, connect, endSession, hold, letPass, mischief, newIncident, oneNote, pin, repair, runningSession, session, startSession,
    started, untilNote, untilNotedOnce, untilPost,
} = require('./story')

/** Texts that would be markup, or would leave the attribute or element that they stand in. */
const HOSTILE = [
    '[code]<script>alert(1)</script>[/code]',
    'de]<img src=x onerror=alert(1)>[/code]',
    '[CODE]<b>x</b>[/CODE]\u001b[31m',
    '"><img src=https://attacker.test/a.png onerror=alert(2)>',
    "'><svg onload=alert(3)>",
    '</textarea></pre></title><iframe src=https://attacker.test>',
    '{{ 7 * 7 }} ${7 * 7} &lt;b&gt; &#60;i&#62;',
    'http://attacker.test/"onmouseover="alert(4) javascript:alert(5)',
    '\u202e gpj.exe <a href=javascript:alert(6)>x</a>',
]

/** The elements that only the templates make: no text may become one. */
const OF_TEMPLATES = [
    'script[src="sandbox.js"]', '.story b', '.story i', '#log li > b:first-of-type', '#dead-letters li > p:first-child > b:first-child',
    '#servicenow p > b:only-child', '#checks li > b:last-child',
].join()

const ELEMENTS = [
    ...['b', 'i', 'img', 'script', 'svg', 'iframe', 'object', 'embed', 'style', 'base'].map((name) => `${name}:not(${OF_TEMPLATES})`),
    'body link', 'body meta', 'body title', '[style]',
    // Where only text is, and what the templates have beside it.
    'bdi *', 'output *', 'option *', 'code *', 'summary *', '#said *', 'pre > :not(a[href^="http"])', 'pre a *',
    '#record dd > :not(a[data-select])', '#records li > :not(a, span.state)', '#session-rows li > :not(a, span, br)',
    '#sessions li > :not(a, span.state, bdi)', '#session-posts td > :not(a, span, br, time, form)',
    '#console dd > :not(bdi, time)', '#posts th *', '#posts td > :not(a, span, time, .command)',
    '#log li > :not(time, span, b)', '#log li span *', '#log li b *', '#mails :is(h4, .state) *', '#dead-letters p > :not(b, span, code)',
].join()

/** Where a text from outside stands, for each kind of list, table and note. */
const PLACES = [
    '#record article.note pre', '#record dd', '#records li', '#sessions li bdi', '#console li bdi', '#console dd bdi',
    '#session-posts td', '#posts th[scope=row]', '#posts .about td', '#log li', '#log li span:last-child', '#post pre', 'code',
]

/** What has become an element, a handler or a script's address; in a copy of the page with `html` in this place, when there is one. */
function madeOf(sandbox, { place, html } = {}) {
    return sandbox.page.evaluate((elements, place, html) => {
        const root = place ? document.cloneNode(true) : document
        if (place) {
            root.querySelector(place).insertAdjacentHTML('beforeend', html)
        }
        const all = [...root.querySelectorAll('*')]
        const handlers = all.filter(({ attributes }) => [...attributes].some(({ name }) => name.startsWith('on')))
        const links = [...root.querySelectorAll('[href^="javascript:" i], [action^="javascript:" i]')]
        return [...root.querySelectorAll(elements), ...handlers, ...links].map(({ outerHTML }) => outerHTML)
    }, ELEMENTS, place, html)
}

async function assertOnlyText(sandbox) {
    assert.deepEqual(await madeOf(sandbox), [])
}

/**
 * Asserts that `assertOnlyText` would find each element, wherever a text stands. A `style`, and a handler of an event that there is,
 * would be reported by the policy of the page itself.
 */
async function assertFindsElements(sandbox) {
    for (const place of PLACES) {
        for (const html of [
            '<b>x</b>', '<i>x</i>', '<img src="data:,">', '<svg></svg>', '<script></script>', '<iframe></iframe>', '<object></object>',
            '<a href="javascript:alert(1)">x</a>', '<a href="https://attacker.test" onplanted="alert(1)">x</a>',
        ]) {
            assert.notDeepEqual(await madeOf(sandbox, { place, html }), [], `${html} in ${place} is not found`)
        }
    }
}

/** Opens every `details`, so that nothing is hidden. */
async function openAll(sandbox) {
    const hidden = await sandbox.page.$('#show-commands')
    if (!await hidden.evaluate(({ checked }) => checked)) {
        await hidden.click()
    }
    await sandbox.page.$$eval('details', (all) => all.forEach((details) => { details.open = true }))
}

const VIEWS = ['Records', 'Sessions', 'Settings', 'Status', 'E-mails']

async function show(sandbox, view) {
    await sandbox.follow('#servicenow', view)
    await sandbox.until(`the view ${view}`, (view) => {
        return document.querySelector('#servicenow nav [aria-current]').textContent.trim() === view
    }, view)
}

/** The whole page with this view, and with the first one each column. */
async function pictures(sandbox, view, suffix) {
    await sandbox.picture(`page-${view.toLowerCase()}-${suffix}`)
    if (view === VIEWS[0]) {
        for (const column of COLUMNS) {
            await sandbox.picture(`${column.slice(1)}-${suffix}`, column)
        }
    }
}

describe('the page', () => {
    let browser
    before(async () => { browser = await Sandbox.browser() })
    after(() => browser.close())

    const page = (name, options, test) => it(name, async () => {
        const sandbox = await Sandbox.open(browser, options)
        await test(sandbox)
        await sandbox.close()
    })

    // Before the other tests: they leave their records behind.
    it('looks as the picture of the README', { skip: process.env.UPDATE_PICTURE !== '1' }, async () => {
        const sandbox = await Sandbox.open(browser, { width: 1400, height: 1230 })
        await newIncident(sandbox, 'Printer does not print')
        const number = await connect(sandbox, await pin(sandbox))
        await endSession(sandbox, 'Driver reinstalled.')
        await untilPost(sandbox, number, 'ended', 'delivered')
        await untilNote(sandbox, 'Driver reinstalled.')
        await sandbox.page.evaluate(() => scrollTo(0, 0))
        const picture = await sandbox.page.screenshot({ type: 'webp', quality: 60 })
        assert.ok(picture.length <= 150 * 1024, `${picture.length} bytes`)
        fs.writeFileSync(path.join(__dirname, '..', '..', 'docs', 'sandbox.webp'), picture)
        await sandbox.close()
    })

    page('shows every text from outside as text', {}, async (sandbox) => {
        const incident = await newIncident(sandbox, HOSTILE[3].slice(0, 60))
        await startSession(sandbox, incident, HOSTILE[4])
        for (const text of HOSTILE) {
            await sandbox.paste('#console', 'Chat message', text)
            await sandbox.press('#console', 'Send')
        }
        await sandbox.untilText('#console', HOSTILE[5])
        await assertOnlyText(sandbox)
        await endSession(sandbox, HOSTILE.join('\n'))
        await untilNote(sandbox, 'attacker.test')
        await oneNote(sandbox, HOSTILE[6])
        await openAll(sandbox)
        await assertOnlyText(sandbox)
        await sandbox.click('#session-posts', 'link', 'ended')
        await sandbox.page.waitForSelector('#post pre')
        await assertFindsElements(sandbox)
        for (const format of ['XML', 'JSON', 'JSON in a session member', 'HTML form']) {
            await sandbox.click('#post', 'link', format)
            await sandbox.until(format, (format) => {
                return document.querySelector('#post nav [aria-current]').textContent.trim() === format
            }, format)
            await assertOnlyText(sandbox)
        }
        // A record that cannot be, as a number and in the ledger's sentences.
        for (const record of [HOSTILE[1], HOSTILE[4]]) {
            await startSession(sandbox, record, HOSTILE[0])
        }
        await sandbox.paste('#rescue', 'PIN', '<b>1</b>')
        await sandbox.press('#rescue', 'Connect', { fails: true })
        for (const view of VIEWS) {
            await show(sandbox, view)
            await openAll(sandbox)
            await assertOnlyText(sandbox)
        }
        await sandbox.page.goto(new URL(`?record=${encodeURIComponent(HOSTILE[3])}&session=${encodeURIComponent(HOSTILE[4])}&view=%22%3E%3Cimg%3E`, sandbox.page.url()))
        await sandbox.connected()
        await assertOnlyText(sandbox)
    })

    page('keeps what a person types, marks, opens and scrolls to, while it changes', {}, async (sandbox) => {
        const incident = await newIncident(sandbox)
        const number = await startSession(sandbox, incident)
        for (let count = 0; count < 3; count += 1) {
            await sandbox.paste('#console', 'Chat message', `Line ${count}`)
            await sandbox.press('#console', 'Send')
            await sandbox.untilText('#console', `Line ${count}`)
        }
        await sandbox.type('#console', 'Note', 'Half a sentence')
        await sandbox.page.keyboard.press('ArrowLeft')
        const typed = () => sandbox.page.evaluate(() => {
            const { id, value, selectionStart } = document.activeElement
            return { id, value, selectionStart }
        })
        const before = await typed()
        assert.equal(before.value, 'Half a sentence')
        const kept = await sandbox.page.evaluateHandle(() => document.activeElement)
        await sandbox.page.$eval('#record details', (details) => { details.open = true })

        // Another person works on the same session.
        const other = await Sandbox.open(browser, { query: new URL(sandbox.page.url()).search })
        await other.click('#sessions', 'link', number)
        await other.untilText('#console h3', number)
        await other.paste('#console', 'Chat message', 'From the other page')
        await other.press('#console', 'Send')
        await sandbox.untilText('#console', 'From the other page')
        assert.deepEqual(await typed(), before)
        assert.ok(await kept.evaluate((field) => field === document.activeElement))
        assert.ok(await sandbox.page.$eval('#record details', ({ open }) => open))

        // Marked text stays marked, to be copied.
        await sandbox.page.evaluate(() => getSelection().selectAllChildren(document.querySelector('#record h3')))
        await other.paste('#console', 'Chat message', 'Once more')
        await other.press('#console', 'Send')
        await sandbox.untilText('#console', 'Once more')
        await other.press('#record', 'Close the record')
        await sandbox.untilText('#record', 'Open it again')
        await other.press('#record', 'Open it again')
        await sandbox.untilText('#record', 'Close the record')
        assert.equal((await sandbox.page.evaluate(() => getSelection().toString())).trim(), incident)

        // A button that was pressed down before the panel changed is still the one that is released.
        const button = await sandbox.page.$(sandbox.named('#console', 'button', 'End session'))
        await button.scrollIntoView()
        const { x, y } = await button.clickablePoint()
        await sandbox.page.mouse.move(x, y)
        await sandbox.page.mouse.down()
        await mischief(other, 'Too many requests (429)')
        await sandbox.untilText('#faults', '429')
        await repair(other)
        await sandbox.untilText('#faults', 'Everything works')
        await sandbox.page.mouse.up()
        await sandbox.until('the session has ended', () => !document.querySelector('#console textarea[name=note]'))
        await oneNote(sandbox, 'Half a sentence')
        await other.close()
    })

    page('keeps the focus on a record while newer ones come before it', {}, async (sandbox) => {
        const incident = await newIncident(sandbox)
        await sandbox.page.focus('#records li:first-child a')
        const focused = await sandbox.page.evaluateHandle(() => document.activeElement)
        assert.equal(await focused.evaluate(({ textContent }) => textContent), incident)
        const other = await Sandbox.open(browser)
        const newer = await newIncident(other)
        await sandbox.untilText('#records li:first-child', newer)
        assert.ok(await focused.evaluate((link) => link === document.activeElement))
        assert.equal(await focused.evaluate(({ textContent }) => textContent), incident)
        await sandbox.page.keyboard.press('Enter')
        await sandbox.untilText('#record h3', incident)
        await other.close()
    })

    page('is used in seven pages of one window', {}, async (first) => {
        const pages = [first]
        while (pages.length < 7) {
            pages.push(await pages.at(-1).another())
        }
        const hidden = () => Promise.all(pages.map(({ page }) => page.evaluate(() => document.hidden)))
        let newest = await newIncident(pages.at(-1))
        for (const front of [0, 3, 5]) {
            await pages[front].page.bringToFront()
            assert.deepEqual(await hidden(), pages.map((_, index) => index !== front))
            // What happened while it was hidden is there when it is seen again.
            await pages[front].untilText('#records li:first-child', newest)
            newest = await newIncident(pages[front])
            await pages[front].untilText('#records li:first-child', newest)
        }
    })

    page('refuses a text that is too large, and goes on', {}, async (sandbox) => {
        const { number } = await runningSession(sandbox)
        await endSession(sandbox, 'Not too large.')
        await untilNotedOnce(sandbox, number, 'Not too large.')
        await sandbox.click('#session-posts', 'link', 'ended')
        await sandbox.page.waitForSelector('#post textarea')
        const replace = (text) => sandbox.page.$eval('#post textarea', (body, text) => {
            body.value = text
            body.dispatchEvent(new Event('input', { bubbles: true }))
        }, text)
        const body = await sandbox.page.$eval('#post textarea', ({ value }) => value)
        await replace(`${body}&Large=${`${'x'.repeat(99)}\n`.repeat(30_000)}`)
        assert.equal(await sandbox.press('#post', 'Post again', { fails: true }), 'That is too much text for this page.')
        assert.ok(await sandbox.page.$('#message.failed'))
        await replace(body)
        await sandbox.press('#post', 'Post again')
        await sandbox.untilText('#session-posts', 'ended, again')
        await untilNotedOnce(sandbox, number, 'Not too large.')
    })

    page('takes a refusal of the settings away when they are read again', {}, async (sandbox) => {
        await show(sandbox, 'Settings')
        const name = 'A session counts as missed after'
        const field = () => sandbox.page.waitForSelector(sandbox.named('#settings', 'textbox', name))
        const before = await (await field()).evaluate(({ value }) => value)
        await sandbox.paste('#settings', name, 'soon')
        await sandbox.press('#settings', 'Save the settings', { fails: true })
        await sandbox.page.waitForSelector('#settings-refusal')
        await sandbox.page.waitForSelector('#settings [aria-invalid="true"]')
        await sandbox.press('#servicenow', 'Read them again')
        await sandbox.until('no refusal', () => !document.querySelector('#settings-refusal, #settings [aria-invalid]'))
        await sandbox.page.reload()
        await sandbox.connected()
        assert.equal(await (await field()).evaluate(({ value }) => value), before)
    })

    page('lists only the last one of two faults that exclude each other', {}, async (sandbox) => {
        await mischief(sandbox, 'ServiceNow is down')
        await mischief(sandbox, 'ServiceNow is slow')
        const listed = await sandbox.page.$$eval('#faults .state', (all) => all.map(({ textContent }) => textContent))
        assert.deepEqual(listed, ['ServiceNow is slow'])
        await repair(sandbox)
    })

    page('has commands to copy and to run, which are shown when a person wants them', {}, async (sandbox) => {
        const shown = () => sandbox.page.$$eval('.command', (all) => all.filter((one) => one.checkVisibility()).length)
        assert.equal(await shown(), 0)
        await sandbox.page.browserContext().overridePermissions(new URL(ADDRESS).origin, ['clipboard-read', 'clipboard-sanitized-write'])
        await openAll(sandbox)
        assert.ok(await shown() > 8)
        const before = await sandbox.text('#record h3')
        await sandbox.page.click('#new-incident-command button')
        await sandbox.untilText('#said', 'Copied.')
        const command = await sandbox.page.evaluate(() => navigator.clipboard.readText())
        assert.equal(command, await sandbox.text('#new-incident-command code'))
        const { status, stdout, stderr } = spawnSync('bash', ['-c', `${command} --silent --show-error --fail`], { encoding: 'utf8' })
        assert.equal(status, 0, stderr)
        const { select } = JSON.parse(stdout)
        assert.match(select.record, /^incident:/)
        await sandbox.until('the incident of the command', (before) => {
            return [...document.querySelectorAll('#records a')].some(({ textContent }) => textContent > before)
        }, before)
    })

    page('is used with the keyboard alone', {}, async (sandbox) => {
        const { keyboard } = sandbox.page
        const focused = () => sandbox.page.evaluate(() => {
            const { id, tagName, textContent } = document.activeElement
            return [tagName, id, textContent.trim().slice(0, 40)].join(' ')
        })
        /** Tabs until the focus is on this element. */
        const tabTo = async (selector) => {
            for (let count = 0; count < 400; count += 1) {
                if (await sandbox.page.evaluate((selector) => document.activeElement.matches(selector), selector)) {
                    return
                }
                await keyboard.press('Tab')
            }
            assert.fail(`Tab does not reach ${selector}; it is on ${await focused()}`)
        }
        await keyboard.press('Tab')
        assert.match(await focused(), /Skip/)
        await keyboard.press('Enter')
        await tabTo('#new-incident')
        const before = await sandbox.text('#record h3')
        await keyboard.press('Enter')
        await sandbox.until('the new incident', (before) => {
            return document.querySelector('#record h3').textContent !== before
        }, before)
        assert.match(await focused(), /new-incident/)
        await tabTo('#pin-button')
        await keyboard.press('Enter')
        await sandbox.until('a PIN', () => document.getElementById('pin'))
        assert.match(await focused(), /pin-button/)
        const given = await sandbox.text('#pin')
        const last = await session(sandbox)
        await tabTo('#pin-entry')
        await keyboard.type(given)
        await keyboard.press('Enter')
        const number = await started(sandbox, last)
        await tabTo('#console textarea')
        await keyboard.type('By keyboard')
        await tabTo('#console button.primary')
        await keyboard.press('Space')
        await untilNotedOnce(sandbox, number, 'By keyboard')
        assert.doesNotMatch(await focused(), /^BODY/)

        // Tab goes through everything that can be used, in the order of the page, and leaves nothing out.
        await sandbox.page.evaluate(() => {
            window.reached = new Set()
            addEventListener('focusin', ({ target }) => window.reached.add(target))
            document.activeElement.blur()
        })
        await sandbox.page.focus('.skip')
        for (let count = 0; count < 600; count += 1) {
            await keyboard.press('Tab')
            if (await sandbox.page.evaluate(() => document.activeElement === document.body)) {
                break
            }
        }
        const unreached = await sandbox.page.evaluate(() => {
            const usable = document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')
            const visible = [...usable].filter((element) => element.checkVisibility() && !element.disabled)
            return visible.filter((element) => !window.reached.has(element)).map(({ outerHTML }) => outerHTML)
        })
        assert.deepEqual(unreached, [])
    })

    /** Something in every part of the page: faults, dead letters, a held post, PINs, notes, files. */
    async function fill(sandbox) {
        const { number: failing } = await runningSession(sandbox)
        await mischief(sandbox, 'ServiceNow is down')
        await endSession(sandbox, 'A dead letter.')
        await untilPost(sandbox, failing, 'ended', 'waiting')
        await letPass(sandbox, '1 day')
        await sandbox.untilText('#dead-letters', failing)
        await repair(sandbox)
        await startSession(sandbox, 'INC9999999')
        const number = await connect(sandbox, await pin(sandbox))
        await sandbox.paste('#console', 'Chat message', 'The printer does not print.')
        await sandbox.press('#console', 'Send')
        await untilPost(sandbox, number, 'started', 'delivered')
        await mischief(sandbox, 'SQS fails')
        await repair(sandbox)
        await hold(sandbox, true)
        await endSession(sandbox, 'Driver reinstalled.')
        await sandbox.page.waitForSelector(sandbox.named('#session-posts', 'button', 'Post now'))
        await sandbox.click('#session-posts', 'link', 'ended')
        await sandbox.page.waitForSelector('#post')
        await hold(sandbox, false)
        await mischief(sandbox, 'A field is dropped')
        return new URL(sandbox.page.url()).search
    }

    it('has no findings of axe, and no sideways scrolling, in any view, width and colour scheme', async () => {
        const first = await Sandbox.open(browser)
        const query = await fill(first)
        /** Where each problem was found. */
        const problems = {}
        const found = (where, what) => (problems[JSON.stringify(what, null, 1)] ??= []).push(where)
        for (const [width, scheme] of [[1500, 'light'], [1500, 'dark'], [400, 'light'], [400, 'dark']]) {
            const sandbox = await Sandbox.open(browser, { query, width, scheme })
            await sandbox.page.evaluate(axe.source)
            for (const view of VIEWS) {
                await show(sandbox, view)
                await sandbox.until('nothing is being read', () => !document.body.innerText.includes('being read'))
                for (const opened of [false, true]) {
                    if (opened) {
                        await openAll(sandbox)
                    } else {
                        await pictures(sandbox, view, `${width}-${scheme}`)
                    }
                    const where = `${view} at ${width}, ${scheme}${opened ? ', opened' : ''}`
                    const findings = await sandbox.page.evaluate(async () => {
                        const { violations } = await window.axe.run(document)
                        return violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])])
                    })
                    findings.forEach((finding) => found(where, finding))
                    const wide = await sandbox.page.evaluate(() => {
                        const { scrollWidth, clientWidth } = document.documentElement
                        const over = [...document.body.querySelectorAll('*')].filter((element) => {
                            return element.getBoundingClientRect().right > clientWidth && !element.closest('.scroll, .skip')
                        })
                        return scrollWidth > clientWidth ? over.map(({ outerHTML }) => outerHTML.slice(0, 200)) : []
                    })
                    wide.forEach((element) => found(where, `too wide: ${element}`))
                }
            }
            await sandbox.close()
        }
        await repair(first)
        await first.close()
        assert.deepEqual(problems, {})
    })

    it('has large enough targets for a finger', async () => {
        const sandbox = await Sandbox.open(browser, { width: 400 })
        const small = await sandbox.page.$$eval('button, input:not([type=hidden]), select, textarea', (all) => {
            const box = (element) => (element.closest('label') ?? element).getBoundingClientRect()
            return all.filter((element) => element.checkVisibility() && box(element).height < 24).map(({ outerHTML }) => outerHTML)
        })
        assert.deepEqual(small, [])
        await sandbox.close()
    })
})

/** The whole story on the page, played with a mouse. tests/browser/run starts the stack. */
'use strict'

const assert = require('node:assert/strict')
const { after, afterEach, before, beforeEach, describe, it } = require('node:test')

const { Sandbox } = require('./sandbox')
const {
    connect, endSession, hold, letPass, mischief, newIncident, notesWith, oneNote, pin, repair, runningSession, session, startSession,
    started, untilHit, untilNote, untilNotedOnce, untilPost, untilQueueIsEmpty,
} = require('./story')

describe('the story', () => {
    let browser
    let sandbox
    before(async () => { browser = await Sandbox.browser() })
    after(() => browser.close())
    beforeEach(async () => { sandbox = await Sandbox.open(browser) })
    afterEach(async () => {
        await repair(sandbox)
        await sandbox.close()
    })

    it('takes six clicks and no typing but the PIN', async () => {
        // As after the start: the newest incident has no session yet.
        await newIncident(sandbox)
        await sandbox.page.reload()
        await sandbox.connected()
        const last = await session(sandbox)
        const given = await pin(sandbox)
        await sandbox.page.locator('#pin-entry').click()
        await sandbox.page.keyboard.type(given)
        await sandbox.press('#rescue', 'Connect')
        const number = await started(sandbox, last)
        await sandbox.press('#console', 'End session')
        await untilNote(sandbox, number)
        await untilPost(sandbox, number, 'ended', 'delivered')
        const { clicks, typed } = await sandbox.used()
        assert.ok(clicks <= 6, `${clicks} clicks`)
        assert.deepEqual(typed, [...given].map((digit) => ['pin-entry', digit]))
        assert.match(await sandbox.text('#record'), /Rescue session/)
        // The note may be out of sight: the page says that it is there, and leads to it.
        const incident = await sandbox.text('#record h3')
        await sandbox.untilText('#news', `Session ${number} ended: delivered. ${incident}`)
        await sandbox.page.click('#news a')
        await sandbox.until('the work notes in focus', () => document.activeElement.id === 'work-notes')
    })

    it('says what becomes of a post while another view is shown, and leads to its record', async () => {
        const { incident, number } = await runningSession(sandbox)
        await newIncident(sandbox)
        await sandbox.follow('#servicenow', 'Settings')
        await sandbox.page.waitForSelector('#settings')
        await mischief(sandbox, 'ServiceNow is down')
        await endSession(sandbox, 'Seen from afar.')
        await sandbox.untilText('#news', `Session ${number} ended: waiting.`)
        assert.ok(await sandbox.page.$('#message.warned'))
        await repair(sandbox)
        await letPass(sandbox, '1 hour')
        await sandbox.untilText('#news', `Session ${number} ended: delivered.`)
        assert.equal(await sandbox.page.$('#message.warned'), null)
        await sandbox.click('#posts', 'link', incident)
        await sandbox.untilText('#record h3', incident)
        await sandbox.until('the work notes in focus', () => document.activeElement.id === 'work-notes')
        await untilNote(sandbox, 'Seen from afar.')
    })

    it('starts with an incident of its own, and a PIN that is used once', async () => {
        const incident = await newIncident(sandbox, 'Screen stays black')
        const given = await pin(sandbox)
        const number = await connect(sandbox, given)
        assert.match(await sandbox.text('#console'), new RegExp(incident))
        await sandbox.paste('#console', 'Chat message', 'The screen is black.')
        await sandbox.press('#console', 'Send')
        await sandbox.untilText('#console', 'The screen is black.')
        await sandbox.choose('#console', 'From', 'Technician')
        await sandbox.paste('#console', 'Chat message', 'Is it switched on?')
        await sandbox.press('#console', 'Send')
        await sandbox.untilText('#console', 'Is it switched on?')
        await endSession(sandbox, 'The plug was out.')
        await oneNote(sandbox, 'The plug was out.')
        assert.equal(await notesWith(sandbox, 'The screen is black.'), 1)
        await untilPost(sandbox, number, 'started', 'delivered')
        await untilPost(sandbox, number, 'ended', 'delivered')

        await sandbox.untilText('#record p', `${given} (used)`)
        assert.equal(await sandbox.text('#record button.primary'), 'New Rescue PIN')
        await sandbox.paste('#rescue', 'PIN', given)
        await sandbox.press('#rescue', 'Connect', { fails: true })
        // The next digits replace the refused PIN.
        assert.equal(await sandbox.page.evaluate(() => getSelection().toString()), given)
    })

    it('goes on after ServiceNow was down, with one note', async () => {
        const { number } = await runningSession(sandbox)
        await mischief(sandbox, 'ServiceNow is down')
        await endSession(sandbox, 'Driver reinstalled.')
        await untilPost(sandbox, number, 'ended', 'waiting')
        const row = await sandbox.page.waitForSelector('#posts [data-until]')
        assert.match(await row.evaluate(({ textContent }) => textContent), /^(in |now)/)
        assert.match(await sandbox.text('#posts'), /ServiceNow does not answer as it should/)
        assert.equal(await notesWith(sandbox, 'Driver reinstalled.'), 0)
        await repair(sandbox)
        await letPass(sandbox, '1 hour')
        await untilNotedOnce(sandbox, number, 'Driver reinstalled.')
    })

    it('has one note after the answer was lost after the write', async () => {
        const { number } = await runningSession(sandbox)
        await mischief(sandbox, 'Answer lost after the write')
        await endSession(sandbox, 'Cable replaced.')
        await untilPost(sandbox, number, 'ended', 'waiting')
        await letPass(sandbox, '1 hour')
        await untilNotedOnce(sandbox, number, 'Cable replaced.')
    })

    it('has one note after the same post came again, and twice at once', async () => {
        const incident = await newIncident(sandbox)
        const number = await startSession(sandbox, incident)
        await endSession(sandbox, 'Cache cleared.')
        await untilPost(sandbox, number, 'ended', 'delivered')
        await sandbox.click('#session-posts', 'link', 'ended')
        await sandbox.press('#post', 'Post twice at once')
        await sandbox.press('#post', 'Post again')
        await sandbox.until('three repeated posts that the connector has taken', () => {
            const repeated = [...document.querySelectorAll('#session-posts tbody tr')]
                .filter(({ textContent }) => textContent.includes('ended, again'))
            return repeated.length === 3 && repeated.every((row) => /^answered 2[0-9][0-9]$/.test(row.querySelector('.state').textContent))
        })
        await untilQueueIsEmpty(sandbox)
        assert.equal(await notesWith(sandbox, 'Cache cleared.'), 1)
    })

    it('takes posts that come out of order', async () => {
        const incident = await newIncident(sandbox)
        await hold(sandbox, true)
        const number = await startSession(sandbox, incident)
        await hold(sandbox, false)
        await endSession(sandbox, 'The end came first.')
        await untilPost(sandbox, number, 'ended', 'delivered')
        await sandbox.press('#session-posts', 'Post now')
        await untilPost(sandbox, number, 'started', 'delivered')
        await oneNote(sandbox, 'The end came first.')
    })

    it('goes on after the function was killed in a delivery', async () => {
        const { number } = await runningSession(sandbox)
        await mischief(sandbox, 'ServiceNow is slow')
        await endSession(sandbox, 'Killed in between.')
        await untilPost(sandbox, number, 'ended', 'being delivered')
        await untilHit(sandbox, 'ServiceNow is slow')
        await sandbox.choose('#mischief', 'Function', 'deliver-session')
        assert.match(await sandbox.press('#mischief', 'Kill the function'), /killed.* stays “being delivered”/)
        await repair(sandbox)
        // It is not delivered yet: its process has died.
        await untilPost(sandbox, number, 'ended', 'being delivered')
        assert.equal(await notesWith(sandbox, 'Killed in between.'), 0)
        await letPass(sandbox, '1 hour')
        await untilNotedOnce(sandbox, number, 'Killed in between.')
    })

    // What the page says of the post while the fault is there.
    for (const [fault, state, sentence] of [
        ['Sign-in refused (401)', 'delivered', ''],
        ['Too many requests (429)', 'waiting', 'ServiceNow limits the rate of requests.'],
        ['A field is dropped', 'delivered', 'ServiceNow ignored: time_worked.'],
        ['DynamoDB fails', 'in the queue', ''],
    ]) {
        it(`loses nothing: ${fault}`, async () => {
            const { number } = await runningSession(sandbox)
            await mischief(sandbox, fault)
            await endSession(sandbox, `Done in spite of it: ${fault}.`)
            await untilPost(sandbox, number, 'ended', state, sentence)
            if (fault !== 'A field is dropped') {
                await untilHit(sandbox, fault)
            }
            if (state === 'in the queue') {
                // It was a delivery that was refused.
                await sandbox.until('the failed delivery in the log', (number) => {
                    const lines = [...document.querySelectorAll('#log li')].map(({ textContent }) => textContent)
                    return lines.some((line) => ['ERROR', 'deliver-session', number].every((part) => line.includes(part)))
                }, number)
            }
            await repair(sandbox)
            await letPass(sandbox, '1 hour')
            await untilNotedOnce(sandbox, number, `Done in spite of it: ${fault}.`)
        })
    }

    it('shows what Rescue is answered while SQS fails, and takes the post again', async () => {
        const { number } = await runningSession(sandbox)
        await mischief(sandbox, 'SQS fails')
        await endSession(sandbox, 'Posted again.')
        await sandbox.untilText('#session-posts', '503')
        await repair(sandbox)
        await sandbox.click('#session-posts', 'link', 'ended')
        await sandbox.press('#post', 'Post again')
        await untilNotedOnce(sandbox, number, 'Posted again.')
    })

    it('makes a dead letter of what fails for a day, and redrives it', async () => {
        const { number } = await runningSession(sandbox)
        await mischief(sandbox, 'ServiceNow is down')
        await endSession(sandbox, 'A day late.')
        await untilPost(sandbox, number, 'ended', 'waiting')
        await letPass(sandbox, '1 day')
        await untilPost(sandbox, number, 'ended', 'failed')
        await sandbox.untilText('#dead-letters', number)
        assert.match(await sandbox.text('#dead-letters h3'), /^Dead letters: [1-9]/)
        await repair(sandbox)
        await sandbox.press('#dead-letters', 'Redrive')
        await letPass(sandbox, '1 hour')
        await untilNotedOnce(sandbox, number, 'A day late.')
        await sandbox.until('no such dead letter', (number) => {
            return !document.getElementById('dead-letters').textContent.includes(number)
        }, number)
    })

    it('writes the note on a closed record, which stays closed', async () => {
        const { incident, number } = await runningSession(sandbox)
        await sandbox.press('#record', 'Close the record')
        await sandbox.page.waitForSelector(sandbox.named('#record', 'button', 'Open it again'))
        const records = await sandbox.text('#records')
        await endSession(sandbox, 'After the record was closed.')
        await untilNotedOnce(sandbox, number, 'After the record was closed.')
        assert.ok(await sandbox.isThere('#record', 'button', 'Open it again'))
        assert.match(await sandbox.text(`#records li:has(#record-${incident})`), /Closed$/)
        // No other record was made or changed for it.
        assert.equal(await sandbox.text('#records'), records)
        await sandbox.press('#record', 'Open it again')
        await sandbox.page.waitForSelector(sandbox.named('#record', 'button', 'Close the record'))
    })

    it('puts a post of an unknown record aside, with its reason', async () => {
        const number = await startSession(sandbox, 'INC9999999')
        await untilPost(sandbox, number, 'started', 'failed')
        await sandbox.untilText('#posts', 'The record does not exist')
        await sandbox.untilText('#dead-letters', number)
    })

    it('follows changed settings', async () => {
        const incident = await newIncident(sandbox)
        await sandbox.follow('#servicenow', 'Settings')
        await sandbox.choose('#settings', 'Language of notes and e-mails', 'Français')
        await sandbox.press('#settings', 'Save the settings')
        await sandbox.follow('#servicenow', 'Records')
        // Functions read the settings once a minute.
        await letPass(sandbox, '1 hour')
        const number = await startSession(sandbox, incident)
        await endSession(sandbox, 'Terminé.')
        await untilPost(sandbox, number, 'ended', 'delivered')
        await untilNote(sandbox, 'Session Rescue terminée')
        await sandbox.follow('#servicenow', 'Settings')
        await sandbox.choose('#settings', 'Language of notes and e-mails', 'English')
        await sandbox.press('#settings', 'Save the settings')
        await letPass(sandbox, '1 hour')
    })

    it('says in ServiceNow what its rows, e-mails and status are', async () => {
        const incident = await newIncident(sandbox)
        await pin(sandbox)
        const number = await startSession(sandbox, incident)
        await endSession(sandbox, '')
        await untilPost(sandbox, number, 'ended', 'delivered')
        await sandbox.follow('#servicenow', 'Sessions')
        await sandbox.untilText('#session-rows', number)
        await sandbox.click('#session-rows', 'link', number)
        await sandbox.untilText('#record h3', number)
        await sandbox.click('#record', 'link', incident)
        await sandbox.untilText('#record h3', incident)
        await sandbox.follow('#servicenow', 'E-mails')
        await sandbox.untilText('#mails', incident)
        await sandbox.follow('#servicenow', 'Status')
        await sandbox.untilText('#status', 'delivering')
        await sandbox.press('#servicenow', 'Test now')
        await sandbox.untilText('#checks', 'passed')
    })

    it('lives on for 100 days', async () => {
        await letPass(sandbox, '100 days')
        const incident = await newIncident(sandbox)
        const number = await startSession(sandbox, incident)
        await endSession(sandbox, 'After 100 days.')
        await untilNotedOnce(sandbox, number, 'After 100 days.')
    })

    it('keeps what is selected when the page is loaded again, and in the address', async () => {
        const first = await newIncident(sandbox)
        const number = await startSession(sandbox, first)
        await untilPost(sandbox, number, 'started', 'delivered')
        const second = await newIncident(sandbox)
        const other = await startSession(sandbox, second)
        assert.notEqual(other, number)
        await sandbox.click('#records', 'link', first)
        await sandbox.untilText('#record h3', first)
        await sandbox.click('#sessions', 'link', number)
        await sandbox.untilText('#console h3', number)
        await sandbox.click('#session-posts', 'link', 'started')
        await sandbox.page.waitForSelector('#post')
        const selected = async () => [
            await sandbox.text('#record h3'), await session(sandbox), await sandbox.text('#post h4'),
        ]
        const before = await selected()
        await sandbox.page.reload()
        await sandbox.connected()
        assert.deepEqual(await selected(), before)
        const copy = await Sandbox.open(browser, { query: new URL(sandbox.page.url()).search })
        assert.equal(await copy.text('#record h3'), first)
        await copy.close()

        // The way back leads to what was selected before.
        await sandbox.page.goBack()
        await sandbox.page.goBack()
        await sandbox.untilText('#console h3', other)
    })

    it('shows long lists in windows', async () => {
        const oldest = await newIncident(sandbox)
        const first = await startSession(sandbox, oldest)
        await untilPost(sandbox, first, 'started', 'delivered')
        let newest
        let last
        for (let count = 0; count < 25; count += 1) {
            newest = await newIncident(sandbox)
            last = await startSession(sandbox, newest)
        }
        await untilPost(sandbox, last, 'started', 'delivered')
        await sandbox.untilText('#posts', newest)
        for (const [list, links, from, to] of [
            ['#records', '#servicenow nav[aria-label="More records"]', newest, oldest],
            ['#sessions', '#rescue', last, first],
            ['#posts', '#connector nav[aria-label="Windows of posts"]', last, first],
        ]) {
            assert.ok(!(await sandbox.text(list)).includes(to), `${list} shows all`)
            while (!(await sandbox.text(list)).includes(to)) {
                const shown = await sandbox.text(list)
                await sandbox.follow(links, 'Older')
                await sandbox.until(`older rows of ${list}`, (list, shown) => {
                    return document.querySelector(list).textContent.trim() !== shown
                }, list, shown)
            }
            assert.ok(!(await sandbox.text(list)).includes(from), `${list} shows all`)
            await sandbox.follow(links, 'Newest')
            await sandbox.untilText(list, from)
        }
        await untilQueueIsEmpty(sandbox)
    })

    // Minutes long: LONG=1.
    it('is used as ever with 3000 posts', { skip: process.env.LONG !== '1' }, async (test) => {
        const { incident, number } = await runningSession(sandbox)
        await sandbox.click('#session-posts', 'link', 'started')
        await sandbox.page.waitForSelector('#post-command code')
        const command = await sandbox.page.$eval('#post-command code', ({ textContent }) => textContent)
        const [address] = /http[^'" ]+event=started/.exec(command)
        let count = 0
        const post = async () => {
            while (count < 3000) {
                count += 1
                const body = new URLSearchParams({ SessionID: 50_000_000 + count, TechName: 'Ana Ruiz', CField1: incident })
                const { ok, status } = await fetch(address, { method: 'POST', body })
                assert.ok(ok, `post ${count}: ${status}`)
            }
        }
        const since = Date.now()
        await Promise.all(Array.from({ length: 20 }, post))
        test.diagnostic(`posted in ${Date.now() - since} ms`)

        // While they are being delivered.
        const posts = () => sandbox.page.$$eval('#posts tbody th', (all) => all.map(({ textContent }) => textContent.trim()))
        const newest = await posts()
        assert.equal(newest.length, 25)
        await sandbox.follow('#connector nav[aria-label="Windows of posts"]', 'Older')
        await sandbox.until('older posts', (newest) => {
            const shown = [...document.querySelectorAll('#posts tbody th')].map(({ textContent }) => textContent.trim())
            return shown.length === 25 && !shown.some((session) => newest.includes(session))
        }, newest)
        await newIncident(sandbox)
        await untilQueueIsEmpty(sandbox)
        test.diagnostic(`delivered in ${Date.now() - since} ms`)
        await sandbox.follow('#connector nav[aria-label="Windows of posts"]', 'Newest')
        await sandbox.page.waitForSelector('#posts-newest', { hidden: true })
        const among = await posts()
        assert.equal(among.length, 25)
        assert.ok(!among.includes(number))

        const last = await startSession(sandbox, await sandbox.text('#record h3'))
        await untilPost(sandbox, last, 'started', 'delivered')
        const ended = Date.now()
        await endSession(sandbox, 'One of many.')
        await untilPost(sandbox, last, 'ended', 'delivered')
        test.diagnostic(`from End session to delivered: ${Date.now() - ended} ms`)
        await oneNote(sandbox, 'One of many.')
    })
})

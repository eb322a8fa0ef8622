'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { it } = require('node:test')

const acorn = require('acorn')

const { Instance } = require('./glide/instance')
const { Server } = require('./glide/network')
const { ROOT } = require('./repository')
const { API_KEY, addIncident } = require('./settings')

const page = fs.readFileSync(path.join(ROOT, 'docs', 'servicenow-app.md'), 'utf8')
const [, script] = /<!-- by-hand:.*-->\n```javascript\n([^]*?)```/.exec(page)

function press({ instance, incident }) {
    const current = instance.record('incident', incident)
    const action = instance.strict('action', { setRedirectURL: () => {} })
    instance.evaluate(script, { current, action })
    assert.deepEqual(instance.violations, [])
    assert.deepEqual(instance.log, [])
}

function setUp(options = {}) {
    const server = new Server()
    const url = `${server.url}/integration/api/servicenow/pincodes/acme`
    const headers = { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/json' }
    const instance = new Instance({ messages: { 'Rescue PIN': { url, headers } }, ...options })
    return { server, instance, incident: addIncident(instance) }
}

it('the button by hand shows a PIN, and the same one when it is pressed again', () => {
    const world = setUp()
    const { server, instance } = world
    acorn.parse(script, { ecmaVersion: 5 })
    for (let i = 0; i < 2; i++) {
        server.json(201, { pin: '012345', link: 'https://secure.logmeinrescue.com/x', notifications: [] })
        press(world)
    }
    const [first, second] = server.requests
    assert.equal(first.headers.authorization, `Bearer ${API_KEY}`)
    assert.equal(JSON.parse(first.body).customer.email, 'paul@acme.test')
    assert.match(first.headers['idempotency-key'], /^[!-~]{1,255}$/)
    assert.equal(first.body, second.body)
    assert.match(instance.shown('info')[0], /^Rescue PIN 012345\./)
})

it('the button by hand shows the error', () => {
    const problem = setUp()
    problem.server.json(409, { code: 'technician-console-not-running', title: '<T>.', detail: 'D.', request_id: 'r' })
    press(problem)
    assert.deepEqual(problem.instance.shown('error'), [' T . D. (technician-console-not-running)'])
    for (const networkFailure of ['throws', 'status']) {
        const silent = setUp({ networkFailure })
        silent.server.hangUp()
        press(silent)
        assert.match(silent.instance.shown('error')[0], /could not be reached/)
    }
    const html = setUp()
    html.server.raw(502, '<html>', {})
    press(html)
    assert.match(html.instance.shown('error')[0], /HTTP status 502/)
})

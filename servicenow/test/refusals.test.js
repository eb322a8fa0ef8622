'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const { API_KEY, addIncident, setUp } = require('./settings')

const ROOT = path.join(__dirname, '..', '..')

/** The codes that the connector's routes for PINs and tokens answer, from its description. */
function codesOfRoutes() {
    const text = fs.readFileSync(path.join(ROOT, 'infra', 'openapi.yaml'), 'utf8')
    const [, paths] = text.split('\npaths:\n')
    const [described, components] = paths.split('\ncomponents:\n')
    const routes = described.split(/\n {2}(?=\/)/).filter((route) => /\/(pincodes|token)\/\{tenant\}:/.test(route))
    assert.equal(routes.length, 2)
    const shared = /\n {2}responses:\n([^]*?)\n {2}schemas:/.exec(components)[1]
    const referenced = routes.join('').match(/responses\/\w+/g).map((each) => each.split('/')[1])
    const responses = shared.split(/\n(?= {4}\w+:)/).filter((each) => referenced.includes(each.trim().split(':')[0]))
    const quoted = [...routes, ...responses].join('').match(/\(`[a-z-]+`\)/g)
    return new Set(quoted.map((each) => each.slice(2, -2)))
}

/** Every code with a status, from the connector's table. */
function codesOfTable() {
    const text = fs.readFileSync(path.join(ROOT, 'shared', 'src', 'domain', 'error.rs'), 'utf8')
    return new Set([...text.matchAll(/=> "([a-z-]+)", Some\(\d+\)/g)].map((match) => match[1]))
}

function press({ instance }) {
    instance.press('incident-generate', 'incident', addIncident(instance))
    assert.equal(instance.messages.length, 1)
    assert.deepEqual(instance.shown('info'), [])
    return instance.shown('error')[0]
}

describe('a refusal', () => {
    it('has a sentence for every code that the routes answer, and for none that does not exist', () => {
        const sentences = setUp().instance.context.RescueSentences.BY_CODE
        const [routes, table] = [codesOfRoutes(), codesOfTable()]
        assert.ok(routes.size >= 18, [...routes].join())
        for (const code of routes) {
            assert.ok(code in sentences, `${code} has no sentence`)
            assert.ok(table.has(code), `${code} is not in the connector's table`)
        }
        const own = [
            'switched-off',
            'not-set-up',
            'no-technician-email',
            'record-not-saved',
            'pin-request-not-stored',
            'unreachable',
            'not-the-connector',
            'gateway-busy',
            'gateway-failed',
            'failed',
        ]
        for (const code of Object.keys(sentences)) {
            assert.ok(table.has(code) !== own.includes(code), `${code} must be a code of the connector or of the app, not of both`)
        }
    })

    it('shows what to do, the detail of the connector, and the request id for the operator', () => {
        for (const code of codesOfRoutes()) {
            if (code === 'idempotency-key-reused') {
                continue
            }
            const world = setUp()
            const { server, instance } = world
            server.json(409, { code, title: 'T', detail: 'Ask <Ana>.', request_id: 'r-77' })
            const shown = press(world)
            const sentence = instance.context.RescueSentences.BY_CODE[code]
            assert.equal(shown, `${sentence} Ask <Ana>. (${code}, r-77)`)
            assert.doesNotMatch(instance.messages[0].html, /[<>]/)
            assert.match(instance.log[0], new RegExp(`^warn .* outcome=${code} request_id=r-77`))
        }
    })

    it('with a code of a later release shows its title and its detail', () => {
        const world = setUp()
        world.server.json(418, { code: 'rescue-is-a-teapot', title: 'Short.', detail: 'Stout.', request_id: 'r-1' })
        assert.equal(press(world), 'Short. Stout. (rescue-is-a-teapot, r-1)')
    })

    it('says how long to wait when the connector does', () => {
        const world = setUp()
        const problem = { code: 'out-of-pin-codes', title: 'T', detail: 'D', request_id: 'r-1' }
        world.server.json(503, problem, { 'retry-after': '30' })
        assert.match(press(world), /It asks to wait 30 seconds\. \(out-of-pin-codes, r-1\)$/)
    })

    it('logs well-formed codes only', () => {
        const world = setUp()
        const problem = { code: 'x\nerror forged', title: 'T', detail: 'D', request_id: 'r 1' }
        world.server.json(400, problem)
        press(world)
        assert.equal(world.instance.log.length, 1)
        assert.match(world.instance.log[0], /outcome=unreadable$/)
    })
})

describe('a connector that cannot be used', () => {
    for (const networkFailure of ['throws', 'status']) {
        it(`has a sentence of its own when it does not answer (network failure: ${networkFailure})`, () => {
            const world = setUp({ networkFailure })
            world.server.hangUp()
            assert.match(press(world), /could not be reached.*not done twice.*\(unreachable\)/)
        })
    }

    it('answers HTML or nothing: that is a proxy, a login page or another server', () => {
        for (const [status, body] of [
            [200, '<html>Sign in</html>'],
            [201, ''],
            [403, '<html>Blocked</html>'],
            [502, '<html>Bad gateway</html>'],
            [200, '"text"'],
            [302, ''],
        ]) {
            const world = setUp()
            world.server.raw(status, body, { 'Content-Type': 'text/html' })
            const shown = press(world)
            assert.match(shown, new RegExp(`not Rescue Connector \\(HTTP status ${status}\\).*\\(not-the-connector\\)`))
            assert.doesNotMatch(shown, /html/)
        }
    })

    it('shows the errors of the API gateway', () => {
        for (const [status, code] of [
            [429, 'gateway-busy'],
            [404, 'not-found'],
            [500, 'gateway-failed'],
            [503, 'gateway-failed'],
            [504, 'gateway-failed'],
        ]) {
            const world = setUp()
            world.server.json(status, { message: 'Service Unavailable' })
            assert.match(press(world), new RegExp(`\\(${code}\\)$`))
        }
    })

    it('is not called while a setting is missing, nor without TLS', () => {
        for (const [changes, said] of [
            [{ 'x_rescue_conn.enabled': 'false' }, /switched off.*\(switched-off\)/],
            [{ 'x_rescue_conn.connector_url': '' }, /connector URL.*\(not-set-up\)/],
            [{ 'x_rescue_conn.connector_url': 'http://connector.acme.test' }, /not https.*\(not-set-up\)/],
            [{ 'x_rescue_conn.connector_url': 'http://localhost.acme.test' }, /not https.*\(not-set-up\)/],
            [{ 'x_rescue_conn.connector_url': 'https://user@acme.test' }, /\(not-set-up\)/],
            [{ 'x_rescue_conn.tenant': '' }, /the tenant.*\(not-set-up\)/],
            [{ 'x_rescue_conn.tenant': 'acme/../other' }, /the tenant.*\(not-set-up\)/],
            [{ 'x_rescue_conn.api_key': '' }, /the API key.*\(not-set-up\)/],
            [{ 'x_rescue_conn.api_key': 'too-short' }, /the API key.*\(not-set-up\)/],
        ]) {
            const world = setUp({}, changes)
            assert.match(press(world), said)
            assert.equal(world.server.requests.length, 0, String(said))
        }
    })
})

describe('the API key', () => {
    const answer = { pin: '012345', link: '-', notifications: [] }

    it('is read in releases that decrypt the property, and in those that decrypt only the record', () => {
        for (const propertyDecryption of ['property', 'record']) {
            const world = setUp({ propertyDecryption })
            world.server.json(201, answer)
            world.instance.press('incident-generate', 'incident', withPropertyRecord(world.instance))
            assert.equal(world.server.requests[0].headers.authorization, `Bearer ${API_KEY}`)
        }
    })

    it('is never sent as its ciphertext', () => {
        const world = setUp({ propertyDecryption: 'none' })
        world.instance.press('incident-generate', 'incident', withPropertyRecord(world.instance))
        assert.match(world.instance.shown('error')[0], /the API key.*\(not-set-up\)/)
        assert.equal(world.server.requests.length, 0)
    })

    function withPropertyRecord(instance) {
        const name = 'x_rescue_conn.api_key'
        instance.add('sys_properties', { name, value: instance.properties[name] })
        return addIncident(instance)
    }
})

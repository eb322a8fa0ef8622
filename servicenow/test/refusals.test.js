'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const { ciphertext } = require('./glide/instance')
const { ROOT } = require('./repository')
const { addIncident, setUp } = require('./settings')

/** The codes that the connector's routes for this instance answer, from its description. */
function codesOfRoutes() {
    const text = fs.readFileSync(path.join(ROOT, 'infra', 'openapi.yaml'), 'utf8')
    const [, paths] = text.split('\npaths:\n')
    const [described, components] = paths.split('\ncomponents:\n')
    const routes = described.split(/\n {2}(?=\/)/).filter((route) => /\/(pincodes|token|enrolment|settings|secrets|webhook-keys|status)\/\{tenant\}/.test(route))
    assert.equal(routes.length, 8)
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
    instance.press('pin-generate', 'incident', addIncident(instance))
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
            'not-connected',
            'not-on-the-form',
            'not-set-up',
            'other-instance',
            'outbound-logged',
            'no-technician-email',
            'no-record-type',
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
            const detail = ['unauthorized', 'checks-in-progress'].includes(code) ? '' : 'Ask <Ana>. '
            assert.equal(shown, `${sentence} ${detail}(${code}, r-77)`)
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
            [{ enabled: '0' }, /switched off.*\(switched-off\)/],
            [{ connector_url: '' }, /\(not-connected\)/],
            [{ connector_url: 'http://connector.acme.test' }, /connector_url.*\(not-set-up\)/],
            [{ connector_url: 'http://localhost.acme.test' }, /connector_url.*\(not-set-up\)/],
            [{ connector_url: 'https://user@acme.test' }, /\(not-set-up\)/],
            [{ tenant: '' }, /\(not-connected\)/],
            [{ tenant: 'acme/../other' }, /tenant.*\(not-set-up\)/],
            [{ api_key: '' }, /\(not-connected\)/],
            [{ api_key: ciphertext('too-short') }, /api_key.*\(not-set-up\)/],
        ]) {
            const world = setUp({}, changes)
            assert.match(press(world), said)
            assert.equal(world.server.requests.length, 0, String(said))
        }
    })
})

describe('an instance that must not send', () => {
    it('is a clone of the one that was connected', () => {
        const world = setUp({}, { connected_instance: 'https://acme.service-now.com' })
        assert.match(press(world), /belongs to https:\/\/acme\.service-now\.com, and this.*\(other-instance\)/)
        assert.equal(world.server.requests.length, 0)
    })

    it('is a clone that has kept the URL, but not the name', () => {
        const world = setUp({ properties: { instance_name: 'acmetest' } }, { connected_name: 'acme' })
        assert.match(press(world), /\(other-instance\)/)
        assert.equal(world.server.requests.length, 0)
    })

    it('is not one whose URL was changed', () => {
        const changes = { connected_name: 'acme', connected_instance: 'https://acme.service-now.com' }
        const world = setUp({ properties: { instance_name: 'acme' } }, changes)
        world.server.json(201, { pin: '012345', link: '-', notifications: [] })
        world.instance.press('pin-generate', 'incident', addIncident(world.instance))
        assert.equal(world.server.requests.length, 1)
    })

    it('logs headers or bodies of outbound requests', () => {
        const [override, level] = ['glide.outbound_http_log.override', 'glide.outbound_http_log.override.level']
        for (const at of ['elevated', 'all']) {
            const world = setUp({ properties: { [override]: 'true', [level]: at } })
            assert.match(press(world), /Nothing was sent: .*glide\.outbound_http_log\.override.*\(outbound-logged\)/)
            assert.equal(world.server.requests.length, 0)
        }
        for (const properties of [{ [override]: 'true' }, { [override]: 'true', [level]: 'basic' }, { [level]: 'all' }]) {
            const world = setUp({ properties })
            world.server.json(201, { pin: '012345', link: '-', notifications: [] })
            world.instance.press('pin-generate', 'incident', addIncident(world.instance))
            assert.equal(world.server.requests.length, 1)
        }
    })

    it('cannot decrypt the API key: its ciphertext is never sent', () => {
        const world = setUp({ undecryptable: ['api_key'] })
        assert.match(press(world), /api_key.*\(not-set-up\)/)
        assert.equal(world.server.requests.length, 0)
    })
})

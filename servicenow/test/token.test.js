'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { API_KEY, SECRETS, setUp } = require('./settings')

const SECRET = "cl!ent s'cret*&=ü"
const PASSWORD = 'p&ss=w%rd+1~'
const REFRESH = 'refresh-token-0123456789'

const TYPED = {
    registry: '',
    client_id: ' client-1 ',
    client_secret: SECRET,
    service_account: 'svc.rescue',
    service_password: PASSWORD,
}
const GRANTED = {
    access_token: 'access-token-0123456789',
    refresh_token: REFRESH,
    scope: 'useraccount',
    token_type: 'Bearer',
    expires_in: 1799,
}
const STORED = { status: 'stored', expires_at: '2026-08-12T09:00:00Z', days_left: 100 }
SECRETS.push(SECRET, PASSWORD, REFRESH, GRANTED.access_token)

/** An instance whose user is an administrator of the app. */
function administrator(options = {}, changes = {}) {
    return setUp({ user: { roles: ['x_rescue_conn.admin'] }, ...options }, changes)
}

/** The same, with an instance that gives a token and a connector that stores it. */
function accepting(options = {}) {
    const world = administrator(options)
    world.server.json(200, GRANTED).json(200, STORED)
    return world
}

/** Orders the item, runs its rule, and checks what holds after success and failure. */
function order(world, typed = {}) {
    const { instance } = world
    const item = instance.order({ ...TYPED, ...typed })
    instance.carryOut(item)
    const row = instance.row('sc_req_item', item)
    const texts = [row.work_notes.join(), instance.messages.map((message) => message.html).join()]
    for (const secret of SECRETS) {
        assert.ok(!texts.join().includes(secret), 'a secret is in a note')
    }
    return { item, notes: row.work_notes, state: row.state, left: instance.variables(item) }
}

/** Calls `before` and `after` with the URL of each request, before the app sends it and when it is answered. */
function aroundRequests(instance, { before = () => {}, after = () => {} }) {
    const { prototype } = instance.context.RescueConnection
    const { send } = prototype
    prototype.send = function (url, ...more) {
        before(url)
        const answer = send.call(this, url, ...more)
        after(url)
        return answer
    }
}

const BLANKED = { ...TYPED, client_secret: '', service_password: '' }

describe('the token set-up', () => {
    it('gets a refresh token from the instance and hands it to the connector', () => {
        const world = accepting()
        const { item, state, left } = order(world)

        const [grant, handOver] = world.server.requests
        assert.equal(grant.path, '/oauth_token.do')
        assert.equal(grant.headers['content-type'], 'application/x-www-form-urlencoded')
        assert.deepEqual(Object.fromEntries(new URLSearchParams(grant.body)), {
            grant_type: 'password',
            client_id: 'client-1',
            client_secret: SECRET,
            username: 'svc.rescue',
            password: PASSWORD,
        })
        assert.equal(grant.headers.authorization, undefined)
        assert.equal(handOver.path, '/integration/api/servicenow/token/acme')
        assert.equal(handOver.headers.authorization, `Bearer ${API_KEY}`)
        assert.deepEqual(JSON.parse(handOver.body), {
            refresh_token: REFRESH,
            client_id: 'client-1',
            client_secret: SECRET,
            request_item: { sys_id: item },
        })
        assert.equal(state, '3')
        assert.deepEqual(left, BLANKED)
    })

    it('leaves the note to the connector, and writes it where the connector may not', () => {
        const world = accepting()
        const { notes } = order(world)
        assert.equal(notes.length, 1)
        assert.match(notes[0], /has the refresh token.*valid until 2026-08-12T09:00:00Z/)

        const other = accepting()
        const written = 'Rescue: the refresh token works and is stored. (Rescue · 0123456789abcdef)'
        const item = other.instance.order(TYPED)
        const after = (url) => {
            if (url.includes('/token/')) {
                other.instance.row('sc_req_item', item).work_notes.unshift(written)
            }
        }
        aroundRequests(other.instance, { after })
        other.instance.carryOut(item)
        assert.deepEqual(other.instance.row('sc_req_item', item).work_notes, [written])
        assert.equal(other.instance.row('sc_req_item', item).state, '3')
    })

    it('takes client and lifespan from the Application Registry record', () => {
        for (const [registrySecretReadable, typedSecret] of [
            [false, SECRET],
            [true, ''],
        ]) {
            const world = accepting({ registrySecretReadable })
            const registry = world.instance.add('oauth_entity', {
                name: 'Rescue Connector',
                client_id: 'client-2',
                client_secret: SECRET,
                refresh_token_lifespan: '8640000',
            })
            const { state } = order(world, { registry, client_id: '', client_secret: typedSecret })
            const [grant, handOver] = world.server.requests.map((request) => request.body)
            assert.equal(new URLSearchParams(grant).get('client_id'), 'client-2')
            assert.equal(new URLSearchParams(grant).get('client_secret'), SECRET)
            assert.equal(JSON.parse(handOver).expires_in, 8_640_000)
            assert.equal(JSON.parse(handOver).client_id, 'client-2')
            assert.equal(state, '3')
        }
    })

    it('works without a registry record that it may not read', () => {
        const world = accepting({ without: ['oauth_entity'] })
        assert.equal(order(world, { registry: 'f'.repeat(32) }).state, '3')
        assert.equal('expires_in' in JSON.parse(world.server.requests[1].body), false)
    })

    it('asks for what is missing and sends nothing', () => {
        for (const missing of [{ client_id: '' }, { client_secret: '' }, { service_password: '' }]) {
            const world = administrator()
            const { notes, state, left } = order(world, missing)
            assert.match(notes[0], /Something is missing/)
            assert.equal(state, '4')
            assert.equal(left.client_secret + left.service_password, '')
            assert.equal(world.server.requests.length, 0)
        }
    })

    it('is carried out once, however often its rule runs', () => {
        const world = accepting()
        const { item, notes } = order(world)
        world.instance.carryOut(item)
        assert.equal(world.server.requests.length, 2)
        assert.deepEqual(world.instance.row('sc_req_item', item).work_notes, notes)
        assert.equal(world.instance.row('sc_req_item', item).state, '3')
    })

    it('is for administrators of the app only', () => {
        const world = setUp()
        const { notes, left } = order(world)
        assert.match(notes[0], /Only users with the role x_rescue_conn\.admin/)
        assert.deepEqual(left, BLANKED)
        assert.equal(world.server.requests.length, 0)
    })
})

describe('a token set-up that fails', () => {
    it('at the token endpoint says what can be the cause, and never quotes the answer', () => {
        for (const [status, body, said] of [
            [401, { error: 'server_error', error_description: `access_denied for ${PASSWORD}` }, /\(HTTP status 401, server_error\)/],
            [401, { error: `no ${PASSWORD}` }, /\(HTTP status 401, -\)/],
            [200, { access_token: 'access-token-0123456789' }, /gives no refresh token/],
        ]) {
            const world = administrator()
            world.server.json(status, body)
            const { notes, state, left } = order(world)
            assert.equal(notes.length, 1)
            assert.match(notes[0], said)
            assert.equal(state, '4')
            assert.deepEqual(left, BLANKED)
            assert.equal(world.server.requests.length, 1)
        }
    })

    it('because the token endpoint answers HTML or nothing says so', () => {
        const html = administrator()
        html.server.raw(200, '<html>Hibernating</html>', { 'Content-Type': 'text/html' })
        assert.match(order(html).notes[0], /refuses a token \(HTTP status 200, -\)/)
        for (const networkFailure of ['throws', 'status']) {
            const silent = administrator({ networkFailure })
            silent.server.hangUp()
            const { notes, left } = order(silent)
            assert.match(notes[0], /could not reach its own token endpoint/)
            assert.deepEqual(left, BLANKED)
        }
    })

    it('because the connector cannot be reached writes the note itself', () => {
        const world = administrator()
        world.server.json(200, GRANTED).hangUp()
        const { notes, state, left } = order(world)
        assert.match(notes[0], /not known whether.*Rescue Connector could not be reached.*\(unreachable\).*order the set-up again/)
        assert.equal(state, '4')
        assert.deepEqual(left, BLANKED)
    })

    it('because the connector refuses says why, and its text stays text', () => {
        const world = administrator()
        const detail = 'Set [code]<b>oauth-client-secret</b>[/code].'
        world.server.json(200, GRANTED)
        world.server.json(500, { code: 'tenant-misconfigured', title: 'T', detail, request_id: 'r-1' })
        const { notes } = order(world)
        assert.match(notes[0], /lacks a setting.*\(code\)<b>.*\(\/code\)\. \(tenant-misconfigured, r-1\)/)
    })

    it('because the token is refused is noted even where the connector may not write', () => {
        const world = administrator()
        world.server.json(200, GRANTED)
        world.server.json(422, { code: 'token-refused', title: 'T', detail: 'D', request_id: 'r-1' })
        const { notes, state } = order(world)
        assert.equal(notes.length, 1)
        assert.match(notes[0], /\(token-refused, r-1\)/)
        assert.equal(state, '4')
    })

    it('because the connector answers something else does not count as done', () => {
        for (const body of [{}, { status: 'accepted' }]) {
            const world = administrator()
            world.server.json(200, GRANTED).json(200, body)
            const { notes, state } = order(world)
            assert.match(notes[0], /not stored\..*\(not-the-connector\)/)
            assert.equal(state, '4')
        }
    })

    it('because the integration is off or not set up says so', () => {
        const world = administrator({}, { 'x_rescue_conn.enabled': 'false' })
        world.server.json(200, GRANTED)
        assert.match(order(world).notes[0], /\(switched-off\)/)
        const unnamed = administrator({}, { 'glide.servlet.uri': '' })
        assert.match(order(unnamed).notes[0], /glide\.servlet\.uri/)
    })

    it('because of an error in the instance logs the failure without values', () => {
        const world = administrator()
        world.instance.context.RescueTokenSetup.prototype._handOver = (item, typed) => {
            throw new Error(`cannot send ${typed.password}`)
        }
        const { notes, left } = order(world)
        assert.match(notes[0], /ended with an error/)
        assert.deepEqual(left, BLANKED)
        assert.equal(world.instance.log.length, 1)
    })
})

describe('the masked variables', () => {
    it('are blanked before anything is sent', () => {
        const { instance } = accepting()
        const item = instance.order(TYPED)
        const seen = []
        aroundRequests(instance, { before: () => seen.push(instance.variables(item)) })
        instance.carryOut(item)
        assert.deepEqual(seen, [BLANKED, BLANKED])
    })

    it('are blanked in their rows where an assignment is lost', () => {
        const world = accepting({ maskedVariables: 'rows' })
        assert.deepEqual(order(world).left, BLANKED)
    })

    it('that cannot be blanked are reported, with what to do', () => {
        const world = accepting({ maskedVariables: 'stuck', refusesWrites: ['sc_item_option'] })
        const { notes, state } = order(world)
        assert.match(notes[0], /could not be blanked\. Change the password/)
        assert.equal(state, '3')
    })
})

'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const { API_KEY, SECRETS, setUp } = require('./settings')

const SECRET = "cl!ent s'cret*&=ü"
const PASSWORD = 'p&ss=w%rd+1~'
const REFRESH = 'refresh-token-0123456789'

const TYPED = {
    sign_in: 'refresh_token',
    registry: '',
    client_id: ' client-1 ',
    client_secret: SECRET,
    service_account: 'svc.rescue',
    service_password: PASSWORD,
    keep_password: 'true',
}
const BY_CLIENT = { sign_in: 'client_credentials', service_account: '', service_password: '' }
const GRANTED = {
    access_token: 'access-token-0123456789',
    refresh_token: REFRESH,
    scope: 'useraccount',
    token_type: 'Bearer',
    expires_in: 1799,
}
const STORED = { status: 'stored', expires_at: '2026-08-12T09:00:00Z', days_left: 100 }
const KEPT = /renews itself: Rescue Connector keeps the password/
const ENDS = /does not renew itself and ends on 2026-08-12\. Order the set-up again before then/
const ROUTES = '/integration/api/servicenow'
SECRETS.push(SECRET, PASSWORD, REFRESH, GRANTED.access_token)

/** An instance whose user is an administrator of the app. */
function administrator(options = {}, changes = {}) {
    return setUp({ user: { roles: ['x_rescue_conn.admin'] }, ...options }, changes)
}

/** The connector's settings, as it answers with them. */
function settings(servicenow = {}, { version = 7, hasPassword = false } = {}) {
    return {
        version,
        managed_by: 'servicenow',
        settings: { servicenow: { grant: 'refresh_token', client_id: '', service_account: 'svc.rescue', ...servicenow } },
        secrets: { 'service-account-password': { set: hasPassword, changed_at: null } },
        webhook_keys: [],
    }
}

/** The same, with a connector that answers with its settings. */
function readable(options = {}, ...of) {
    const world = administrator(options)
    world.server.json(200, settings(...of))
    return world
}

/** The same, with an instance that gives a token. */
function granting(...given) {
    const world = readable(...given)
    world.server.json(200, GRANTED)
    return world
}

/** The same, with a connector that stores the token. */
function storing(...given) {
    const world = granting(...given)
    world.server.json(200, STORED)
    return world
}

/** The same, with a connector that keeps the password. */
function accepting(...given) {
    const world = storing(...given)
    world.server.raw(204, '')
    return world
}

/** A refusal of the connector. */
function refusal(code, detail = 'D.') {
    return { code, title: 'T', detail, request_id: 'r-1' }
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

/** The requests so far, in short: method and path, and the body of those that change something in the connector. */
function calls(world) {
    return world.server.requests.map(({ method, path, body }) => {
        const call = `${method} ${path.replace(ROUTES, '')}`
        return ['PATCH', 'PUT'].includes(method) ? [call, JSON.parse(body)] : call
    })
}

/** Calls `before` and `after` with the URL of each request, before the app sends it and when it is answered. */
function aroundRequests(instance, { before = () => {}, after = () => {} }) {
    const { prototype } = instance.context.RescueConnection
    const { send } = prototype
    prototype.send = function (request) {
        before(request.url)
        const answer = send.call(this, request)
        after(request.url)
        return answer
    }
}

const BLANKED = { ...TYPED, client_secret: '', service_password: '' }

describe('the token set-up', () => {
    it('gets a refresh token from the instance and hands it to the connector', () => {
        const world = accepting()
        const { item, state, left } = order(world)

        const [, grant, handOver] = world.server.requests
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

    it('leaves the note about the token to the connector, and writes it where the connector may not', () => {
        const world = accepting()
        const { notes } = order(world)
        assert.equal(notes.length, 1)
        assert.match(notes[0], /has the refresh token and has proved that it works\. The token renews itself/)

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
        const both = other.instance.row('sc_req_item', item).work_notes
        assert.equal(both.length, 2)
        assert.equal(both[1], written)
        assert.match(both[0], /^The token renews itself/)
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
            const [, grant, handOver] = world.server.requests.map((request) => request.body)
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
        assert.equal('expires_in' in JSON.parse(world.server.requests[2].body), false)
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
        assert.equal(world.server.requests.length, 4)
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
            const world = readable()
            world.server.json(status, body)
            const { notes, state, left } = order(world)
            assert.equal(notes.length, 1)
            assert.match(notes[0], said)
            assert.equal(state, '4')
            assert.deepEqual(left, BLANKED)
            assert.equal(world.server.requests.length, 2)
        }
    })

    it('because the token endpoint answers HTML or nothing says so', () => {
        const html = readable()
        html.server.raw(200, '<html>Hibernating</html>', { 'Content-Type': 'text/html' })
        assert.match(order(html).notes[0], /refuses a token \(HTTP status 200, -\)/)
        for (const networkFailure of ['throws', 'status']) {
            const silent = readable({ networkFailure })
            silent.server.hangUp()
            const { notes, left } = order(silent)
            assert.match(notes[0], /could not reach its own token endpoint/)
            assert.deepEqual(left, BLANKED)
        }
    })

    it('because the connector cannot be reached writes the note itself', () => {
        const world = granting()
        world.server.hangUp()
        const { notes, state, left } = order(world)
        assert.match(notes[0], /not known whether.*Rescue Connector could not be reached.*\(unreachable\).*order the set-up again/)
        assert.equal(state, '4')
        assert.deepEqual(left, BLANKED)
    })

    it('because the connector refuses says why, and its text stays text', () => {
        const world = granting()
        const detail = 'Set [code]<b>oauth-client-secret</b>[/code].'
        world.server.json(500, { code: 'tenant-misconfigured', title: 'T', detail, request_id: 'r-1' })
        const { notes } = order(world)
        assert.match(notes[0], /lacks a setting.*\(code\)<b>.*\(\/code\)\. \(tenant-misconfigured, r-1\)/)
    })

    it('because the token is refused is noted even where the connector may not write', () => {
        const world = granting()
        world.server.json(422, { code: 'token-refused', title: 'T', detail: 'D', request_id: 'r-1' })
        const { notes, state } = order(world)
        assert.equal(notes.length, 1)
        assert.match(notes[0], /\(token-refused, r-1\)/)
        assert.equal(state, '4')
    })

    it('because the connector answers something else does not count as done', () => {
        for (const body of [{}, { status: 'accepted' }]) {
            const world = granting()
            world.server.json(200, body)
            const { notes, state } = order(world)
            assert.match(notes[0], /not stored\..*\(not-the-connector\)/)
            assert.equal(state, '4')
        }
    })

    it('before it begins says so, and uses no secret', () => {
        for (const [options, changes, said] of [
            [{}, { enabled: '0' }, /not begun.*\(switched-off\).*order the set-up again/],
            [{}, { connector_url: '', tenant: '', api_key: '' }, /pastes the set-up link.*\(not-connected\)/],
            [{}, { connected_instance: 'https://other.test' }, /\(other-instance\)/],
            [{ properties: { 'glide.servlet.uri': '' } }, {}, /glide\.servlet\.uri/],
        ]) {
            for (const typed of [{}, BY_CLIENT]) {
                const isOff = changes.enabled === '0'
                if (isOff && typed === BY_CLIENT) {
                    continue
                }
                const world = administrator(options, changes)
                const { notes, state, left } = order(world, typed)
                assert.match(notes.join(), said)
                assert.equal(state, '4')
                assert.equal(left.client_secret + left.service_password, '')
                assert.deepEqual(world.server.requests, [])
            }
        }
    })

    it('because the settings cannot be read asks for no token', () => {
        for (const [status, body, said] of [
            [401, refusal('unauthorized'), /not begun.*new set-up link.*\(unauthorized, r-1\)/],
            [200, {}, /not begun.*\(not-the-connector\)/],
        ]) {
            const world = administrator()
            world.server.json(status, body)
            assert.match(order(world).notes[0], said)
            assert.deepEqual(calls(world), ['GET /settings/acme'])
        }
    })

    it('because of an error in the instance logs the failure without values', () => {
        const world = administrator()
        world.instance.context.RescueTokenSetup.prototype._setUp = (item, typed) => {
            throw new Error(`cannot send ${typed.password}`)
        }
        const { notes, left } = order(world)
        assert.match(notes[0], /ended with an error/)
        assert.deepEqual(left, BLANKED)
        assert.equal(world.instance.log.length, 1)
    })
})

describe('the renewal of a token', () => {
    it('is left to the connector with the password, if it may keep it', () => {
        const world = accepting()
        const { notes, state } = order(world)
        assert.deepEqual(calls(world), [
            'GET /settings/acme',
            'POST /oauth_token.do',
            'POST /token/acme',
            ['PUT /secrets/acme/service-account-password', { value: PASSWORD }],
        ])
        assert.match(notes[0], KEPT)
        assert.doesNotMatch(notes[0], /2026/)
        assert.equal(state, '3')
    })

    it('stays with an administrator if the connector may not keep the password', () => {
        const world = storing({}, { service_account: 'svc.other' })
        const { notes, state } = order(world, { keep_password: 'false' })
        assert.deepEqual(calls(world).slice(3), [])
        assert.match(notes[0], ENDS)
        assert.equal(state, '3')
        for (const { path, body } of world.server.requests) {
            assert.ok(path === '/oauth_token.do' || !body.includes(PASSWORD), path)
        }
    })

    it('goes on with a password that the connector has from before', () => {
        const world = storing({}, {}, { hasPassword: true })
        const { notes } = order(world, { keep_password: 'false' })
        assert.match(notes[0], /still has a password.*otherwise it ends on 2026-08-12/)
    })

    it('needs the user name as well, and the grant', () => {
        for (const [have, wanted] of [
            [{ service_account: '' }, { service_account: 'svc.rescue' }],
            [{ service_account: 'svc.old', grant: 'client_credentials' }, { service_account: 'svc.rescue', grant: 'refresh_token' }],
            [{ service_account: 'SVC.Rescue', grant: 'password' }, { grant: 'refresh_token' }],
        ]) {
            const world = storing({}, have)
            world.server.json(200, settings({}, { version: 8 })).raw(204, '')
            const { notes, state } = order(world)
            assert.deepEqual(calls(world).slice(3), [
                ['PATCH /settings/acme', { servicenow: wanted }],
                ['PUT /secrets/acme/service-account-password', { value: PASSWORD }],
            ])
            assert.equal(world.server.requests[3].headers['if-match'], '"7"')
            assert.match(notes[0], KEPT)
            assert.equal(state, '3')
        }
    })

    it('needs the grant also without the password', () => {
        const world = storing({}, { grant: 'client_credentials', service_account: 'svc.other' })
        world.server.json(200, settings({}, { version: 8 }))
        assert.match(order(world, { keep_password: 'false' }).notes[0], ENDS)
        assert.deepEqual(calls(world).slice(3), [['PATCH /settings/acme', { servicenow: { grant: 'refresh_token' } }]])
    })

    it('is not prevented by another administrator who saves at the same time', () => {
        const world = storing({}, { service_account: '' })
        world.server.json(412, refusal('settings-changed'))
        world.server.json(200, settings({ service_account: '' }, { version: 8 }))
        world.server.json(200, settings({}, { version: 9 })).raw(204, '')
        assert.match(order(world).notes[0], KEPT)
        assert.equal(world.server.requests[5].headers['if-match'], '"8"')

        const again = storing({}, { service_account: '' })
        again.server.json(412, refusal('settings-changed')).json(200, settings({ service_account: '' }, { version: 8 }))
        again.server.json(412, refusal('settings-changed'))
        const { notes, state } = order(again)
        assert.match(notes[0], /did not get the password.*Other administrators keep changing/)
        assert.match(notes[0], ENDS)
        assert.equal(state, '3')
    })

    it('is not promised when the settings refuse the user name, and the password is not sent', () => {
        for (const [status, code, said] of [
            [409, 'managed-by-file', /Ask the operator to change them/],
            [403, 'operator-only', /Only the operator/],
        ]) {
            const world = storing({}, { service_account: 'svc.old' })
            world.server.json(status, refusal(code))
            const { notes, state } = order(world)
            assert.equal(calls(world).length, 4)
            assert.match(notes[0], /^Rescue Connector has the refresh token.*did not get the password/)
            assert.match(notes[0], said)
            assert.match(notes[0], ENDS)
            assert.equal(state, '3')
        }
    })

    it('is not set up when the settings refuse the grant', () => {
        const world = storing({}, { grant: 'client_credentials' })
        world.server.json(409, refusal('managed-by-file'))
        const { notes, state } = order(world)
        assert.equal(calls(world).length, 4)
        assert.match(notes[0], /has the refresh token.*does not use the refresh token yet.*\(managed-by-file, r-1\).*order the set-up again/)
        assert.equal(state, '4')
    })

    it('is not promised when the password is refused, or the outcome is unknown', () => {
        const refused = storing()
        refused.server.json(422, refusal('invalid-settings', '/secrets/service-account-password The secret has a control character.'))
        const { notes, state } = order(refused)
        assert.match(notes[0], /Handing the password.*failed\..*control character.*\(invalid-settings, r-1\)/)
        assert.match(notes[0], ENDS)
        assert.equal(state, '3')

        const silent = storing()
        silent.server.hangUp()
        const unknown = order(silent)
        assert.match(unknown.notes[0], /Handing the password.*failed\..*\(unreachable\)/)
        assert.match(unknown.notes[0], ENDS)
        assert.deepEqual(unknown.left, BLANKED)
    })

    it('is not promised after an error in between, and the note says that the token is stored', () => {
        const world = storing()
        world.instance.context.RescueTokenSetup.prototype._renewal = (typed) => {
            throw new Error(`cannot send ${typed.password}`)
        }
        const { notes, state, left } = order(world)
        assert.match(notes[0], /^Rescue Connector has the refresh token.*ended with an error/)
        assert.match(notes[0], ENDS)
        assert.equal(state, '4')
        assert.deepEqual(left, BLANKED)
        assert.equal(world.instance.log.length, 1)
    })
})

describe('the set-up of client credentials', () => {
    const CLIENT = { grant: 'client_credentials', client_id: 'client-1' }
    const ACCESS = { access_token: GRANTED.access_token, token_type: 'Bearer', expires_in: 1799 }
    const OK = { check: 'servicenow-access', result: 'ok', seen: 'granted by client_credentials, and accepted', remedy: null }
    const PUT = ['PUT /secrets/acme/oauth-client-secret', { value: SECRET }]
    const patch = (servicenow) => ['PATCH /settings/acme', { servicenow }]

    /** An instance that gives an access token, and a connector that takes everything. */
    function taking(status) {
        const world = readable()
        world.server.json(200, ACCESS).raw(204, '').json(200, settings(CLIENT, { version: 9 }))
        return status ? (world.server.json(200, status), world) : world
    }

    it('hands the client over and proves that it works', () => {
        const world = taking({ checks: [{ check: 'servicenow-reachable', result: 'ok' }, OK] })
        const { notes, state, left } = order(world, BY_CLIENT)
        assert.deepEqual(calls(world), [
            'GET /settings/acme',
            'POST /oauth_token.do',
            PUT,
            patch({ client_id: 'client-1', grant: 'client_credentials' }),
            'GET /status/acme?checks=true',
        ])
        const form = Object.fromEntries(new URLSearchParams(world.server.requests[1].body))
        assert.deepEqual(form, { client_id: 'client-1', client_secret: SECRET, grant_type: 'client_credentials' })
        assert.match(world.server.requests[3].headers['if-match'], /^"\d+"$/)
        assert.equal(notes.length, 1)
        assert.match(notes[0], /has proved that it works\. Nothing has to be renewed/)
        assert.equal(state, '3')
        assert.equal(left.client_secret, '')
    })

    it('sends a new secret alone where the settings fit', () => {
        const world = readable({}, CLIENT)
        world.server.json(200, ACCESS).raw(204, '').json(200, { checks: [OK] })
        assert.equal(order(world, BY_CLIENT).state, '3')
        assert.deepEqual(calls(world).slice(2), [PUT, 'GET /status/acme?checks=true'])
    })

    it('never uses or sends a password that was typed before the choice', () => {
        const world = taking({ checks: [OK] })
        const { left } = order(world, { sign_in: 'client_credentials' })
        assert.deepEqual(left, { ...BLANKED, sign_in: 'client_credentials' })
        for (const { body } of world.server.requests) {
            assert.ok(!body.includes(PASSWORD) && !body.includes(encodeURIComponent(PASSWORD)))
        }
    })

    it('is possible while the integration is switched off', () => {
        const world = administrator({}, { enabled: '0' })
        world.server.json(200, settings(CLIENT)).json(200, ACCESS).raw(204, '').json(200, { checks: [OK] })
        assert.equal(order(world, BY_CLIENT).state, '3')
    })

    it('says what is wrong when the connector cannot sign in', () => {
        const failed = { ...OK, result: 'failed', seen: 'ServiceNow refuses the client', remedy: 'Check [code]the client[/code].' }
        const { notes, state } = order(taking({ checks: [failed] }), BY_CLIENT)
        assert.match(notes[0], /attempt failed\. ServiceNow refuses the client\. Check \(code\)the client\(\/code\)\./)
        assert.match(notes[0], /grant_type\.enabled with the value true, and an OAuth Application User/)
        assert.equal(state, '4')
    })

    it('leaves the proof to the settings form where the connector gives none', () => {
        const seen = [{ checks: [{ ...OK, result: 'skipped' }] }, { checks: [null, { check: 'other', result: 'failed' }] }, {}]
        for (const status of seen) {
            const { notes, state } = order(taking(status), BY_CLIENT)
            assert.match(notes[0], /from now on\. It has not tried that out yet: press "Test now"[^.]*\.$/)
            assert.equal(state, '3')
        }
        const silent = taking()
        silent.server.hangUp()
        const { notes, state } = order(silent, BY_CLIENT)
        assert.match(notes[0], /press "Test now".*\(unreachable\)/)
        assert.equal(state, '3')
    })

    it('changes nothing when the instance refuses the client, and names the property', () => {
        const world = readable()
        world.server.json(401, { error: 'server_error', error_description: 'access_denied' })
        const { notes, state } = order(world, BY_CLIENT)
        assert.equal(calls(world).length, 2)
        assert.match(notes[0], /HTTP status 401, server_error.*client\.credential\.grant_type\.enabled.*OAuth Application User/)
        assert.doesNotMatch(notes[0], /password/)
        assert.equal(state, '4')
    })

    it('leaves the way to sign in as it was when a part is refused', () => {
        const first = administrator()
        first.server.json(200, { ...settings(), managed_by: 'file' })
        const managed = order(first, BY_CLIENT)
        assert.match(managed.notes[0], /not begun\..*Ask the operator.*\(managed-by-file\).*order the set-up again/)
        assert.deepEqual(calls(first), ['GET /settings/acme'])

        const second = readable({}, { client_id: 'client-1' })
        second.server.json(200, ACCESS).json(503, refusal('storage-unavailable'))
        const refused = order(second, BY_CLIENT)
        assert.match(refused.notes[0], /not finished\..*\(storage-unavailable, r-1\)/)
        assert.deepEqual(calls(second).slice(2), [PUT])

        const third = readable({}, { client_id: 'client-1' })
        third.server.json(200, ACCESS).raw(204, '').hangUp()
        const unknown = order(third, BY_CLIENT)
        assert.match(unknown.notes[0], /not finished\..*\(unreachable\)/)
        assert.deepEqual([managed.state, refused.state, unknown.state], ['4', '4', '4'])
    })

    it('asks for what is missing, which is not the service account', () => {
        for (const missing of [{ client_id: '' }, { client_secret: '' }]) {
            const world = administrator()
            assert.match(order(world, { ...BY_CLIENT, ...missing }).notes[0], /Something is missing.*client secret are needed/)
            assert.deepEqual(world.server.requests, [])
        }
    })
})

describe('the form of the token set-up', () => {
    const fluent = fs.readFileSync(path.join(__dirname, '..', 'src', 'fluent', 'token.now.ts'), 'utf8')

    it('asks for what the script reads', () => {
        const variables = [...fluent.matchAll(/^ {8}(\w+): \w+Variable\(/gm)].map(([, name]) => name)
        assert.deepEqual(variables, Object.keys(TYPED))
    })

    it('requires the service account for a refresh token only', () => {
        const [, policy] = fluent.split('CatalogUiPolicy({')
        assert.match(policy, /catalogCondition: `\$\{tokenSetup\.variables\.sign_in\}=refresh_token\^EQ`/)
        for (const name of ['service_account', 'service_password']) {
            assert.match(policy, new RegExp(`variables\\.${name}, visible: true, mandatory: true`))
            const [, declared] = fluent.split(`        ${name}: `)
            assert.doesNotMatch(declared.split('}),')[0], /mandatory/, 'a mandatory variable cannot be hidden')
        }
    })
})

describe('a password grant that is refused', () => {
    const DISABLED = 'glide.oauth.inbound.ropc.grant_type.disabled'

    it('names the property that may forbid it, and the way out', () => {
        const world = readable()
        world.server.json(401, { error: 'server_error' })
        const { notes } = order(world)
        assert.match(notes[0], /Check client id.*ropc\.grant_type\.disabled.*choose client credentials.*OAuth Application User/)
    })

    it('because of the property says that alone', () => {
        const world = readable({ properties: { [DISABLED]: 'true' } })
        world.server.json(400, { error: 'unsupported_grant_type' })
        const { notes, state } = order(world)
        assert.match(notes[0], /400, unsupported_grant_type\): its property glide\.oauth\.inbound\.ropc\.grant_type\.disabled is true/)
        assert.match(notes[0], /choose client credentials.*client\.credential\.grant_type\.enabled.*OAuth Application User/)
        assert.doesNotMatch(notes[0], /nearly every cause/)
        assert.equal(state, '4')
    })
})

describe('an instance that logs headers or bodies of outbound requests', () => {
    const OVERRIDE = { 'glide.outbound_http_log.override': 'true', 'glide.outbound_http_log.override.level': 'all' }

    it('sends nothing, and the note says why', () => {
        for (const typed of [{}, BY_CLIENT]) {
            const world = administrator({ properties: OVERRIDE })
            const { notes, state, left } = order(world, typed)
            assert.match(notes[0], /glide\.outbound_http_log\.override.*\(outbound-logged\)/)
            assert.equal(state, '4')
            assert.equal(left.client_secret + left.service_password, '')
            assert.deepEqual(world.server.requests, [])
        }
    })

    it('sends nothing more when it begins to log in between', () => {
        const paths = ['/settings/', '/oauth_token.do', '/token/']
        for (const [index, make] of [readable, granting, storing].entries()) {
            const world = make()
            const after = (url) => url.includes(paths[index]) && Object.assign(world.instance.properties, OVERRIDE)
            aroundRequests(world.instance, { after })
            const { notes, left } = order(world)
            assert.match(notes[0], /\(outbound-logged\)/)
            assert.equal(world.server.requests.length, index + 1)
            assert.deepEqual(left, BLANKED)
        }
    })
})

describe('the masked variables', () => {
    it('are blanked before anything is sent', () => {
        const { instance } = accepting()
        const item = instance.order(TYPED)
        const seen = []
        aroundRequests(instance, { before: () => seen.push(instance.variables(item)) })
        instance.carryOut(item)
        assert.deepEqual(seen, [BLANKED, BLANKED, BLANKED, BLANKED])
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

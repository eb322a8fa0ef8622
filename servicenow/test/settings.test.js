'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { API_KEY, SECRETS, TABLES, addIncident, setUp } = require('./settings')

const CODE = 'Zk2_vT-0mXw4R9bYc1LdE6sHj3NfGuAoIi5PxKtQMq7'
const WEBHOOK_KEY = 'b5c1LdE6sHj3NfGuAoIi5PxKtQMq7Zk2_vT-0mXw4R9'
const PASSWORD = 'p&ss=w%rd+1~<ü'
SECRETS.push(CODE, WEBHOOK_KEY, PASSWORD)

const ADMINISTRATOR = { user: { roles: ['x_rescue_conn.admin'] } }
const URLS = {
    started: `https://connector.acme.test/w/acme/${WEBHOOK_KEY}?event=started`,
    ended: `https://connector.acme.test/w/acme/${WEBHOOK_KEY}?event=ended`,
}

/** The connector's answer to GET and PATCH of the settings. */
const answer = (version, changes = {}) => ({
    version,
    managed_by: changes.managed_by || 'servicenow',
    settings: {
        tenant: 'acme',
        enabled: true,
        language: 'en',
        rescue: {
            account: 'global',
            company_id: '112938',
            require_console: false,
            technician_domains: ['acme.test', 'acme.example'],
            reconcile: 'off',
            reconcile_after: '2 hours',
            report_technician: '',
            report_nodes: [],
            ...changes.rescue,
        },
        servicenow: {
            instance: 'https://acme.service-now.com',
            grant: 'refresh_token',
            client_id: 'client-1',
            service_account: 'svc.rescue',
            refresh_token_lifetime: '100 days',
        },
        sessions: {
            publish: 'all',
            fields: [],
            chat: 'note',
            console_sessions: 'ignore',
            closed_records: 'note',
            reference_fields: ['CField1'],
            require_signed_tracking: true,
            reauthorization_wait: '13 days',
            columns: { WorkTime: 'u_rescue_seconds' },
            new_record: { columns: {} },
            session_table: '',
            ...changes.sessions,
        },
        tables: changes.settings || {},
        notifications: { email_technician: true, email_customer: true, pin_note: true },
        debug: { logging: false, rescue_api: false },
    },
    tables: changes.tables || [TABLES.incident, TABLES.sn_customerservice_case],
    secrets: {
        'sso-password': { set: true, changed_at: '2026-05-03T08:00:00.000Z' },
        'rescue-api-token': { set: false, changed_at: null },
        'oauth-client-secret': { set: true, changed_at: null },
        'service-account-password': { set: false, changed_at: null },
    },
    webhook_keys: [
        { id: 'wk-2', created_at: '2026-05-02T08:00:00.000Z' },
        { id: 'wk-1', created_at: '2026-05-01T08:00:00.000Z' },
    ],
})
const ENROLLED = { api_key: API_KEY, key_id: 'k-1', scopes: ['pin', 'token', 'settings'], webhook_urls: URLS }
const problem = (code, more = {}) => ({ code, title: 'T.', detail: 'D.', request_id: 'r-1', ...more })

const STATUS = {
    token: { state: 'healthy', days_left: 99, renews_itself: true },
    posts: { last_day: {} },
    paused: null,
    missed_sessions: null,
    at: '2026-05-04T09:00:00.000Z',
}

/** An administrator's instance, whose connector tells its status. */
function administrator(settings) {
    const world = setUp(ADMINISTRATOR, settings)
    world.server.always('/integration/api/servicenow/status/acme', 200, STATUS)
    return world
}

/** The settings form of an instance that is connected, opened. */
function opened(settings = {}) {
    const world = administrator(settings)
    return { ...world, form: open(world, 7) }
}

/** Opens the form; the connector answers with this version of the settings. */
function open({ server, instance }, version, changes) {
    server.json(200, answer(version, changes))
    return instance.openSettings()
}

/** The requests that change something, as [method, path, body]. */
const changes = (server) =>
    server.requests
        .filter((request) => request.method !== 'GET')
        .map(({ method, path, body }) => [method, path, body && JSON.parse(body)])

const PATCH = (body) => ['PATCH', '/integration/api/servicenow/settings/acme', body]

describe('the settings form', () => {
    it('shows what the connector has, each time it is opened', () => {
        const { server, instance, form } = opened()
        const { shown } = form
        assert.equal(shown.rescue_company_id, '112938')
        assert.equal(shown.technician_domains, 'acme.test, acme.example')
        assert.equal(shown.record_columns, 'WorkTime = u_rescue_seconds')
        assert.equal(shown.require_signed_tracking, '1')
        assert.equal(shown.sso_password, '', 'no secret is shown')
        assert.equal(shown.sso_password_state, 'This secret was set on 2026-05-03.')
        assert.equal(shown.oauth_client_secret_state, 'This secret is set.')
        assert.equal(shown.rescue_api_token_state, 'This secret is not set.')
        assert.equal(shown.webhook_keys, 'Key wk-2 was made on 2026-05-02.\nKey wk-1 was made on 2026-05-01.')
        assert.deepEqual(instance.shown(), [])
        const [request] = server.requests
        assert.equal(request.headers.authorization, `Bearer ${API_KEY}`)

        const later = open({ server, instance }, 8, { sessions: { publish: 'none' } })
        assert.equal(later.shown.publish, 'none')
    })

    it('keeps what the connector says about tables, for the PIN buttons', () => {
        const { server, instance, form } = opened()
        const known = () => JSON.parse(instance.settings().tenant_tables).map((each) => each.name)
        assert.deepEqual(known(), ['incident', 'sn_customerservice_case'])
        const problem = instance.add('problem', { state: '101', active: '1' })
        assert.deepEqual(instance.buttons('problem', problem), [])

        const tables = Object.values(TABLES)
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { tables }))
        }
        form.type({ publish: 'none' }).save()
        assert.deepEqual(known(), Object.keys(TABLES))
        assert.equal(instance.buttons('problem', problem).length, 2)

        server.json(200, { ...answer(8), tables: undefined })
        instance.openSettings()
        assert.equal(instance.settings().tenant_tables, '', 'a connector of an earlier release')
    })

    it('opens with what was last read when the connector does not answer, and says so', () => {
        const { server, instance, form } = opened()
        form.type({ publish: 'none' })
        server.json(200, answer(8, { sessions: { publish: 'none' } }))
        server.json(200, answer(8, { sessions: { publish: 'none' } })).hangUp()
        const again = form.save()
        assert.equal(again.shown.publish, 'none')
        assert.match(instance.shown('error')[0], /as they were last read\. .*\(unreachable\)/)
    })

    it('sends what was changed, with the version that was read, and who changed it', () => {
        const { server, form } = opened()
        form.type({
            publish: 'selected',
            published_fields: 'TechName; WorkTime,\n Note ,',
            enabled: false,
            caller_field: 'CField2',
            record_columns: 'Note = u_note\nChatLog=u_chat = x',
            new_record_columns: 'category = software',
        })
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8))
        }
        form.save()
        assert.deepEqual(changes(server), [
            PATCH({
                enabled: false,
                sessions: {
                    publish: 'selected',
                    fields: ['TechName', 'WorkTime', 'Note'],
                    columns: { WorkTime: null, Note: 'u_note', ChatLog: 'u_chat = x' },
                    new_record: { caller_field: 'CField2', columns: { category: 'software' } },
                },
            }),
        ])
        const [patch] = server.requests.filter((request) => request.method === 'PATCH')
        assert.equal(patch.headers['if-match'], '"7"')
        assert.equal(patch.headers['changed-by'], 'ana.ruiz')
    })

    it('takes a setting back to its default when its field is emptied', () => {
        const { server, form } = opened()
        form.type({ reauthorization_wait: '', technician_domains: ' ' })
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8))
        }
        form.save()
        assert.deepEqual(changes(server), [
            PATCH({ rescue: { technician_domains: [] }, sessions: { reauthorization_wait: null } }),
        ])
    })

    it('sends nothing when nothing was changed, and for what only this instance needs', () => {
        const { server, instance, form } = opened()
        server.json(200, answer(7))
        form.type({ show_button: 'open', debug: true }).save()
        assert.deepEqual(changes(server), [])
        assert.equal(instance.settings().show_button, 'open')
        assert.ok(!instance.evaluate(`new x_rescue_conn.RescueConnection().showsOnClosedRecords()`))
    })

    it('shows and sends how sessions are compared with the report of Rescue', () => {
        const rescue = { reconcile: 'watch', report_technician: 'ana.ruiz', report_nodes: ['4455667', '2001'] }
        const world = administrator()
        const { server } = world
        const form = open(world, 7, { rescue })
        const { reconcile, reconcile_after, report_technician, report_nodes } = form.shown
        assert.deepEqual([reconcile, reconcile_after, report_technician, report_nodes], ['watch', '2 hours', 'ana.ruiz', '4455667, 2001'])
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { rescue }))
        }
        form.type({ reconcile: 'write', reconcile_after: '3 hours', report_technician: '', report_nodes: '4455667\r\n2002, 2003' }).save()
        assert.deepEqual(changes(server), [
            PATCH({
                rescue: {
                    reconcile: 'write',
                    reconcile_after: '3 hours',
                    report_technician: null,
                    report_nodes: ['4455667', '2002', '2003'],
                },
            }),
        ])
    })

    it('shows at its field, and in words of the form, what is refused of the comparison', () => {
        for (const [pointer, detail, column, said] of [
            ['/rescue/reconcile', 'must be "off", "watch" or "write"', 'reconcile', 'must be "off", "watch" or "write"'],
            ['/rescue/reconcile_after', 'must be 10 minutes to 1 day', 'reconcile_after', 'must be 10 minutes to 1 day'],
            ['/rescue/report_technician', 'is outside rescue.technician_domains', 'report_technician', 'is outside "Domains of technicians"'],
            ['/rescue/report_nodes', 'Another tenant has this account.', 'report_nodes', 'Another tenant has this account.'],
            ['/rescue/report_nodes/1', 'must be digits', 'report_nodes', 'must be digits'],
        ]) {
            const { server, instance, form } = opened()
            server.json(422, problem('invalid-settings', { errors: [{ pointer, detail }] }))
            server.json(200, answer(7)).json(200, answer(7))
            const again = form.type({ reconcile: 'watch' }).save()
            assert.deepEqual(again.errors, { [column]: said })
            assert.equal(again.shown.reconcile, 'off')
            assert.ok(instance.shown('error').some((text) => text.endsWith(`: ${said}`)), instance.shown('error').join())
        }
    })

    it('keeps values that hold line breaks and blanks as they are', () => {
        const columns = { description: 'Hello\nstate = 7', note: ' "x" ', plain: 'a = b' }
        const world = administrator()
        const { server } = world
        const form = open(world, 7, { sessions: { new_record: { columns } } })
        assert.match(form.shown.new_record_columns, /^description = "Hello\\nstate = 7"$/m)
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { sessions: { new_record: { columns } } }))
        }
        const typed = `${form.shown.new_record_columns.replaceAll('\n', '\r\n')}\r\ncategory = software`
        form.type({ new_record_columns: typed, publish: 'none' }).save()
        assert.deepEqual(changes(server), [
            PATCH({ sessions: { publish: 'none', new_record: { columns: { category: 'software' } } } }),
        ])
    })

    it('is the only way to change settings: a list edit or a script does not know which ones it changes', () => {
        const { server, instance } = opened()
        const record = instance.record('x_rescue_conn_settings', instance.context.RescueConnection.SETTINGS)
        record.setValue('publish', 'none')
        assert.equal(record.update(), null)
        assert.match(instance.shown('error')[0], /on their form only/)
        assert.deepEqual(changes(server), [])
    })

    it('is one record: another one is not inserted, and nothing typed into it is stored', () => {
        const { instance } = opened()
        const record = new instance.context.GlideRecord('x_rescue_conn_settings')
        record.initialize()
        record.setValue('setup_link', `https://connector.acme.test/#acme.${CODE}`)
        record.getElement('sso_password').setDisplayValue(PASSWORD)
        assert.equal(record.insert(), null)
        assert.equal(instance.tables.x_rescue_conn_settings.rows.size, 1)
        assert.match(instance.shown('error')[0], /one settings record only/)
    })

    it('shows record types, and sends what was changed of them', () => {
        const visit = { number_prefix: 'VIS', tracking_code: 'vis', person: '', closed_states: ['3', '4'], open_state: '2' }
        const settings = { problem: {}, incident: { number_prefix: 'ACMEINC', open_state: '1' }, x_acme_visit: visit, sc_task: {} }
        const world = administrator()
        const { server } = world
        const form = open(world, 7, { settings })
        assert.equal(
            form.shown.record_types,
            'problem\nincident: number_prefix = ACMEINC; open_state = 1\n' +
                'x_acme_visit: number_prefix = VIS; tracking_code = vis; person = ; closed_states = 3, 4; open_state = 2\nsc_task'
        )
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { settings }))
        }
        form.type({
            record_types:
                'problem\r\n incident : number_prefix=ACMEINC;\r\nchange_request\r\n\r\nx_acme_trip: number_prefix = TRIP; closed_states = 7\r\n' +
                'x_acme_visit: number_prefix = VIS; tracking_code = vis; person = opened_for; closed_states = 3,4, 5; open_state = 2',
        }).save()
        assert.deepEqual(changes(server), [
            PATCH({
                tables: {
                    incident: { open_state: null },
                    change_request: {},
                    x_acme_trip: { number_prefix: 'TRIP', closed_states: ['7'] },
                    x_acme_visit: { person: 'opened_for', closed_states: ['3', '4', '5'] },
                    sc_task: null,
                },
            }),
        ])
    })

    it('refuses record types that cannot be read, at their field', () => {
        const unreadable = 'Write one table in each line, such as "problem" or "incident: number_prefix = ACMEINC; open_state = 2".'
        for (const [typed, said] of [
            ['problem, incident', unreadable],
            ['incident: number_prefix', unreadable],
            ['incident number_prefix = INC', unreadable],
            ['incident: open_state = 2; open_state = 3', unreadable],
            ['__proto__', unreadable],
            ['problem\nproblem: open_state = 2', 'A table stands in two lines.'],
        ]) {
            const { server, form } = opened()
            server.json(200, answer(7))
            assert.deepEqual(form.type({ record_types: typed }).save().errors, { record_types: said })
            assert.deepEqual(changes(server), [])
        }
        const { server, form } = opened()
        const errors = [{ pointer: '/tables/x_acme_visit/tracking_code', detail: 'has to be set' }]
        server.json(422, problem('invalid-settings', { errors })).json(200, answer(7)).json(200, answer(7))
        const again = form.type({ record_types: 'x_acme_visit: number_prefix = VIS' }).save()
        assert.deepEqual(again.errors, { record_types: 'has to be set' })
    })

    it('shows and sends the types of columns', () => {
        const columns = { WorkTime: { column: 'time_worked', as: 'duration' }, Note: { column: 'u_note', as: 'text' }, ChatLog: 'u_chat' }
        const world = administrator()
        const { server } = world
        const form = open(world, 7, { sessions: { columns } })
        assert.equal(form.shown.record_columns, 'WorkTime = time_worked (duration)\nNote = u_note\nChatLog = u_chat')
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { sessions: { columns } }))
        }
        form.type({
            record_columns: 'WorkTime = time_worked (duration)\nNote = u_note (text)\nChatLog = u_chat (integer)\nTransmitted = u_bytes(integer)',
        }).save()
        assert.deepEqual(changes(server), [
            PATCH({
                sessions: {
                    columns: { ChatLog: { column: 'u_chat', as: 'integer' }, Transmitted: { column: 'u_bytes', as: 'integer' } },
                },
            }),
        ])
        const other = opened()
        other.server.json(200, answer(7))
        const { errors } = other.form.type({ record_columns: 'WorkTime = time_worked (minutes)' }).save()
        assert.match(errors.record_columns, /^After a column write \(integer\) or \(duration\)/)
    })

    it('takes the table of sessions from the app, and any record type for sessions without a record', () => {
        const { server, form } = opened()
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { sessions: { session_table: 'x_rescue_conn_session' } }))
        }
        const again = form.type({ session_table: 'x_rescue_conn_session', console_sessions: 'x_acme_visit' }).save()
        const sessions = { session_table: 'x_rescue_conn_session', console_sessions: 'x_acme_visit' }
        assert.deepEqual(changes(server), [PATCH({ sessions })])
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(9))
        }
        again.type({ session_table: '' }).save()
        assert.deepEqual(changes(server)[1], PATCH({ sessions: { session_table: null } }))
    })

    it('refuses a name that stands in two lines, or that is none', () => {
        for (const [typed, said] of [
            ['Note = a\nNote = b', 'A name stands in two lines.'],
            ['__proto__ = u_x', 'Write one "name = value" in each line.'],
        ]) {
            const { server, form } = opened()
            server.json(200, answer(7))
            assert.deepEqual(form.type({ record_columns: typed }).save().errors, { record_columns: said })
            assert.deepEqual(changes(server), [])
        }
    })

    it('is saved before another button does its work, or the button does nothing', () => {
        const { server, instance, form } = opened()
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { sessions: { publish: 'none' } }))
        }
        form.type({ publish: 'none' }).press('webhook-urls-show')
        assert.deepEqual(changes(server), [PATCH({ sessions: { publish: 'none' } })])
        assert.match(instance.shown('info')[1], /does not know the webhook URLs/)

        const other = opened()
        other.server.json(422, problem('invalid-settings', { errors: [{ pointer: '/sessions/publish', detail: 'no' }] }))
        other.server.json(200, answer(7)).json(200, answer(7))
        other.form.type({ publish: 'none' }).press('webhook-urls-renew')
        assert.deepEqual(changes(other.server).map(([method]) => method), ['PATCH'])
    })

    it('keeps a line that is no entry of a map, and says so at its field', () => {
        const { server, instance, form } = opened()
        server.json(200, answer(7))
        const { errors } = form.type({ record_columns: 'WorkTime u_seconds', publish: 'none' }).save()
        assert.deepEqual(errors, { record_columns: 'Write one "name = value" in each line.' })
        assert.match(instance.shown('error')[0], /^Not saved\. Columns beside the note: Write one/)
        assert.deepEqual(changes(server), [])
        assert.equal(instance.settings().publish, 'all')
    })
})

describe('what the connector refuses', () => {
    it('stands at its field, and nothing of it is kept', () => {
        const { server, instance, form } = opened()
        const errors = [
            { pointer: '/rescue/company_id', detail: 'has to be <digits>' },
            { pointer: '/sessions/columns/WorkTime', detail: 'names no column' },
            { pointer: '/later', detail: 'is of a later release' },
        ]
        server.json(422, problem('invalid-settings', { errors })).json(200, answer(7)).json(200, answer(7))
        form.type({ rescue_company_id: 'x', record_columns: 'WorkTime = 9', sso_password: PASSWORD })
        const again = form.save()
        assert.deepEqual(again.errors, { rescue_company_id: 'has to be <digits>', record_columns: 'names no column' })
        assert.deepEqual(instance.shown('error'), [
            'Not saved. Company id: has to be <digits>',
            'Not saved. Columns beside the note: names no column',
            '/later: is of a later release',
        ])
        assert.ok(instance.messages.every((message) => !/[<>]/.test(message.html)))
        assert.equal(again.shown.rescue_company_id, '112938')
        assert.ok(!instance.settings().sso_password)
        assert.deepEqual(changes(server).map(([method]) => method), ['PATCH'], 'no secret is sent after a refusal')
    })

    it('is the older of two changes: the second administrator is told, and sees the newer state', () => {
        const world = opened()
        const { server, instance, form } = world
        const second = open(world, 7)
        for (let i = 0; i < 3; i++) {
            server.json(200, answer(8, { sessions: { publish: 'none' } }))
        }
        form.type({ publish: 'none' }).save()

        const newer = answer(8, { sessions: { publish: 'none' } })
        server.json(412, problem('settings-changed')).json(200, newer).json(200, newer)
        const again = second.type({ chat: 'omit' }).save()
        const patches = server.requests.filter((request) => request.method === 'PATCH')
        assert.deepEqual(patches.map((request) => request.headers['if-match']), ['"7"', '"7"'])
        assert.match(instance.shown('error').join(), /Another administrator has changed.*\(settings-changed, r-1\)/)
        assert.deepEqual([again.shown.publish, again.shown.chat], ['none', 'note'])
    })

    it('is a setting of the operator, or a tenant whose settings are in a file', () => {
        for (const [status, code, said] of [
            [403, 'operator-only', /Only the operator of Rescue Connector/],
            [409, 'managed-by-file', /in a file/],
            [401, 'unauthorized', /set-up link/],
        ]) {
            const { server, instance, form } = opened()
            server.json(status, problem(code)).json(200, answer(7)).json(200, answer(7))
            const again = form.type({ publish: 'none' }).save()
            assert.match(instance.shown('error')[0], said)
            assert.equal(again.shown.publish, 'all')
        }
    })

    it('is unknown when the connector does not answer: nothing is kept here', () => {
        const { server, instance, form } = opened()
        server.hangUp().json(200, answer(7))
        const again = form.type({ publish: 'none' }).save()
        assert.match(instance.shown('error')[0], /\(unreachable\)/)
        assert.equal(again.shown.publish, 'all')
    })
})

describe('a secret on the form', () => {
    it('is sent when it was typed, and never stored in ServiceNow', () => {
        const { server, instance, form } = opened()
        form.type({ service_account_password: PASSWORD, sso_password: ` ${PASSWORD} ` })
        server.raw(204, '').raw(204, '')
        server.json(200, answer(9)).json(200, answer(9))
        form.save()
        const path = '/integration/api/servicenow/secrets/acme'
        assert.deepEqual(changes(server), [
            ['PUT', `${path}/sso-password`, { value: ` ${PASSWORD} ` }],
            ['PUT', `${path}/service-account-password`, { value: PASSWORD }],
        ])
        const stored = instance.settings()
        assert.deepEqual([stored.sso_password, stored.service_account_password], ['', ''])
        assert.deepEqual(instance.shown(), ['Saved. A change counts within a minute.'])
    })

    it('that is refused is named at its field; everything else is saved, and the form says so', () => {
        const { server, instance, form } = opened()
        const errors = [{ pointer: '/secrets/sso-password', detail: 'is too long' }]
        const now = answer(8, { sessions: { publish: 'none' } })
        server.json(200, now).json(422, problem('invalid-settings', { errors })).raw(204, '')
        server.json(200, now).json(200, now)
        form.type({ publish: 'none', show_button: 'open', sso_password: PASSWORD, service_account_password: PASSWORD })
        const again = form.save()
        assert.deepEqual(again.errors, { sso_password: 'is too long' })
        assert.deepEqual(instance.shown('info'), ['Everything else was saved.'])
        assert.deepEqual([again.shown.publish, again.shown.show_button], ['none', 'open'])
        assert.equal(instance.settings().version, '8')
    })

    it('has to be typed again after a refusal that came before it', () => {
        const { server, instance, form } = opened()
        server.json(409, problem('managed-by-file')).json(200, answer(7)).json(200, answer(7))
        const again = form.type({ publish: 'none', show_button: 'open', sso_password: PASSWORD }).save()
        assert.match(instance.shown('info')[0], /^No secret was sent\./)
        assert.equal(again.shown.show_button, 'open')
    })

    it('is not sent while the instance logs outbound requests', () => {
        const properties = { 'glide.outbound_http_log.override': 'true', 'glide.outbound_http_log.override.level': 'all' }
        const { server, instance, form } = opened()
        Object.assign(instance.properties, properties)
        form.type({ sso_password: PASSWORD }).save()
        assert.deepEqual(changes(server), [])
        assert.match(instance.shown('error')[0], /Nothing was sent.*\(outbound-logged\)/)
    })
})

describe('the set-up link', () => {
    const unconnected = { enabled: '', connector_url: '', tenant: '', connected_instance: '', api_key: '' }
    const fresh = () => {
        const world = administrator(unconnected)
        return { ...world, form: world.instance.openSettings(), link: `${world.server.url}/#acme.${CODE}` }
    }

    it('connects the instance, and shows both webhook URLs', () => {
        const { server, instance, form, link } = fresh()
        assert.match(instance.shown('info')[0], /^Not connected yet\./)
        instance.messages = []
        server.json(201, ENROLLED).json(200, answer(2)).json(200, answer(2))
        const again = form.type({ setup_link: ` ${link}\n` }).save()

        const [request] = server.requests
        assert.equal(request.path, '/integration/api/servicenow/enrolment/acme')
        assert.equal(request.headers.authorization, `Bearer ${CODE}`)
        assert.deepEqual(JSON.parse(request.body), { instance: server.url })
        assert.equal(server.requests[1].headers.authorization, `Bearer ${API_KEY}`)
        assert.deepEqual(instance.shown(), [
            `Connected to ${server.url} as tenant acme.`,
            `URL for the start of a session: ${URLS.started}`,
            `URL for the end of a session: ${URLS.ended}`,
            'Each holds a key. Treat them like a password.',
            'Next: hand the token over in Rescue Connector > Token set-up. Then press "Test now".',
        ])
        assert.equal(again.shown.tenant, 'acme')
        assert.equal(again.shown.setup_link, '')
        assert.equal(again.shown.enabled, '1')
        assert.match(instance.settings().tenant_tables, /"sn_customerservice_case"/)
        const row = instance.tables.x_rescue_conn_settings.rows.values().next().value
        for (const secret of [API_KEY, CODE, WEBHOOK_KEY]) {
            assert.ok(!JSON.stringify(row).includes(secret), 'stored in clear')
        }
    })

    it('and settings typed beside it are saved at once', () => {
        const { server, form, link } = fresh()
        server.json(201, ENROLLED).json(200, answer(2)).json(200, answer(3)).raw(204, '')
        server.json(200, answer(3)).json(200, answer(3))
        form.type({ setup_link: link, rescue_company_id: '112938', sso_password: PASSWORD }).save()
        const [, patch, put] = changes(server)
        assert.deepEqual(patch, PATCH({ rescue: { company_id: '112938' } }))
        assert.equal(put[1], '/integration/api/servicenow/secrets/acme/sso-password')
        assert.equal(server.requests.find(({ method }) => method === 'PATCH').headers['if-match'], '"2"')
    })

    it('leaves the settings that the tenant has, and sends what was typed alone', () => {
        const { server, form, link } = fresh()
        const has = { sessions: { publish: 'none', chat: 'omit' } }
        server.json(201, ENROLLED).json(200, answer(2, has)).json(200, answer(3, has)).json(200, answer(3, has))
        server.json(200, answer(3, has))
        const again = form.type({ setup_link: link, rescue_company_id: '112938' }).save()
        assert.deepEqual(changes(server)[1], PATCH({ rescue: { company_id: '112938' } }))
        assert.deepEqual([again.shown.publish, again.shown.chat], ['none', 'omit'])
    })

    it('is not used up by a save that cannot go on', () => {
        const { server, instance, form, link } = fresh()
        form.type({ setup_link: link, record_columns: 'x', sso_password: PASSWORD }).save()
        assert.equal(server.requests.length, 0)
        assert.match(instance.shown('info').join(), /No secret was sent/)
    })

    it('may be copied in quotation marks and over two lines', () => {
        const { server, form, link } = fresh()
        server.json(201, ENROLLED).json(200, answer(2)).json(200, answer(2))
        const again = form.type({ setup_link: `„${link.slice(0, 40)}\n \u200b${link.slice(40)}“.` }).save()
        assert.equal(again.shown.tenant, 'acme')
    })

    it('of another tenant says that Rescue still posts to the former one', () => {
        const { server, instance, form } = opened({ tenant: 'globex' })
        server.json(201, ENROLLED).json(200, answer(2)).json(200, answer(2))
        form.type({ setup_link: `${server.url}/#acme.${CODE}` }).save()
        assert.match(instance.shown('info').join(), /connected as tenant globex before/)
    })

    it('brings no connection when the answer has no key', () => {
        const { server, instance, form } = opened()
        server.json(201, { ...ENROLLED, api_key: undefined }).json(200, answer(7))
        const again = form.type({ setup_link: `${server.url}/#acme.${CODE}` }).save()
        assert.match(again.errors.setup_link, /not Rescue Connector/)
        assert.equal(instance.settings().api_key, API_KEY)
    })

    it('stays connected when the settings typed beside it are refused', () => {
        const { server, instance, form, link } = fresh()
        const errors = [{ pointer: '/rescue/company_id', detail: 'has to be digits' }]
        server.json(201, ENROLLED).json(200, answer(2)).json(422, problem('invalid-settings', { errors }))
        server.json(200, answer(2)).json(200, answer(2))
        const again = form.type({ setup_link: link, rescue_company_id: 'x' }).save()
        assert.deepEqual(again.errors, { rescue_company_id: 'has to be digits' })
        assert.equal(instance.settings().api_key, API_KEY)
    })

    it('that is none, or that the connector refuses, says so and keeps the connection that there was', () => {
        for (const link of ['acme', 'http://connector.acme.test/#acme.' + CODE, `https://x.test/#acme.${CODE}x`, 'https://x.test']) {
            const { server, instance, form } = opened()
            server.json(200, answer(7))
            const again = form.type({ setup_link: link }).save()
            assert.match(again.errors.setup_link, /^This is not a whole set-up link/)
            assert.equal(instance.settings().api_key, API_KEY)
            assert.deepEqual(changes(server), [])
        }
        for (const [status, code, said] of [
            [401, 'unauthorized', /was used already, has ended, or was not copied/],
            [409, 'instance-mismatch', /for another instance than http:.*\. D\./],
            [409, 'too-many-keys', /connected twice already.*it still works/],
        ]) {
            const { server, instance, form } = opened()
            server.json(status, problem(code)).json(200, answer(7))
            const again = form.type({ setup_link: `${server.url}/#acme.${CODE}` }).save()
            assert.match(again.errors.setup_link, said)
            assert.equal(instance.settings().api_key, API_KEY)
        }
    })

    it('is needed before anything else can be saved', () => {
        const { server, instance, form } = fresh()
        const again = form.type({ publish: 'none' }).save()
        assert.match(instance.shown('error')[0], /not connected.*\(not-connected\)/)
        assert.equal(again.shown.publish, '')
        assert.equal(server.requests.length, 0)
    })

    it('does nothing on an instance that does not know its own URL', () => {
        const { server, instance, form, link } = fresh()
        instance.properties['glide.servlet.uri'] = ''
        const again = form.type({ setup_link: link }).save()
        assert.match(again.errors.setup_link, /glide\.servlet\.uri/)
        assert.equal(server.requests.length, 0)
    })
})

describe('the webhook URLs', () => {
    it('are made new beside the present ones, shown, and shown again', () => {
        const { server, instance, form } = opened()
        server.json(201, { id: 'wk-3', webhook_urls: URLS }).json(200, answer(8)).json(200, answer(8))
        form.press('webhook-urls-renew')
        assert.deepEqual(changes(server), [['POST', '/integration/api/servicenow/webhook-keys/acme', {}]])
        assert.equal(instance.shown('info')[0], `URL for the start of a session: ${URLS.started}`)
        assert.match(instance.shown('info')[3], /for each technician group/)
        instance.messages = []
        server.json(200, answer(8)).json(200, answer(8))
        instance.openSettings().press('webhook-urls-show')
        assert.equal(instance.shown('info')[1], `URL for the end of a session: ${URLS.ended}`)
    })

    it('are not made while two are in use', () => {
        const { server, instance, form } = opened()
        server.json(409, problem('too-many-keys')).json(200, answer(7))
        form.press('webhook-urls-renew')
        assert.match(instance.shown('error')[0], /Retire the old one first/)
    })

    it('are retired but for the newest, which were made here', () => {
        const { server, instance, form } = opened({ webhook_key_id: 'wk-2' })
        const after = { ...answer(8), webhook_keys: [answer(8).webhook_keys[0]] }
        server.json(200, answer(7)).raw(204, '').json(200, after).json(200, after)
        const again = form.press('webhook-urls-retire')
        assert.deepEqual(changes(server), [['DELETE', '/integration/api/servicenow/webhook-keys/acme/wk-1', '']])
        assert.equal(again.shown.webhook_keys, 'Key wk-2 was made on 2026-05-02.')
        assert.deepEqual(instance.shown('info'), ['Only the newest webhook URLs work from now on.'])
    })

    it('are not retired while the newest were made elsewhere: Rescue may not have them yet', () => {
        for (const webhook_key_id of ['wk-1', 'wk-0', '']) {
            const { server, instance, form } = opened({ webhook_key_id })
            server.json(200, answer(7)).json(200, answer(7))
            form.press('webhook-urls-retire')
            assert.deepEqual(changes(server), [])
            assert.match(instance.shown('error')[0], /were not made here/)
        }
    })
})

it('an error in the form is no secret, and saves nothing', () => {
    const { instance, form } = opened()
    instance.context.RescueConnection.prototype.call = () => {
        throw new Error(`quotes ${PASSWORD}`)
    }
    form.type({ publish: 'none', sso_password: PASSWORD }).save()
    assert.match(instance.shown('error')[0], /An error in this instance/)
    assert.equal(instance.settings().publish, 'all')
    addIncident(instance)
})

'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { task } = require('./glide/tables')
const { API_KEY, TABLES, addIncident, setUp } = require('./settings')

const SENT = [
    { to: 'technician', status: 'sent' },
    { to: 'customer', status: 'sent' },
]
const pin = (digits, more = {}) => ({
    pin: digits,
    link: `https://secure.logmeinrescue.com/Customer/Code.aspx?Code=${digits}`,
    tracking: 'inc:0f1e:9a8b',
    notifications: SENT,
    note: { status: 'sent' },
    ...more,
})

const GENERATE = 'pin-generate'
const NEW = 'pin-new'

/** Presses "Generate Rescue PIN" on a new incident. Without an answer the connector expects no request. */
function press(world, answer, headers) {
    if (answer) {
        world.server.json(201, answer, headers)
    }
    world.instance.press(GENERATE, 'incident', addIncident(world.instance))
}

/** Presses buttons on one incident, each so many seconds after the one before. Returns the keys that were sent. */
function keysOf(...presses) {
    const { server, instance } = setUp()
    const incident = addIncident(instance)
    for (const [seconds, button] of presses) {
        instance.advanceClock(seconds)
        server.json(201, pin('012345'))
        instance.press(button, 'incident', incident)
    }
    return sentKeys(server)
}

const sentKeys = (server) => server.requests.map((request) => request.headers['idempotency-key'])

describe('the PIN button', () => {
    it('asks for a PIN for the agent, the record and its caller, and shows the result', () => {
        const { server, instance } = setUp()
        const incident = addIncident(instance)
        server.json(201, pin('012345'))
        instance.press(GENERATE, 'incident', incident)

        const [request] = server.requests
        assert.equal(request.method, 'POST')
        assert.equal(request.path, '/integration/api/servicenow/pincodes/acme')
        assert.equal(request.headers.authorization, `Bearer ${API_KEY}`)
        assert.equal(request.headers['content-type'], 'application/json')
        assert.deepEqual(JSON.parse(request.body), {
            technician: { email: 'ana@acme.test' },
            record: { table: 'incident', sys_id: incident, number: 'INC0012345' },
            customer: { name: 'Paul Martin', email: 'paul@acme.test' },
        })
        assert.deepEqual(instance.shown(), [
            'Rescue PIN 012345 for INC0012345. Link for the customer: ' +
                'https://secure.logmeinrescue.com/Customer/Code.aspx?Code=012345',
            'The PIN was e-mailed to you.',
            'The link was e-mailed to the customer.',
        ])
        assert.deepEqual(instance.log, [], 'nothing is logged unless asked for')
    })

    it('saves the record first, so that nothing typed into the form is lost', () => {
        const { server, instance } = setUp()
        const id = addIncident(instance)
        const other = instance.add('sys_user', { name: 'Eva Lang', email: 'eva@acme.test' })
        server.json(201, pin('012345'))
        const record = instance.record('incident', id)
        record.setValue('caller_id', other)
        instance.evaluate(`new x_rescue_conn.RescueConnector().press(current, false)`, { current: record })
        assert.equal(instance.row('incident', id).caller_id, other)
        assert.equal(JSON.parse(server.requests[0].body).customer.name, 'Eva Lang')
    })

    it('sends no request without a saved record, an e-mail address or a stored request, and says which', () => {
        for (const [options, shown] of [
            [{ refusesWrites: ['incident'] }, /could not be saved.*\(record-not-saved\)/],
            [{ user: { email: '' } }, /no e-mail address.*\(no-technician-email\)/],
            [{ refusesWrites: ['x_rescue_conn_pin_request'] }, /\(pin-request-not-stored\)/],
        ]) {
            const world = setUp(options)
            press(world)
            assert.match(world.instance.shown('error')[0], shown)
            assert.equal(world.server.requests.length, 0, String(shown))
        }
    })

    it('works for an agent who may only read the record', () => {
        const world = setUp({ readOnly: ['incident'] })
        press(world, pin('012345'))
        assert.equal(world.instance.shown('error').length, 0)
    })

    it('names the contact of a case, or else its consumer', () => {
        const { server, instance } = setUp()
        const contact = instance.add('sys_user', { name: 'Paul Martin', email: 'paul@acme.test' })
        const consumer = instance.add('csm_consumer', { name: 'Eva Lang', email: 'eva@acme.test' })
        const add = (values) =>
            instance.add('sn_customerservice_case', { number: 'CS0000012', state: '1', active: '1', ...values })
        const cases = [add({ contact, consumer }), add({ consumer }), add({})]
        for (const each of cases) {
            server.json(201, pin('012345'))
            instance.press('pin-generate', 'sn_customerservice_case', each)
        }
        const bodies = server.requests.map((request) => JSON.parse(request.body))
        assert.deepEqual(
            bodies.map((body) => body.customer),
            [
                { name: 'Paul Martin', email: 'paul@acme.test' },
                { name: 'Eva Lang', email: 'eva@acme.test' },
                {},
            ]
        )
        assert.deepEqual(bodies[0].record, {
            table: 'sn_customerservice_case',
            sys_id: cases[0],
            number: 'CS0000012',
        })
    })

    it('names the record type and the customer of every kind of record', () => {
        const tables = {
            x_acme_visit: { extends: 'task', columns: task({ opened_for: { reference: 'sys_user' } }) },
            x_acme_vip: { extends: 'incident', columns: task({ caller_id: { reference: 'sys_user' } }) },
        }
        const visit = { name: 'x_acme_visit', person: 'opened_for', closed_states: [] }
        const tenant_tables = JSON.stringify([...Object.values(TABLES), visit])
        const { server, instance } = setUp({ tables }, { tenant_tables })
        const paul = instance.add('sys_user', { name: 'Paul Martin', email: 'paul@acme.test' })
        const request = instance.add('sc_request', { requested_for: paul })
        const request_item = instance.add('sc_req_item', { request })
        const nameless = instance.add('sc_req_item', {})
        for (const [table, values, customer, type = table] of [
            ['problem', { opened_by: paul }, true],
            ['change_request', { requested_by: paul }, true],
            ['sc_req_item', { request }, true],
            ['sc_req_item', {}, false],
            ['sc_task', { request_item }, true],
            ['sc_task', { request_item: nameless }, false],
            ['interaction', { opened_for: paul }, true],
            ['sn_hr_core_case', { subject_person: paul }, true],
            ['x_acme_visit', { opened_for: paul }, true],
            ['x_acme_vip', { caller_id: paul }, true, 'incident'],
        ]) {
            server.json(201, pin('012345'))
            const sys_id = instance.add(table, { number: 'N1', state: '1', active: '1', ...values })
            instance.press(GENERATE, table, sys_id)
            const { record, customer: sent } = JSON.parse(server.requests.at(-1).body)
            assert.deepEqual(record, { table: type, sys_id, number: 'N1' })
            assert.deepEqual(sent, customer ? { name: 'Paul Martin', email: 'paul@acme.test' } : {}, table)
        }
    })

    it('asks for no PIN on a record of another table, and says what to do', () => {
        const { server, instance } = setUp()
        instance.press(GENERATE, 'problem', instance.add('problem', { number: 'PRB1', state: '101', active: '1' }))
        assert.match(instance.shown('error')[0], /adds its table to "Record types".*\(no-record-type\)$/)
        assert.equal(server.requests.length, 0)
    })

    it('says which e-mail failed and which one may have been sent', () => {
        const world = setUp()
        const notifications = [
            { to: 'technician', status: 'unknown' },
            { to: 'customer', status: 'failed', detail: '<b>No</b> address.' },
        ]
        press(world, pin('012345', { notifications, note: { status: 'failed' } }))
        assert.deepEqual(world.instance.shown('error'), [
            'The link could not be e-mailed to the customer: tell them the PIN yourself. <b>No</b> address.',
            'The work note about the PIN could not be written.',
        ])
        assert.match(world.instance.shown('info')[1], /not known whether the PIN was e-mailed to you/)
        const html = world.instance.messages.map((message) => message.html).join('')
        assert.doesNotMatch(html, /[<>]/, 'what servers say is shown as text')
    })

    it('escapes only what would be HTML, because some workspaces show messages as text', () => {
        const world = setUp()
        const detail = `Ask "Ana" at O'Neil & Co.`
        press(world, pin('012345', { notifications: [{ to: 'customer', status: 'failed', detail }] }))
        const [, failed] = world.instance.messages
        assert.match(failed.html, /Ask "Ana" at O'Neil &amp; Co\.$/)
        assert.ok(failed.text.endsWith(detail))
    })

    it('does not show a PIN that is not six digits', () => {
        const world = setUp()
        press(world, pin('<img src=x>'))
        assert.match(world.instance.shown('error')[0], /\(not-the-connector\)/)
        assert.doesNotMatch(world.instance.messages[0].html, /<img/)
    })

    it('shows the translation of the instance', () => {
        const world = setUp()
        world.instance.translations['The PIN was e-mailed to you.'] = 'Die PIN wurde Ihnen gemailt.'
        press(world, pin('012345'))
        assert.equal(world.instance.shown()[1], 'Die PIN wurde Ihnen gemailt.')
    })

    it('logs calls when asked to, without anything that is secret or personal', () => {
        // settings.js looks for secrets in the log.
        const world = setUp({}, { debug: '1' })
        press(world, pin('012345'))
        assert.equal(world.instance.log.length, 1)
        assert.match(world.instance.log[0], /^info .*pincodes\/acme status=201 outcome=ok/)
    })
})

describe('pressing again', () => {
    it('within ten minutes sends the same key, and after them another one', () => {
        const [first, second, third, fourth] = keysOf([0, GENERATE], [5, GENERATE], [590, GENERATE], [10, GENERATE])
        assert.equal(first, second)
        assert.equal(second, third)
        assert.notEqual(third, fourth)
        assert.match(first, /^[!-~]{1,255}$/)
    })

    it('says that the PIN is the one from before', () => {
        const world = setUp()
        press(world, pin('012345'), { 'Idempotent-Replayed': 'true' })
        const shown = world.instance.shown()
        assert.match(shown[1], /PIN from before.*New Rescue PIN/)
        assert.equal(shown.length, 2, 'e-mails were not sent again, so nothing is said about them')
    })

    it('sends another key for another record, and for another agent', () => {
        const { server, instance } = setUp()
        const [one, two] = [addIncident(instance), addIncident(instance)]
        const pressOn = (incident) => {
            server.json(201, pin('012345'))
            instance.press(GENERATE, 'incident', incident)
        }
        pressOn(one)
        pressOn(two)
        instance.user.sys_id = 'f'.repeat(32)
        pressOn(one)
        assert.equal(new Set(sentKeys(server)).size, 3)
    })

    it('with "New Rescue PIN" sends another key, which "Generate Rescue PIN" keeps from then on', () => {
        const [first, second, third] = keysOf([60, GENERATE], [60, NEW], [60, GENERATE])
        assert.notEqual(first, second)
        assert.equal(second, third)
    })

    it('in a double click on "New Rescue PIN" gets one PIN', () => {
        const [first, second, third] = keysOf([0, NEW], [2, NEW], [60, NEW])
        assert.equal(first, second)
        assert.notEqual(second, third)
    })

    it('in two windows at the same moment sends one key', () => {
        const { server, instance } = setUp()
        const incident = addIncident(instance)
        server.json(201, pin('012345')).json(201, pin('012345'))
        instance.beforeInsert = () => instance.press(GENERATE, 'incident', incident)
        instance.press(GENERATE, 'incident', incident)
        const [first, second] = sentKeys(server)
        assert.equal(first, second)
        assert.equal(instance.tables.x_rescue_conn_pin_request.rows.size, 1)
    })

    it('after the record changed gets a PIN for what is there now', () => {
        const world = setUp()
        world.server.json(422, { code: 'idempotency-key-reused', title: 'T', detail: 'D', request_id: 'r-1' })
        press(world, pin('543210'))
        const [first, second] = sentKeys(world.server)
        assert.notEqual(first, second)
        assert.match(world.instance.shown('info')[0], /543210/)
        assert.equal(world.instance.shown('error').length, 0)
    })

    it('deletes rows after a day', () => {
        const world = setUp()
        press(world, pin('012345'))
        const { rows } = world.instance.tables.x_rescue_conn_pin_request
        for (const [hours, left] of [
            [23, 1],
            [2, 0],
        ]) {
            assert.doesNotMatch(JSON.stringify([...rows]), /012345/)
            world.instance.advanceClock(hours * 3600)
            world.instance.run('actions/delete-old-pin-requests.js')
            assert.equal(rows.size, left, `after ${hours} more hours`)
        }
    })
})

describe('the buttons are shown', () => {
    const BUTTONS = ['Generate Rescue PIN', 'New Rescue PIN']
    const shows = (instance, table, values) => {
        const found = instance.buttons(table, instance.add(table, values))
        assert.ok([0, 2].includes(found.length), found.join())
        return found.length === 2
    }

    it('on every record, or on open ones only, as the settings say', () => {
        const always = setUp().instance
        const onlyOpen = setUp({}, { show_button: 'open' }).instance
        for (const [isOpen, table, values] of [
            [false, 'incident', { state: '6', active: '1' }],
            [false, 'incident', { state: '8', active: '1' }],
            [false, 'incident', { state: '2', active: '0' }],
            [false, 'sn_customerservice_case', { state: '3', active: '1' }],
            [false, 'sn_customerservice_case', { state: '7', active: '1' }],
            [true, 'incident', { state: '3', active: '1' }],
            [true, 'sn_customerservice_case', { state: '10', active: '1' }],
        ]) {
            const row = `${table} ${JSON.stringify(values)}`
            assert.equal(shows(always, table, values), true, row)
            assert.equal(shows(onlyOpen, table, values), isOpen, row)
        }
    })

    it('on the record types of the tenant, by their own closed states', () => {
        const tables = { x_acme_visit: { extends: 'task', columns: task({}) } }
        const visit = { name: 'x_acme_visit', person: '', closed_states: ['30'] }
        const tenant_tables = JSON.stringify([...Object.values(TABLES), visit])
        const { instance } = setUp({ tables }, { show_button: 'open', tenant_tables })
        for (const [table, open, closed] of [
            ['incident', '3', '6'],
            ['sn_customerservice_case', '10', '3'],
            ['problem', '103', '106'],
            ['change_request', '1', '3'],
            ['sc_req_item', '2', '7'],
            ['sc_task', '2', '4'],
            ['interaction', 'work_in_progress', 'closed_complete'],
            ['sn_hr_core_case', '18', '3'],
            ['x_acme_visit', '6', '30'],
        ]) {
            assert.equal(shows(instance, table, { state: open, active: '1' }), true, table)
            assert.equal(shows(instance, table, { state: closed, active: '1' }), false, table)
        }
    })

    it('on a table that extends one of them, and not on other tables', () => {
        const tables = {
            x_acme_vip: { extends: 'incident', columns: task({}) },
            x_acme_vip_abroad: { extends: 'x_acme_vip', columns: task({}) },
        }
        const { instance } = setUp({ tables }, { show_button: 'open' })
        assert.equal(shows(instance, 'x_acme_vip', { state: '2', active: '1' }), true)
        assert.equal(shows(instance, 'x_acme_vip_abroad', { state: '2', active: '1' }), true)
        assert.equal(shows(instance, 'x_acme_vip_abroad', { state: '6', active: '1' }), false)
        for (const table of ['problem', 'sc_request', 'task', 'interaction']) {
            assert.equal(shows(instance, table, { state: '1', active: '1' }), false, table)
        }
    })

    it('on incidents and cases where the connector has named no tables, or where they cannot be read', () => {
        for (const tenant_tables of ['', '[]', '[{"name":"problem"', '{"name":"problem"}']) {
            const { instance } = setUp({}, { tenant_tables, show_button: 'open' })
            assert.equal(shows(instance, 'incident', { state: '2', active: '1' }), true)
            assert.equal(shows(instance, 'incident', { state: '7', active: '1' }), false)
            assert.equal(shows(instance, 'sn_customerservice_case', { state: '1', active: '1' }), true)
            assert.equal(shows(instance, 'problem', { state: '101', active: '1' }), false)
        }
    })

    it('nowhere while the integration is off, nor on a record that is not saved yet', () => {
        const off = setUp({}, { enabled: '0' }).instance
        assert.equal(shows(off, 'incident', { state: '2', active: '1' }), false)
        const { instance } = setUp()
        assert.deepEqual(instance.buttons('incident'), [])
        assert.deepEqual(instance.buttons('incident', addIncident(instance)), BUTTONS)
    })

    it('without an error where the table of cases does not exist', () => {
        const cases = 'sn_customerservice_case'
        const { instance } = setUp({ without: [cases] })
        const current = new instance.context.GlideRecord(cases)
        assert.equal(instance.evaluate('new x_rescue_conn.RescueConnector().showsButton(current)', { current }), false)
        assert.deepEqual(instance.log, [])
    })
})

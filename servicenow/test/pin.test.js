'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { API_KEY, addIncident, isClean, setUp } = require('./settings')

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
const keys = (server) => server.requests.map((request) => request.headers['idempotency-key'])

describe('the PIN button', () => {
    it('asks for a PIN for the agent, the record and its caller, and shows the result', () => {
        const { server, instance } = setUp()
        const incident = addIncident(instance)
        server.json(201, pin('012345'))
        instance.press('incident-generate', 'incident', incident)

        const [request] = server.requests
        assert.equal(request.method, 'POST')
        assert.equal(request.path, '/integration/api/servicenow/pincodes/acme')
        assert.equal(request.headers.authorization, `Bearer ${API_KEY}`)
        assert.equal(request.headers['content-type'], 'application/json')
        assert.deepEqual(JSON.parse(request.body), {
            technician: { email: 'ana@acme.test' },
            record: { table: 'incident', sys_id: incident, number: 'INC0012345' },
            customer: { name: 'Paul Martin', email: 'paul@acme.test' },
            notify: { technician: true, customer: true },
        })
        assert.deepEqual(instance.shown(), [
            'Rescue PIN 012345 for INC0012345. Link for the customer: ' +
                'https://secure.logmeinrescue.com/Customer/Code.aspx?Code=012345',
            'The PIN was e-mailed to you.',
            'The link was e-mailed to the customer.',
        ])
        assert.deepEqual(instance.log, [], 'nothing is logged unless asked for')
        isClean({ server, instance })
    })

    it('saves the record first, so that nothing typed into the form is lost', () => {
        const { server, instance } = setUp()
        const id = addIncident(instance)
        const other = instance.add('sys_user', { name: 'Eva Lang', email: 'eva@acme.test' })
        server.json(201, pin('012345'))
        const record = instance.record('incident', id)
        record.setValue('caller_id', other)
        instance.evaluate(`new x_rescue_conn.RescueConnector().press(current, 'incident', false)`, { current: record })
        assert.equal(instance.row('incident', id).caller_id, other)
        assert.equal(JSON.parse(server.requests[0].body).customer.name, 'Eva Lang')
        isClean({ server, instance })
    })

    it('sends no request when the record cannot be saved', () => {
        const { server, instance } = setUp({ refusesWrites: ['incident'] })
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.match(instance.shown('error')[0], /could not be saved.*\(record-not-saved\)/)
        assert.equal(server.requests.length, 0)
    })

    it('works for an agent who may only read the record', () => {
        const { server, instance } = setUp({ readOnly: ['incident'] })
        server.json(201, pin('012345'))
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.equal(instance.shown('error').length, 0)
        isClean({ server, instance })
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
            instance.press('case-generate', 'sn_customerservice_case', each)
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
        isClean({ server, instance })
    })

    it('leaves e-mails out that the settings switch off', () => {
        const { server, instance } = setUp({}, { 'x_rescue_conn.email_customer': 'false' })
        server.json(201, pin('012345', { notifications: [SENT[0]] }))
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.deepEqual(JSON.parse(server.requests[0].body).notify, { technician: true, customer: false })
        isClean({ server, instance })
    })

    it('says which e-mail failed and which one may have been sent', () => {
        const { server, instance } = setUp()
        server.json(
            201,
            pin('012345', {
                notifications: [
                    { to: 'technician', status: 'unknown' },
                    { to: 'customer', status: 'failed', detail: '<b>No</b> address.' },
                ],
                note: { status: 'failed' },
            })
        )
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.deepEqual(instance.shown('error'), [
            'The link could not be e-mailed to the customer: tell them the PIN yourself. <b>No</b> address.',
            'The work note about the PIN could not be written.',
        ])
        assert.match(instance.shown('info')[1], /not known whether the PIN was e-mailed to you/)
        const html = instance.messages.map((message) => message.html).join('')
        assert.doesNotMatch(html, /[<>"']/, 'what servers say is shown as text')
        isClean({ server, instance })
    })

    it('does not show a PIN that is not six digits', () => {
        const { server, instance } = setUp()
        server.json(201, pin('<img src=x>'))
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.match(instance.shown('error')[0], /\(not-the-connector\)/)
        assert.doesNotMatch(instance.messages[0].html, /<img/)
    })

    it('tells an agent without an e-mail address what is missing', () => {
        const { server, instance } = setUp({ user: { email: '' } })
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.match(instance.shown('error')[0], /no e-mail address.*\(no-technician-email\)/)
        assert.equal(server.requests.length, 0)
    })

    it('shows the translation of the instance', () => {
        const { server, instance } = setUp()
        instance.translations['The PIN was e-mailed to you.'] = 'Die PIN wurde Ihnen gemailt.'
        server.json(201, pin('012345'))
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.equal(instance.shown()[1], 'Die PIN wurde Ihnen gemailt.')
        isClean({ server, instance })
    })

    it('logs calls when asked to, without anything that is secret or personal', () => {
        const { server, instance } = setUp({}, { 'x_rescue_conn.debug': 'true' })
        server.json(201, pin('012345'))
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.equal(instance.log.length, 1)
        assert.match(instance.log[0], /^info .*pincodes\/acme status=201 outcome=ok/)
        isClean({ server, instance }, ['012345', 'paul@acme.test', 'ana@acme.test'])
    })
})

describe('pressing again', () => {
    it('within ten minutes sends the same key, and after them another one', () => {
        const { server, instance } = setUp()
        const incident = addIncident(instance)
        for (const seconds of [0, 5, 590, 10]) {
            instance.pass(seconds)
            server.json(201, pin('012345'))
            instance.press('incident-generate', 'incident', incident)
        }
        const [first, second, third, fourth] = keys(server)
        assert.equal(first, second)
        assert.equal(second, third)
        assert.notEqual(third, fourth)
        assert.match(first, /^[!-~]{1,255}$/)
        isClean({ server, instance })
    })

    it('says that the PIN is the one from before', () => {
        const { server, instance } = setUp()
        server.json(201, pin('012345'), { 'Idempotent-Replayed': 'true' })
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.match(instance.shown()[1], /PIN from before.*New Rescue PIN/)
        assert.equal(instance.shown().length, 2, 'e-mails were not sent again, so nothing is said about them')
        isClean({ server, instance })
    })

    it('sends another key for another record, and for another agent', () => {
        const { server, instance } = setUp()
        const [one, two] = [addIncident(instance), addIncident(instance)]
        const press = (incident) => {
            server.json(201, pin('012345'))
            instance.press('incident-generate', 'incident', incident)
        }
        press(one)
        press(two)
        instance.user.sys_id = 'f'.repeat(32)
        press(one)
        assert.equal(new Set(keys(server)).size, 3)
        isClean({ server, instance })
    })

    it('with "New Rescue PIN" sends another key, which "Generate Rescue PIN" keeps from then on', () => {
        const { server, instance } = setUp()
        const incident = addIncident(instance)
        for (const action of ['incident-generate', 'incident-new', 'incident-generate']) {
            instance.pass(60)
            server.json(201, pin('012345'))
            instance.press(action, 'incident', incident)
        }
        const [first, second, third] = keys(server)
        assert.notEqual(first, second)
        assert.equal(second, third)
        isClean({ server, instance })
    })

    it('in a double click on "New Rescue PIN" gets one PIN', () => {
        const { server, instance } = setUp()
        const incident = addIncident(instance)
        for (const seconds of [0, 2, 60]) {
            instance.pass(seconds)
            server.json(201, pin('012345'))
            instance.press('incident-new', 'incident', incident)
        }
        const [first, second, third] = keys(server)
        assert.equal(first, second)
        assert.notEqual(second, third)
        isClean({ server, instance })
    })

    it('in two windows at the same moment sends one key', () => {
        const { server, instance } = setUp()
        const incident = addIncident(instance)
        server.json(201, pin('012345')).json(201, pin('012345'))
        instance.beforeInsert = () => instance.press('incident-generate', 'incident', incident)
        instance.press('incident-generate', 'incident', incident)
        const [first, second] = keys(server)
        assert.equal(first, second)
        assert.equal(instance.tables.x_rescue_conn_pin_request.rows.size, 1)
        isClean({ server, instance })
    })

    it('after the record changed gets a PIN for what is there now', () => {
        const { server, instance } = setUp()
        server.json(422, { code: 'idempotency-key-reused', title: 'T', detail: 'D', request_id: 'r-1' })
        server.json(201, pin('543210'))
        instance.press('incident-generate', 'incident', addIncident(instance))
        const [first, second] = keys(server)
        assert.notEqual(first, second)
        assert.match(instance.shown('info')[0], /543210/)
        assert.equal(instance.shown('error').length, 0)
        isClean({ server, instance })
    })

    it('sends no request when its row cannot be stored', () => {
        const { server, instance } = setUp({ refusesWrites: ['x_rescue_conn_pin_request'] })
        instance.press('incident-generate', 'incident', addIncident(instance))
        assert.match(instance.shown('error')[0], /\(pin-request-not-stored\)/)
        assert.equal(server.requests.length, 0)
    })

    it('deletes rows after a day', () => {
        const { server, instance } = setUp()
        server.json(201, pin('012345'))
        instance.press('incident-generate', 'incident', addIncident(instance))
        instance.pass(23 * 3600)
        instance.run('actions/delete-old-pin-requests.js')
        assert.equal(instance.tables.x_rescue_conn_pin_request.rows.size, 1)
        instance.pass(2 * 3600)
        instance.run('actions/delete-old-pin-requests.js')
        assert.equal(instance.tables.x_rescue_conn_pin_request.rows.size, 0)
        assert.doesNotMatch(JSON.stringify([...instance.tables.x_rescue_conn_pin_request.rows]), /012345/)
        isClean({ server, instance })
    })
})

describe('the buttons are shown', () => {
    const shows = (instance, table, values) => {
        const id = instance.add(table, values)
        const current = instance.record(table, id)
        return instance.evaluate(`new x_rescue_conn.RescueConnector().showsButton(current, '${table}')`, { current })
    }

    it('on every record, or on open ones only, as the settings say', () => {
        const closed = [
            ['incident', { state: '6', active: '1' }],
            ['incident', { state: '8', active: '1' }],
            ['incident', { state: '2', active: '0' }],
            ['sn_customerservice_case', { state: '3', active: '1' }],
            ['sn_customerservice_case', { state: '7', active: '1' }],
        ]
        const open = [
            ['incident', { state: '3', active: '1' }],
            ['sn_customerservice_case', { state: '10', active: '1' }],
        ]
        const always = setUp().instance
        const onlyOpen = setUp({}, { 'x_rescue_conn.show_button': 'open' }).instance
        for (const [table, values] of closed) {
            assert.equal(shows(always, table, values), true)
            assert.equal(shows(onlyOpen, table, values), false, JSON.stringify(values))
        }
        for (const [table, values] of open) {
            assert.equal(shows(always, table, values), true)
            assert.equal(shows(onlyOpen, table, values), true, JSON.stringify(values))
        }
        assert.deepEqual([always.violations, onlyOpen.violations], [[], []])
    })

    it('nowhere while the integration is off, nor on a record that is not saved yet', () => {
        const off = setUp({}, { 'x_rescue_conn.enabled': 'false' }).instance
        assert.equal(shows(off, 'incident', { state: '2', active: '1' }), false)
        const { instance } = setUp()
        const current = new instance.context.GlideRecord('incident')
        const condition = `new x_rescue_conn.RescueConnector().showsButton(current, 'incident')`
        assert.equal(instance.evaluate(condition, { current }), false)
        assert.deepEqual(instance.violations, [])
    })

    it('without an error where the table of cases does not exist', () => {
        const { instance } = setUp({ without: ['sn_customerservice_case'] })
        const current = new instance.context.GlideRecord('sn_customerservice_case')
        const condition = `new x_rescue_conn.RescueConnector().showsButton(current, 'sn_customerservice_case')`
        assert.equal(instance.evaluate(condition, { current }), false)
        assert.deepEqual(instance.violations, [])
        assert.deepEqual(instance.log, [])
    })
})

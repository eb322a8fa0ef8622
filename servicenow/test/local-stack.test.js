/**
 * The app's scripts against the real functions, with the simulators of Rescue and ServiceNow behind them.
 * test/against-local-stack.sh starts them and sets the variables.
 */
'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { addIncident, connected, env, pinIn, press, servicenow, skip, workNotes } = require('./stack')

describe('the PIN button on the real connector', { skip }, () => {
    it('shows a PIN, e-mails it, and notes it on the record', () => {
        const instance = connected()
        const { sys_id, number } = addIncident(instance)
        const shown = press(instance, 'pin-generate', sys_id)
        const pin = pinIn(shown)
        assert.ok(pin, shown.join(' '))
        // The link of the local stack stays on this machine.
        assert.ok(shown[0].includes(`for ${number}. Link for the customer: http://127.0.0.1:`), shown[0])
        assert.ok(shown[0].endsWith(pin))
        assert.deepEqual(shown.slice(1), ['The PIN was e-mailed to you.', 'The link was e-mailed to the customer.'])
        const notes = workNotes('incident', sys_id)
        assert.match(notes, /PIN/)
        assert.ok(!notes.includes(pin))
    })

    it('shows the same PIN again, until another one is asked for', () => {
        const instance = connected()
        const { sys_id } = addIncident(instance)
        const first = press(instance, 'pin-generate', sys_id)
        const again = press(instance, 'pin-generate', sys_id)
        assert.equal(pinIn(again), pinIn(first))
        assert.match(again[1], /PIN from before/)
        const other = press(instance, 'pin-new', sys_id)
        assert.ok(pinIn(other), other.join(' '))
        assert.notEqual(pinIn(other), pinIn(first))
        assert.equal(pinIn(press(instance, 'pin-generate', sys_id)), pinIn(other))
    })

    it('shows another PIN after the caller was changed', () => {
        const instance = connected()
        const { sys_id } = addIncident(instance)
        const first = press(instance, 'pin-generate', sys_id)
        const eva = instance.add('sys_user', { name: 'Eva Lang', email: 'eva@acme.test' })
        instance.row('incident', sys_id).caller_id = eva
        const second = press(instance, 'pin-generate', sys_id)
        assert.ok(pinIn(second), second.join(' '))
        assert.notEqual(pinIn(second), pinIn(first))
    })

    it('works on a case, and says when its customer has no address', () => {
        const instance = connected()
        const { sys_id, number } = servicenow('POST', 'sn_customerservice_case', { short_description: 'Printer' })
        instance.add('sn_customerservice_case', { sys_id, number, state: '1', active: '1' })
        instance.press('pin-generate', 'sn_customerservice_case', sys_id)
        assert.deepEqual(instance.violations, [])
        assert.ok(pinIn(instance.shown('info')), instance.shown().join(' '))
        assert.match(instance.shown('error').join(), /could not be e-mailed to the customer/)
    })

    it('says what to do when Rescue does not know the agent', () => {
        const instance = connected({ user: { email: 'unknown@acme.test', roles: [] } })
        const { sys_id } = addIncident(instance)
        const [shown] = press(instance, 'pin-generate', sys_id)
        assert.match(shown, /^Rescue does not know you\..*unknown@acme\.test.*\(technician-not-recognised, /)
    })

    it('says what to do when the key is wrong, and when the record is not there', () => {
        const wrong = connected({}, { api_key: 'x'.repeat(43) })
        const [refused] = press(wrong, 'pin-generate', addIncident(wrong).sys_id)
        assert.match(refused, /was ended\..*\(unauthorized, /)

        const instance = connected()
        const gone = instance.add('incident', { number: 'INC0099999', state: '1', active: '1' })
        const [shown] = press(instance, 'pin-generate', gone)
        assert.match(shown, /cannot see this record.*\(record-not-found, /)
    })
})

describe('the token set-up on the real connector', { skip }, () => {
    const typed = {
        registry: '',
        sign_in: 'refresh_token',
        keep_password: 'false',
        client_id: env.CLIENT_ID,
        client_secret: env.CLIENT_SECRET,
        service_account: env.SERVICE_ACCOUNT,
        service_password: env.SERVICE_PASSWORD,
    }
    /** Orders the item, in the simulated instance and in the stand-in, and runs its rule. */
    const carryOut = (instance, changes = {}) => {
        const { sys_id } = servicenow('POST', 'sc_req_item', { short_description: 'Token set-up' })
        instance.carryOut(instance.order({ ...typed, ...changes }, sys_id))
        assert.deepEqual(instance.violations, [])
        return instance.row('sc_req_item', sys_id)
    }
    const logAndNotes = (instance) =>
        [instance.log.join(), [...instance.tables.sc_req_item.rows.values()].map((row) => row.work_notes).join()].join()

    it('ends with a token that works, and with a note of the connector on the requested item', () => {
        const instance = connected()
        const { sys_id, state } = carryOut(instance)
        assert.equal(state, '3', logAndNotes(instance))
        assert.match(workNotes('sc_req_item', sys_id), /refresh token works and is stored/)
        const left = instance.variables(sys_id)
        assert.deepEqual([left.client_secret, left.service_password], ['', ''])
        for (const secret of [env.CLIENT_SECRET, env.SERVICE_PASSWORD]) {
            assert.ok(!logAndNotes(instance).includes(secret))
        }
    })

    it('may be repeated', () => {
        const instance = connected()
        for (let round = 0; round < 2; round++) {
            assert.equal(carryOut(instance).state, '3', logAndNotes(instance))
        }
    })

    it('names the possible causes when the instance refuses the password', () => {
        const { state, work_notes } = carryOut(connected(), { service_password: 'wrong' })
        assert.match(work_notes[0], /refuses a token \(HTTP status 401, server_error\)/)
        assert.equal(state, '4')
    })

    it('writes its own note about a wrong key', () => {
        const { work_notes } = carryOut(connected({}, { api_key: 'x'.repeat(43) }))
        assert.match(work_notes[0], /was not begun\..*was ended\..*\(unauthorized, /)
    })
})

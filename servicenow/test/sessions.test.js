'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const { calls, OWN } = require('./glide/tables')
const { TABLES, addIncident, setUp } = require('./settings')

const SESSION = 'x_rescue_conn_session'
const [table] = calls('Table').filter(({ name }) => name === SESSION)

/** Writes a row of a session as the connector does with the Table API. */
function write(instance, values, id) {
    const row = new instance.context.GlideRecord(SESSION)
    if (id) {
        row.get(id)
    } else {
        row.initialize()
    }
    for (const [column, value] of Object.entries(values)) {
        row.setValue(column, value)
    }
    return id ? row.update() : row.insert()
}

const ENDED = {
    session: '70112233',
    technician_name: 'Ana Ruiz',
    technician_email: 'ana@acme.test',
    customer: 'Paul Martin',
    started_at: '2026-05-04 08:00:00',
    closed_at: '2026-05-04 08:30:00',
    work_time: '1970-01-01 00:28:51',
    waiting_time: '1970-01-01 00:00:12',
    platform: 'Windows 11',
    transmitted: '5368709120',
    state: 'ended',
    source: 'post',
    pin: 'true',
}

describe('the table of sessions', () => {
    it('has the columns that the connector writes', () => {
        assert.deepEqual(OWN[SESSION].columns, {
            session: 'string',
            record: { reference: 'task' },
            interaction: { reference: 'interaction' },
            technician: { reference: 'sys_user' },
            technician_name: 'string',
            technician_email: 'string',
            customer: 'string',
            started_at: 'time',
            closed_at: 'time',
            work_time: 'duration',
            waiting_time: 'duration',
            platform: 'string',
            transmitted: 'integer',
            state: 'string',
            source: 'string',
            pin: 'boolean',
        })
        assert.deepEqual(Object.keys(OWN[SESSION].choices.state), ['started', 'ended'])
        assert.deepEqual(Object.keys(OWN[SESSION].choices.source), ['post', 'report'])
        assert.equal(OWN[SESSION].longest.session, 64)
    })

    it('can be written through the Table API', () => {
        assert.equal(table.allowWebServiceAccess, true)
        assert.ok(['create', 'update'].every((action) => table.actions.includes(action)), 'an instance may ask for both')
        assert.deepEqual(OWN[SESSION].readOnly, [], 'an instance may drop columns that are read-only')
    })

    it('lets other scopes neither delete rows nor change the table', () => {
        assert.deepEqual(table.actions, ['read', 'create', 'update'])
        for (const name of ['allowClientScripts', 'allowNewFields', 'allowUiActions']) {
            assert.equal(table[name], undefined, `${name} is off unless it is set`)
        }
    })

    it('is written with the role of the service account only, and deleted by administrators', () => {
        const of = (operation) => calls('Acl').filter((acl) => acl.table === SESSION && acl.operation === operation)
        for (const operation of ['create', 'write']) {
            const [acl, ...others] = of(operation)
            assert.equal(acl.adminOverrides, false)
            assert.deepEqual([acl.roles, others], [['connector'], []])
        }
        assert.deepEqual(of('delete').map((acl) => acl.roles), [['admin']])
    })

    it('is charted by administrators only, because a chart counts rows that its viewer may not read', () => {
        const acls = calls('Acl').filter((acl) => acl.table === SESSION && acl.operation === 'report_on')
        assert.deepEqual(acls.map((acl) => acl.roles), [['admin']])
    })

    it('has one row per session', () => {
        const { instance } = setUp()
        const record = addIncident(instance)
        const first = write(instance, { ...ENDED, record })
        assert.ok(first)
        assert.equal(write(instance, { session: ENDED.session, state: 'started' }), null)
        assert.equal(write(instance, { platform: 'macOS' }, first), first)
        const [row, ...others] = instance.tables[SESSION].rows.values()
        assert.deepEqual([row.platform, row.record, others], ['macOS', record, []])
    })

    it('is shown as the list that a technician and a manager need', () => {
        const [list] = calls('List').filter((each) => each.table === SESSION)
        assert.deepEqual(list.columns, [
            'session',
            'technician',
            'record',
            'started_at',
            'closed_at',
            'work_time',
            'waiting_time',
            'state',
            'pin',
        ])
    })

    it('has every column on its form', () => {
        const source = fs.readFileSync(path.join(__dirname, '..', 'src', 'fluent', 'sessions.now.ts'), 'utf8')
        const form = /Form\(\{[^]*?\n\}\)/.exec(source)[0]
        const shown = [...form.matchAll(/field: '(\w+)'/g)].map(([, column]) => column)
        assert.deepEqual(shown.sort(), Object.keys(OWN[SESSION].columns).sort())
    })

    it('is a related list of every record type that the connector knows, and no layout of an instance is replaced', () => {
        const records = calls('Record')
        assert.deepEqual(records.filter((each) => each.table === 'sys_ui_related_list'), [])
        const entries = records.filter((each) => each.table === 'sys_ui_related_list_entry')
        const lists = entries.map(({ data }) => [data.list_id.name, data.related_list])
        const column = (name) => (name === 'interaction' ? 'interaction' : 'record')
        assert.deepEqual(
            lists.sort(),
            Object.keys(TABLES)
                .map((name) => [name, `${SESSION}.${column(name)}`])
                .sort()
        )
        for (const { data, $meta } of entries) {
            assert.deepEqual(data.list_id, { name: data.list_id.name, view: 'Default view', related_list: 'NULL', sys_domain: 'global' })
            assert.equal($meta.installMethod, 'once', 'an administrator may remove the list for good')
        }
    })
})

describe('a row of a session', () => {
    const AGENT = ['x_rescue_conn.agent']
    const ADMIN = ['x_rescue_conn.admin', 'x_rescue_conn.agent']
    const CONNECTOR = ['x_rescue_conn.connector']
    const VISITS = { x_acme_visit: { columns: { number: 'string', state: 'string' } } }

    /** Whether users with certain roles may read a row with these references, on an instance with these options. */
    function readers(references, options = {}) {
        const { instance } = setUp(options)
        const row = write(instance, { ...ENDED, ...references(instance) })
        return [AGENT, ADMIN, CONNECTOR, []].map((roles) => {
            instance.user.roles = roles
            return instance.mayRead(SESSION, row)
        })
    }

    const incident = (instance) => ({ record: addIncident(instance) })
    const hrCase = (instance) => ({ record: instance.add('sn_hr_core_case', { number: 'HRC1', state: '18', active: '1' }) })
    const interaction = (instance) => ({ interaction: instance.add('interaction', { number: 'IMS1', state: 'new', active: '1' }) })
    const visit = (instance) => ({ record: instance.add('x_acme_visit', { number: 'VIS1', state: '1' }) })
    const everyRole = [true, true, true, false]
    const withoutAgent = [false, true, true, false]

    it('is read by an agent who may read its record', () => {
        assert.deepEqual(readers(incident), everyRole)
        assert.deepEqual(readers(hrCase), everyRole)
        assert.deepEqual(readers(interaction), everyRole)
    })

    it('is closed to an agent who may not read its record, also where the table of all tasks is open', () => {
        assert.deepEqual(readers(hrCase, { unreadable: ['sn_hr_core_case'] }), withoutAgent)
        assert.deepEqual(readers(interaction, { unreadable: ['interaction'] }), withoutAgent)
    })

    it('is looked up in the table of all tasks, which the app may read', () => {
        const privileges = calls('CrossScopePrivilege').filter((each) => each.targetName === 'task')
        assert.deepEqual(
            privileges.map(({ operation, status, targetScope }) => [operation, status, targetScope]),
            [['read', 'allowed', 'global']]
        )
    })

    it('is closed to an agent by the one record, and not by others of its table', () => {
        const { instance } = setUp()
        const [open, closed] = [addIncident(instance), addIncident(instance)]
        const rows = [open, closed].map((record, i) => write(instance, { ...ENDED, session: String(i), record }))
        instance.options.unreadable = [closed]
        assert.deepEqual(rows.map((row) => instance.mayRead(SESSION, row)), [true, false])
    })

    it('is for administrators and the service account when it has no record, or one that was deleted', () => {
        assert.deepEqual(readers(() => ({})), withoutAgent)
        assert.deepEqual(readers(() => ({ record: 'd'.repeat(32) })), withoutAgent)
        assert.deepEqual(readers(() => ({ interaction: 'd'.repeat(32) })), withoutAgent)
    })

    it('is for administrators and the service account when its record is neither a task nor an interaction', () => {
        assert.deepEqual(readers(visit, { tables: VISITS }), withoutAgent)
    })
})

describe('the rows of PINs', () => {
    const PIN = 'x_rescue_conn_pin'
    const rows = (instance) => [...instance.tables[PIN].rows.values()]
    /** Presses a button on a record, so many seconds after what was before. The connector answers with a PIN. */
    function press({ server, instance }, table, id, { seconds = 0, button = 'pin-generate', headers } = {}) {
        instance.advanceClock(seconds)
        server.json(201, { pin: '012345', link: 'https://secure.logmeinrescue.com/x', notifications: [] }, headers)
        instance.press(button, table, id)
    }

    it('say who got a PIN for which record, and when, and not which PIN', () => {
        const world = setUp()
        const { instance } = world
        const record = addIncident(instance)
        press(world, 'incident', record)
        const [row, ...others] = rows(instance)
        assert.deepEqual(others, [])
        assert.deepEqual(
            [row.record, row.interaction, row.requested_by, row.requested_at, row.session],
            [record, undefined, instance.user.sys_id, '2026-05-04 09:00:00', undefined]
        )
        assert.doesNotMatch(JSON.stringify(row), /012345/)
    })

    it('name an interaction in a column of its own', () => {
        const world = setUp({}, { tenant_tables: JSON.stringify(Object.values(TABLES)) })
        const interaction = world.instance.add('interaction', { number: 'IMS1', state: 'work_in_progress', active: '1' })
        press(world, 'interaction', interaction)
        const [row] = rows(world.instance)
        assert.deepEqual([row.record, row.interaction], [undefined, interaction])
    })

    it('hold the sys_id of a record that is neither a task nor an interaction, and get its session', () => {
        const visit = { ...TABLES.incident, name: 'x_acme_visit', number_prefix: 'VIS', tracking_code: 'vis', person: '' }
        const columns = { number: 'string', state: 'string', work_notes: { journal: true } }
        const world = setUp({ tables: { x_acme_visit: { columns } } }, { tenant_tables: JSON.stringify([visit]) })
        const { instance } = world
        const record = instance.add('x_acme_visit', { number: 'VIS1', state: '1' })
        press(world, 'x_acme_visit', record)
        const session = write(instance, { session: '1', record, pin: 'true', state: 'started' })
        assert.deepEqual(rows(instance).map((row) => [row.record, row.session]), [[record, session]])
        assert.equal(instance.record(PIN, rows(instance)[0].sys_id).getDisplayValue('record'), '', 'lists show no number')
    })

    it('are one for each PIN: a press that gets the same one again adds none, also after a lost answer', () => {
        const world = setUp()
        const { server, instance } = world
        const record = addIncident(instance)
        server.hangUp()
        instance.press('pin-generate', 'incident', record)
        assert.equal(rows(instance).length, 0)
        const replayed = { headers: { 'Idempotent-Replayed': 'true' } }
        press(world, 'incident', record, { seconds: 20, ...replayed })
        press(world, 'incident', record, { seconds: 20, ...replayed })
        assert.equal(rows(instance).length, 1)
        press(world, 'incident', record, { seconds: 20, button: 'pin-new' })
        press(world, 'incident', record, { seconds: 2, button: 'pin-new', ...replayed })
        assert.equal(rows(instance).length, 2)
        press(world, 'incident', record, { seconds: 601 })
        assert.equal(rows(instance).length, 3)
        instance.user.sys_id = 'e'.repeat(32)
        press(world, 'incident', record)
        assert.equal(rows(instance).length, 4)
    })

    it('are missing where they cannot be stored, and the agent gets the PIN', () => {
        const world = setUp({ refusesWrites: [PIN] })
        press(world, 'incident', addIncident(world.instance))
        assert.match(world.instance.shown('info')[0], /^Rescue PIN 012345/)
        const broken = setUp({ without: [PIN] })
        broken.instance.context.RescuePins.prototype._store = () => {
            throw new Error('no table')
        }
        press(broken, 'incident', addIncident(broken.instance))
        assert.match(broken.instance.shown('info')[0], /^Rescue PIN 012345/)
        assert.deepEqual(broken.instance.log, ['error Rescue Connector: a PIN could not be stored for reports'])
    })

    it('get the session that was started with the newest PIN of its record', () => {
        const world = setUp()
        const { instance } = world
        const [record, other] = [addIncident(instance), addIncident(instance)]
        press(world, 'incident', record)
        press(world, 'incident', record, { seconds: 60, button: 'pin-new' })
        press(world, 'incident', other, { seconds: 60 })
        const session = write(instance, { session: '1', record, pin: 'true', state: 'started' })
        // The row is written again when the session has ended.
        write(instance, { state: 'ended' }, session)
        const byTime = () => rows(instance).map((row) => row.session)
        assert.deepEqual(byTime(), [undefined, session, undefined])

        const second = write(instance, { session: '2', record, pin: 'true', state: 'ended' })
        assert.deepEqual(byTime(), [second, session, undefined])
        write(instance, { session: '3', record, pin: 'true', state: 'ended' })
        assert.deepEqual(byTime(), [second, session, undefined], 'every PIN has its session')
    })

    it('get the session when its row is marked later, or belongs to an interaction', () => {
        const world = setUp({}, { tenant_tables: JSON.stringify(Object.values(TABLES)) })
        const { instance } = world
        const interaction = instance.add('interaction', { number: 'IMS1', state: 'work_in_progress', active: '1' })
        press(world, 'interaction', interaction)
        const session = write(instance, { session: '1', interaction, state: 'started' })
        assert.equal(rows(instance)[0].session, undefined)
        write(instance, { pin: 'true', state: 'ended' }, session)
        assert.equal(rows(instance)[0].session, session)
    })

    it('get no session that was started without a PIN, or has no record, and no error keeps its row from being written', () => {
        const world = setUp()
        const { instance } = world
        const record = addIncident(instance)
        press(world, 'incident', record)
        write(instance, { session: '1', record, pin: 'false', state: 'ended' })
        write(instance, { session: '2', pin: 'true', state: 'ended' })
        assert.equal(rows(instance)[0].session, undefined)
        instance.context.RescuePins.prototype._storeSession = () => {
            throw new Error('quotes paul@acme.test')
        }
        assert.ok(write(instance, { session: '3', record, pin: 'true', state: 'ended' }))
        assert.deepEqual(instance.log, ['error Rescue Connector: the session of a PIN could not be stored for reports'])
    })

    it('are deleted after 400 days', () => {
        const world = setUp()
        const { instance } = world
        press(world, 'incident', addIncident(instance))
        for (const [days, left] of [
            [399, 1],
            [2, 0],
        ]) {
            instance.advanceClock(days * 86_400)
            instance.run('actions/delete-old-pin-requests.js')
            assert.equal(rows(instance).length, left, `after ${days} more days`)
        }
    })
})

'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { calls, OWN } = require('./glide/tables')

const reports = calls('Record').filter((record) => record.table === 'sys_report')
const [dashboard] = calls('Dashboard')
const widgets = dashboard.tabs.flatMap((tab) => tab.widgets)

/** The columns that an encoded query names. */
const columnsOf = (query) => query.split('^').map((part) => /^[a-z_]+/.exec(part)[0])

/** The type of a column. What comes after a dot is a column of the platform. */
function typeOf(table, path) {
    const [column, ...further] = path.split('.')
    const type = OWN[table].columns[column]
    assert.ok(type && (!further.length || type.reference), `${table} has no column ${path}`)
    return type
}

describe('the reports', () => {
    it('answer what a manager asks', () => {
        assert.deepEqual(
            reports.map(({ data }) => data.title),
            [
                'Rescue: sessions per week',
                'Rescue: work time per technician',
                'Rescue: work time per assignment group',
                'Rescue: average waiting time per week',
                'Rescue: sessions without a record',
                'Rescue: sessions that Rescue did not post',
                'Rescue: PINs without a session',
            ]
        )
    })

    it('name columns that their tables have', () => {
        for (const { data } of reports) {
            const lists = data.field_list ? data.field_list.split(',') : []
            for (const column of [data.field, data.trend_field, data.sumfield, ...lists, ...columnsOf(data.filter)]) {
                if (column) {
                    typeOf(data.table, column)
                }
            }
            if (data.aggregate === 'COUNT') {
                assert.equal(data.sumfield, undefined, data.title)
            } else {
                assert.equal(typeOf(data.table, data.sumfield), 'duration', data.title)
            }
        }
    })

    it('are for administrators of the app, because they say who worked how long', () => {
        for (const { data } of reports) {
            assert.deepEqual(data.roles, ['x_rescue_conn.admin'])
        }
        assert.deepEqual(dashboard.permissions.map(({ role }) => role), [{ name: 'x_rescue_conn.admin' }])
    })
})

describe('the dashboard', () => {
    it('shows the same rows', () => {
        const rows = (table, filter) => `${table} ${filter}`
        assert.deepEqual(
            widgets.map(({ componentProps: { dataSources } }) => rows(dataSources[0].tableOrViewName, dataSources[0].filterQuery)).sort(),
            reports.map(({ data }) => rows(data.table, data.filter)).sort()
        )
    })

    it('has widgets that name columns of their tables, and that do not overlap', () => {
        const taken = new Set()
        for (const { componentProps, position, width, height } of widgets) {
            const { dataSources, metrics, groupBy = [], trendBy } = componentProps
            const [{ tableOrViewName: table, filterQuery }] = dataSources
            const fields = [
                ...columnsOf(filterQuery),
                ...metrics.flatMap((metric) => metric.aggregateField ?? []),
                ...groupBy.flatMap((each) => each.groupBy.map((of) => of.groupByField)),
                ...(trendBy ? trendBy.trendByFields.map((of) => of.field) : []),
            ]
            fields.forEach((field) => typeOf(table, field))
            for (let x = position.x; x < position.x + width; x++) {
                for (let y = position.y; y < position.y + height; y++) {
                    assert.ok(x < 48 && !taken.has(`${x},${y}`), componentProps.headerTitle)
                    taken.add(`${x},${y}`)
                }
            }
        }
    })
})

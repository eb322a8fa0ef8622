import '@servicenow/sdk/global'
import {
    Acl,
    BooleanColumn,
    BusinessRule,
    CrossScopePrivilege,
    DateTimeColumn,
    DurationColumn,
    Form,
    GenericColumn,
    List,
    ReferenceColumn,
    ScriptInclude,
    StringColumn,
    Table,
    default_view,
} from '@servicenow/sdk/core'
import { admin, agent, connector } from './roles.now'

// One row per session of Rescue, written by the connector through the Table API. Names and types of columns are its
// contract with the app. No script of the app writes a row.
export const x_rescue_conn_session = Table({
    name: 'x_rescue_conn_session',
    label: [{ label: 'Rescue session', plural: 'Rescue sessions', language: 'en' }],
    display: 'session',
    accessibleFrom: 'public',
    // Scripts of other scopes may read, insert and change rows, and not delete them: the access controls below do not apply to
    // scripts. Create and update stay on, because an instance may ask for them in the Table API as well.
    actions: ['read', 'create', 'update'],
    allowWebServiceAccess: true,
    createAccessControls: false,
    // A record that is neither a task nor an interaction is in the column record, too: as a sys_id that leads to no task.
    schema: {
        session: StringColumn({ label: 'Session', maxLength: 64, mandatory: true, hint: 'The number of the session in Rescue' }),
        record: ReferenceColumn({
            label: 'Record',
            referenceTable: 'task',
            cascadeRule: 'clear',
            hint: 'The incident, case or other task that the session belongs to',
        }),
        interaction: ReferenceColumn({
            label: 'Interaction',
            referenceTable: 'interaction',
            cascadeRule: 'clear',
            hint: 'In place of the record where the session belongs to an interaction, which is no task',
        }),
        technician: ReferenceColumn({
            label: 'Technician',
            referenceTable: 'sys_user',
            hint: 'Empty where no user, or more than one, has the technician\'s e-mail address',
        }),
        technician_name: StringColumn({ label: 'Technician in Rescue', maxLength: 250 }),
        technician_email: StringColumn({ label: 'Technician\'s e-mail address in Rescue', maxLength: 254 }),
        customer: StringColumn({ label: 'Customer', maxLength: 250, hint: 'As typed in Rescue' }),
        started_at: DateTimeColumn({ label: 'Started', hint: 'When the connector got the post about the start, or what Rescue\'s report says' }),
        closed_at: DateTimeColumn({ label: 'Closed', hint: 'When the connector got the post about the end, or what Rescue\'s report says' }),
        work_time: DurationColumn({ label: 'Work time' }),
        waiting_time: DurationColumn({ label: 'Waiting time' }),
        platform: StringColumn({ label: 'Platform', maxLength: 250 }),
        transmitted: GenericColumn({ label: 'Bytes transmitted', columnType: 'longint' }),
        state: StringColumn({
            label: 'State',
            maxLength: 40,
            dropdown: 'dropdown_with_none',
            choices: {
                started: { label: 'Started', sequence: 0 },
                ended: { label: 'Ended', sequence: 1 },
            },
        }),
        source: StringColumn({
            label: 'Source',
            maxLength: 40,
            hint: 'How the connector learned of the session',
            dropdown: 'dropdown_with_none',
            choices: {
                post: { label: 'Post of Rescue', sequence: 0 },
                report: { label: 'Found in Rescue\'s report', sequence: 1 },
            },
        }),
        pin: BooleanColumn({ label: 'PIN', hint: 'The session was started with a PIN that was generated on the record' }),
    },
    // The connector inserts a row without asking first. A second insert of the same session is refused.
    index: [{ name: 'session', unique: true, element: 'session' }],
})

// A row is read by those who pass one of these two.
Acl({
    $id: Now.ID['acl-session-read'],
    type: 'record',
    table: 'x_rescue_conn_session',
    operation: 'read',
    roles: [admin, connector],
})

// A row names technician and customer, and a record may be closed to most agents, such as an HR case.
Acl({
    $id: Now.ID['acl-session-read-agent'],
    type: 'record',
    table: 'x_rescue_conn_session',
    operation: 'read',
    roles: [agent],
    script: Now.include('../scripts/actions/session-read.js'),
})

// The record of a row, of which only its sys_id is known, is looked up in the table that all tasks are in.
CrossScopePrivilege({
    $id: Now.ID['may-read-task'],
    operation: 'read',
    status: 'allowed',
    targetName: 'task',
    targetScope: 'global',
    targetType: 'sys_db_object',
})

// A chart is drawn from all rows, also those that its viewer may not read. Agents make none; administrators share theirs.
Acl({
    $id: Now.ID['acl-session-report'],
    type: 'record',
    table: 'x_rescue_conn_session',
    operation: 'report_on',
    roles: [admin],
})

// Of the app's roles only the service account's may write in forms, lists and the Table API, so that reports show what Rescue
// says. ServiceNow's own role admin passes every check of a role. Scripts, of the scopes above, are not checked.
Acl({
    $id: Now.ID['acl-session-create'],
    type: 'record',
    table: 'x_rescue_conn_session',
    operation: 'create',
    roles: [connector],
    adminOverrides: false,
})

Acl({
    $id: Now.ID['acl-session-write'],
    type: 'record',
    table: 'x_rescue_conn_session',
    operation: 'write',
    roles: [connector],
    adminOverrides: false,
})

// Rows hold personal data, which an administrator may have to delete.
Acl({
    $id: Now.ID['acl-session-delete'],
    type: 'record',
    table: 'x_rescue_conn_session',
    operation: 'delete',
    roles: [admin],
})

List({
    table: 'x_rescue_conn_session',
    view: default_view,
    columns: ['session', 'technician', 'record', 'started_at', 'closed_at', 'work_time', 'waiting_time', 'state', 'pin'],
})

export const sessionForm = Form({
    table: 'x_rescue_conn_session',
    view: default_view,
    sections: [
        {
            caption: 'Session',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'session', type: 'table_field' },
                        { field: 'record', type: 'table_field' },
                        { field: 'interaction', type: 'table_field' },
                        { field: 'customer', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'state', type: 'table_field' },
                        { field: 'technician', type: 'table_field' },
                        { field: 'technician_name', type: 'table_field' },
                        { field: 'technician_email', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'Times',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'started_at', type: 'table_field' },
                        { field: 'closed_at', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'work_time', type: 'table_field' },
                        { field: 'waiting_time', type: 'table_field' },
                    ],
                },
            ],
        },
        {
            caption: 'From Rescue',
            content: [
                {
                    layout: 'two-column',
                    leftElements: [
                        { field: 'platform', type: 'table_field' },
                        { field: 'transmitted', type: 'table_field' },
                    ],
                    rightElements: [
                        { field: 'source', type: 'table_field' },
                        { field: 'pin', type: 'table_field' },
                    ],
                },
            ],
        },
    ],
})

ScriptInclude({
    $id: Now.ID['script-pins'],
    name: 'RescuePins',
    description: 'Remembers for which records PINs were generated, and which session used one',
    script: Now.include('../scripts/RescuePins.js'),
})

// One row per PIN, without the PIN: a report shows which of them led to no session.
export const x_rescue_conn_pin = Table({
    name: 'x_rescue_conn_pin',
    label: [{ label: 'Rescue PIN', plural: 'Rescue PINs', language: 'en' }],
    display: 'requested_at',
    accessibleFrom: 'public',
    actions: ['read'],
    allowWebServiceAccess: false,
    createAccessControls: false,
    // The column record holds what it holds in the row of a session.
    schema: {
        record: ReferenceColumn({ label: 'Record', referenceTable: 'task', cascadeRule: 'clear' }),
        interaction: ReferenceColumn({ label: 'Interaction', referenceTable: 'interaction', cascadeRule: 'clear' }),
        requested_by: ReferenceColumn({ label: 'Requested by', referenceTable: 'sys_user' }),
        requested_at: DateTimeColumn({ label: 'Requested' }),
        session: ReferenceColumn({
            label: 'Session',
            referenceTable: 'x_rescue_conn_session',
            // Otherwise its report would show it as a PIN without a session.
            cascadeRule: 'cascade',
            hint: 'The session that was started with the PIN; empty as long as there is none',
        }),
    },
})

Acl({
    $id: Now.ID['acl-pin-read'],
    type: 'record',
    table: 'x_rescue_conn_pin',
    operation: 'read',
    roles: [admin],
})

Acl({
    $id: Now.ID['acl-pin-delete'],
    type: 'record',
    table: 'x_rescue_conn_pin',
    operation: 'delete',
    roles: [admin],
})

List({
    table: 'x_rescue_conn_pin',
    view: default_view,
    columns: ['requested_at', 'requested_by', 'record', 'interaction', 'session'],
})

BusinessRule({
    $id: Now.ID['rule-session-pin'],
    name: 'Rescue Connector: session of a PIN',
    table: 'x_rescue_conn_session',
    when: 'after',
    action: ['insert', 'update'],
    filterCondition: 'pin=true^EQ',
    script: Now.include('../scripts/actions/session-pin.js'),
    order: 100,
})

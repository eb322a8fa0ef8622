/** The columns of the tables that the app's scripts use: the platform's as far as they are needed, the app's own as built. */
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const acorn = require('acorn')

const FLUENT = path.join(__dirname, '..', '..', 'src', 'fluent')
const TYPES = {
    StringColumn: 'string',
    MultiLineTextColumn: 'string',
    BooleanColumn: 'boolean',
    IntegerColumn: 'integer',
    DateTimeColumn: 'time',
    Password2Column: 'password2',
    DurationColumn: 'duration',
}

const GENERIC = { longint: 'integer' }

/** The arguments of a function's calls on the top level of the app's Fluent files. */
function calls(name) {
    const found = []
    for (const file of fs.readdirSync(FLUENT).filter((name) => name.endsWith('.now.ts'))) {
        const source = fs.readFileSync(path.join(FLUENT, file), 'utf8')
        for (const statement of acorn.parse(source, { ecmaVersion: 2022, sourceType: 'module' }).body) {
            const call = statement.expression ?? (statement.declaration ?? statement).declarations?.[0].init
            if (call?.callee?.name === name) {
                found.push(literal(call.arguments[0]))
            }
        }
    }
    return found
}

/** The app's own tables, as its Fluent files define them: {table: {columns, labels, choices, dropdowns, longest, readOnly, unique}}. */
function ownTables() {
    const tables = {}
    for (const { name, schema, index = [] } of calls('Table')) {
        const columns = Object.entries(schema)
        const each = (member) => Object.fromEntries(columns.map(([column, of]) => [column, of[member]]))
        tables[name] = {
            columns: each('type'),
            labels: each('label'),
            // Other texts than the suggested ones may be typed.
            choices: Object.fromEntries(columns.map(([column, of]) => [column, of.dropdown === 'suggestion' ? undefined : of.choices])),
            dropdowns: each('dropdown'),
            longest: each('maxLength'),
            readOnly: columns.filter(([, of]) => of.readOnly).map(([column]) => column),
            unique: index.filter((of) => of.unique).map((of) => of.element),
        }
    }
    return tables
}

/** The value of an expression of literals; a column is an object with its `type`, a variable is its name. */
function literal(node) {
    switch (node.type) {
        case 'Literal':
            return node.value
        case 'ArrayExpression':
            return node.elements.map(literal)
        case 'UnaryExpression':
            return -literal(node.argument)
        case 'ObjectExpression':
            return Object.fromEntries(node.properties.map((each) => [each.key.name ?? each.key.value, literal(each.value)]))
        case 'Identifier':
            return node.name
        case 'TemplateLiteral':
            return node.expressions.length ? undefined : node.quasis[0].value.cooked
        case 'CallExpression':
            return node.callee.type === 'MemberExpression' ? named(node) : column(node.callee.name, literal(node.arguments[0]))
        default:
            return undefined
    }
}

/** What a function of Now names: include a script, by its path below src/scripts, and ref a record, by its keys. */
function named({ callee, arguments: given }) {
    const last = literal(given.at(-1))
    return callee.property.name === 'include' ? last.replace('../scripts/', '') : last
}

function column(constructor, of) {
    const types = { ...TYPES, ReferenceColumn: { reference: of.referenceTable }, GenericColumn: GENERIC[of.columnType] }
    if (!types[constructor]) {
        throw new Error(`the stand-in does not know ${constructor} ${of.columnType ?? ''}`)
    }
    return { ...of, type: types[constructor] }
}

function task(more) {
    return {
        sys_class_name: 'string',
        number: 'string',
        short_description: 'string',
        state: 'integer',
        active: 'boolean',
        work_notes: { journal: true },
        ...more,
    }
}

const OWN = ownTables()
/** The registered events: {event_name, suffix, table, …}. */
const EVENTS = calls('Record')
    .filter((record) => record.table === 'sysevent_register')
    .map((record) => record.data)
/** The notifications, as Fluent defines them. */
const NOTIFICATIONS = calls('EmailNotification')
/** The UI actions and business rules of the app; `script` is a path below src/scripts. */
const BUTTONS = calls('UiAction')
const RULES = calls('BusinessRule')
/** The access controls of the app's own tables. A role is the name of its variable; `script` is a path below src/scripts. */
const ACLS = calls('Acl')

/** Columns by table: a string is the column's type; {reference} names a table; {journal} holds a list of entries. */
const TABLES = {
    task: task({}),
    incident: task({ caller_id: { reference: 'sys_user' } }),
    sn_customerservice_case: task({
        contact: { reference: 'sys_user' },
        consumer: { reference: 'csm_consumer' },
    }),
    problem: task({ opened_by: { reference: 'sys_user' } }),
    change_request: task({ requested_by: { reference: 'sys_user' } }),
    sc_task: task({ request_item: { reference: 'sc_req_item' } }),
    sn_hr_core_case: task({ subject_person: { reference: 'sys_user' } }),
    sc_request: task({ requested_for: { reference: 'sys_user' } }),
    interaction: {
        number: 'string',
        state: 'string',
        active: 'boolean',
        work_notes: { journal: true },
        opened_for: { reference: 'sys_user' },
    },
    sys_db_object: { name: 'string', super_class: { reference: 'sys_db_object' } },
    sys_user: { name: 'string', email: 'string', user_name: 'string', active: 'boolean' },
    sys_user_role: { name: 'string' },
    sys_user_has_role: { user: { reference: 'sys_user' }, role: { reference: 'sys_user_role' } },
    csm_consumer: { name: 'string', email: 'string' },
    oauth_entity: { name: 'string', client_id: 'string', client_secret: 'password2', refresh_token_lifespan: 'integer' },
    sc_req_item: task({ request: { reference: 'sc_request' } }),
    sc_item_option_mtom: {
        request_item: { reference: 'sc_req_item' },
        sc_item_option: { reference: 'sc_item_option' },
    },
    sc_item_option: { item_option_new: { reference: 'item_option_new' }, value: 'string' },
    item_option_new: { name: 'string', masked: 'boolean' },
    ...Object.fromEntries(Object.entries(OWN).map(([name, table]) => [name, table.columns])),
}

/** The table that a table extends. */
const EXTENDS = Object.fromEntries(
    'incident sn_customerservice_case problem change_request sc_task sn_hr_core_case sc_request sc_req_item'
        .split(' ')
        .map((name) => [name, 'task'])
)

module.exports = { ACLS, BUTTONS, EVENTS, EXTENDS, NOTIFICATIONS, OWN, RULES, TABLES, calls, task }

/**
 * A stand-in for the part of an instance that the app's scripts use, at least as strict as a real one. It records unknown
 * members and columns as violations, because scripts catch thrown errors.
 */
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const vm = require('node:vm')

const { scope: SCOPE } = require('../../now.config.json')
const { records } = require('../../scripts/translations')
const { SettingsForm, TABLE: SETTINGS } = require('./form')
const { send } = require('./network')
const { ACLS, BUTTONS, EVENTS, EXTENDS, NOTIFICATIONS, OWN, RULES, TABLES } = require('./tables')

const SCRIPTS = path.join(__dirname, '..', '..', 'src', 'scripts')
const INCLUDES = [
    'RescueSentences',
    'RescueConnection',
    'RescuePinRequests',
    'RescuePins',
    'RescueRecordTypes',
    'RescueConnector',
    'RescueTokenSetup',
    'RescueSettingFields',
    'RescueSettings',
    'RescueChecks',
    'RescueStatus',
    'RescueDailyCheck',
]
/** What runs before the settings record is saved. */
const BEFORE_SAVE = 'actions/settings-save.js'

const sysId = () => crypto.randomBytes(16).toString('hex')

const SYSTEM = { sys_id: 'string', sys_updated_on: 'time' }

class Instance {
    /**
     * @param {Object} options user: {email, roles}; properties: by their full names; settings: columns of the settings
     * record; without: tables that do not exist; tables: further ones, {name: {columns, extends}}; unreadable: tables, and
     * sys_ids of records, that the user may not read; undecryptable: columns of own tables that cannot be decrypted;
     * maskedVariables: 'assignable', 'rows' (an assignment is lost) or 'stuck' (nothing blanks them);
     * networkFailure: 'throws' or 'status'; timeZone: the user's, in hours from UTC; language: the user's, such as 'de';
     * messages: REST Messages, {name: {url, headers}}, each with the method post
     */
    constructor(options = {}) {
        this.options = {
            maskedVariables: 'assignable',
            networkFailure: 'throws',
            timeZone: 0,
            language: 'en',
            without: [],
            tables: {},
            unreadable: [],
            undecryptable: [],
            user: {},
            ...options,
        }
        this.now = Date.UTC(2026, 4, 4, 9, 0, 0)
        this.user = {
            sys_id: sysId(),
            email: 'ana@acme.test',
            user_name: 'ana.ruiz',
            roles: [`${SCOPE}.agent`],
            ...this.options.user,
        }
        this.messages = []
        this.events = []
        this.log = []
        this.violations = []
        this.translations = {}
        this.tables = {}
        for (const [name, columns] of Object.entries(TABLES)) {
            if (!this.options.without.includes(name)) {
                this.addTable(name, { columns, extends: EXTENDS[name] })
            }
        }
        for (const [name, table] of Object.entries(this.options.tables)) {
            this.addTable(name, table)
        }
        this.describeTables()
        this.scripts = SCRIPTS
        this.fieldErrors = {}
        this.properties = { ...this.options.properties }
        this.context = this.newContext()
        const { SETTINGS: sys_id } = this.context.RescueConnection
        this.add(SETTINGS, { sys_id, show_button: 'always', ...this.options.settings })
    }

    /** Adds a table. A row is in the tables, too, that its table extends. */
    addTable(name, { columns, extends: base }) {
        this.tables[name] = { columns: { ...SYSTEM, ...columns }, rows: new Map(), base }
    }

    describeTables() {
        const ids = Object.fromEntries(Object.keys(this.tables).map((name) => [name, sysId()]))
        for (const [name, { base }] of Object.entries(this.tables)) {
            this.add('sys_db_object', { sys_id: ids[name], name, super_class: base ? ids[base] : '' })
        }
    }

    /** A table, the one that it extends, and so on. */
    hierarchy(name) {
        return name ? [name, ...this.hierarchy(this.tables[name]?.base)] : []
    }

    store(name, row) {
        for (const each of this.hierarchy(name)) {
            this.tables[each].rows.set(row.sys_id, row)
        }
    }

    /** The settings record, with its masked columns in clear. */
    settings() {
        const [row] = this.tables[SETTINGS].rows.values()
        const clear = ([column, value]) => [column, OWN[SETTINGS].columns[column] === 'password2' ? plaintext(value) : value]
        return Object.fromEntries(Object.entries(row).map(clear))
    }

    /** Adds a user who has a role. */
    addUser(values, role) {
        const user = this.add('sys_user', { active: '1', ...values })
        const roles = [...this.tables.sys_user_role.rows.values()]
        const { sys_id: of } = roles.find(({ name }) => name === role) || { sys_id: this.add('sys_user_role', { name: role }) }
        this.add('sys_user_has_role', { user, role: of })
        return user
    }

    /** Processes the queued events. Returns the mails of their notifications: {to: addresses, subject, text}. */
    mails() {
        const mails = []
        for (const event of this.events.splice(0)) {
            for (const notification of NOTIFICATIONS) {
                const { generationType, eventName } = notification.triggerConditions
                if (generationType === 'event' && eventName === event.name && notification.table === event.table) {
                    mails.push(this.mail(notification, event))
                }
            }
        }
        return mails
    }

    mail({ table, recipientDetails, emailContent }, event) {
        const row = this.row(table, event.record)
        const fill = (text) =>
            text.replace(/\$\{(\w+)\}/g, (_, column) =>
                column in this.tables[table].columns ? row[column] || '' : this.violate(`${table} has no column ${column}`)
            )
        if (emailContent.contentType !== 'text/plain') {
            this.violate('a notification is not in plain text')
        }
        const users = recipientDetails.eventParm1WithRecipient ? event.parm1.split(',') : []
        return {
            to: users.map((user) => this.row('sys_user', user).email),
            subject: fill(emailContent.subject),
            text: fill(emailContent.messageText),
        }
    }

    queue(name, record, ...parameters) {
        const event = EVENTS.find((each) => each.event_name === name)
        if (!event || name.length > 40 || name !== `${SCOPE}.${event.suffix}`) {
            this.violate(`the event ${name} is not registered`)
        }
        if (!record || record.getTableName() !== event.table || !record.isValidRecord()) {
            this.violate(`the event ${name} has no record of ${event.table}`)
        }
        if (parameters.length > 2 || parameters.some((text) => typeof text !== 'string' || text.length > 255)) {
            this.violate(`the event ${name} has parameters that it cannot hold`)
        }
        const [parm1 = '', parm2 = ''] = parameters
        this.events.push({ name, table: event.table, record: record.getUniqueValue(), parm1, parm2 })
    }

    /** Opens the settings form. */
    openSettings() {
        return new SettingsForm(this)
    }

    /** Inserts a row as test data, without access controls and rules. */
    add(table, values) {
        const row = { sys_id: sysId(), sys_updated_on: time(this.now), ...values }
        if ('sys_class_name' in this.tables[table].columns) {
            row.sys_class_name = table
        }
        for (const [column, kind] of Object.entries(this.tables[table].columns)) {
            if (kind.journal) {
                row[column] = row[column] || []
            } else if (kind === 'password2' && row[column]) {
                row[column] = ciphertext(row[column])
            }
        }
        this.store(table, row)
        return row.sys_id
    }

    /** An ordered catalog item: the requested item and its variables. */
    order(variables, id = sysId()) {
        const item = this.add('sc_req_item', { sys_id: id, number: 'RITM0010001', state: '1', active: 'true' })
        for (const [name, value] of Object.entries(variables)) {
            const masked = name === 'client_secret' || name === 'service_password'
            const question = this.add('item_option_new', { name, masked })
            const stored = masked && value ? ciphertext(value) : value
            const option = this.add('sc_item_option', { item_option_new: question, value: stored })
            this.add('sc_item_option_mtom', { request_item: item, sc_item_option: option })
        }
        return item
    }

    /** What an item's variables hold now. */
    variables(item) {
        const found = {}
        for (const { request_item: of, sc_item_option: id } of this.tables.sc_item_option_mtom.rows.values()) {
            const option = this.tables.sc_item_option.rows.get(id)
            if (of === item) {
                found[this.tables.item_option_new.rows.get(option.item_option_new).name] = option.value
            }
        }
        return found
    }

    row(table, id) {
        return this.tables[table].rows.get(id)
    }

    advanceClock(seconds) {
        this.now += seconds * 1000
    }

    /** Presses a button as its UI action does. */
    press(action, table, id) {
        const redirect = this.strict('action', { setRedirectURL: () => {} })
        this.run(`actions/${action}.js`, { current: this.record(table, id), action: redirect })
    }

    /** The names of the app's buttons on the form of a record; of one that is not saved yet without an id. */
    buttons(table, id) {
        const current = id ? this.record(table, id) : new this.context.GlideRecord(table)
        const classes = this.hierarchy(table)
        return BUTTONS.filter((button) => classes.includes(button.table))
            .filter((button) => !button.condition || this.evaluate(button.condition, { current }))
            .map((button) => button.name)
    }

    /** Whether the user may read a row of one of the app's own tables: one of its access controls has to pass. */
    mayRead(table, id) {
        const current = this.record(table, id)
        const roles = (acl) => (acl.roles || []).map((role) => `${SCOPE}.${role}`)
        return ACLS.filter((acl) => acl.table === table && acl.operation === 'read')
            .filter((acl) => roles(acl).some((role) => this.user.roles.includes(role)))
            .some((acl) => !acl.script || this.answerOf(acl.script, current))
    }

    /** What the script of an access control says about a row. */
    answerOf(script, current) {
        this.context.answer = false
        this.run(script, { current })
        const { answer } = this.context
        return typeof answer === 'boolean' ? answer : this.violate(`${script} answers ${answer}`)
    }

    /** Runs the app's rules after a row of one of its own tables was inserted or changed. */
    runRulesAfter(action, table, current) {
        for (const rule of RULES) {
            const { when, action: actions, filterCondition = '' } = rule
            if (rule.table === table && when === 'after' && actions.includes(action) && holds(filterCondition, current)) {
                this.run(rule.script, { current, previous: null })
            }
        }
    }

    /** Runs the business rule of the token set-up. */
    carryOut(item) {
        this.run('actions/token-setup.js', { current: this.record('sc_req_item', item), previous: null })
    }

    /** Runs a script of the app, with these variables. */
    run(file, variables = {}) {
        const filename = path.join(SCRIPTS, file)
        const { current } = this.context
        Object.assign(this.context, variables)
        try {
            return this.compiled(filename)
        } finally {
            this.context.current = current
        }
    }

    compiled(filename) {
        return vm.runInContext(fs.readFileSync(filename, 'utf8'), this.context, { filename })
    }

    /** Evaluates an expression as a condition of the app does. */
    evaluate(expression, variables = {}) {
        Object.assign(this.context, variables)
        return vm.runInContext(expression, this.context)
    }

    /** What sys_ui_message has for the user's language. Its keys are case-insensitive. */
    translated(text) {
        const inLanguage = records().filter((each) => each.language === this.options.language)
        return inLanguage.find((each) => each.key.toLowerCase() === text.toLowerCase())?.message
    }

    record(table, id) {
        const record = new this.context.GlideRecord(table)
        if (!record.get(id)) {
            throw new Error(`no ${table} ${id}`)
        }
        return record
    }

    /** The texts of the messages that a user sees: of one kind ('info' or 'error'), or all. */
    shown(kind) {
        return this.messages.filter((message) => !kind || message.kind === kind).map((message) => message.text)
    }

    violate(what) {
        this.violations.push(what)
        throw new Error(`stand-in: ${what}`)
    }

    /** An object whose unknown members are violations. */
    strict(name, members, set) {
        return new Proxy(members, {
            get: (target, member) => {
                if (member in target || typeof member === 'symbol' || member === 'toJSON') {
                    return target[member]
                }
                return this.violate(`${name} has no member ${member}`)
            },
            set: (target, member, value) => {
                if (set && set(member, value)) {
                    return true
                }
                return this.violate(`${name}.${String(member)} cannot be assigned`)
            },
        })
    }

    newContext() {
        const context = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } })
        vm.runInContext(`(${onlyEs5.toString()})()`, context)
        Object.assign(context, {
            Class: this.strict('Class', {
                create: () =>
                    vm.runInContext('(function () { this.initialize.apply(this, arguments); })', context),
            }),
            gs: this.glideSystem(),
            sn_ws: this.strict('sn_ws', { RESTMessageV2: restMessage(this) }),
            GlideRecord: glideRecord(this),
            GlideDateTime: glideDateTime(this),
        })
        for (const name of INCLUDES) {
            this.context = context
            this.run(`${name}.js`)
        }
        context[SCOPE] = this.strict(SCOPE, Object.fromEntries(INCLUDES.map((name) => [name, context[name]])))
        return context
    }

    glideSystem() {
        const say = (kind) => (html) => this.messages.push({ kind, html, text: unescape(String(html)) })
        const log = (level) => (line) => {
            this.log.push(`${level} ${line}`)
        }
        return this.strict('gs', {
            getProperty: (name, otherwise) => {
                const value = this.properties[name]
                if (name.startsWith(`${SCOPE}.`)) {
                    return this.violate(`the app has no property ${name}`)
                }
                return value === undefined || value === '' ? (otherwise === undefined ? null : otherwise) : String(value)
            },
            getUserName: () => this.user.user_name,
            getUserID: () => this.user.sys_id,
            getUser: () => this.strict('gs.getUser()', { getEmail: () => this.user.email, getID: () => this.user.sys_id }),
            hasRole: (role) => this.user.roles.includes(role) || this.user.roles.includes('admin'),
            getMessage: (text) => this.translations[text] || this.translated(text) || text,
            addInfoMessage: say('info'),
            addErrorMessage: say('error'),
            eventQueue: (...given) => this.queue(...given),
            info: log('info'),
            warn: log('warn'),
            error: log('error'),
        })
    }
}

/** Whether a record meets a condition such as pin=true^EQ. */
function holds(condition, record) {
    const truth = (text) => ({ 1: 'true', 0: 'false' })[text] ?? text
    return condition
        .split('^')
        .filter((part) => part && part !== 'EQ')
        .every((part) => {
            const [column, value] = part.split('=')
            return truth(record.getValue(column)) === value
        })
}

/** Removes from a context what an engine of ECMAScript 5 lacks. */
function onlyEs5() {
    const keep = {
        Object: 'create defineProperty freeze getOwnPropertyNames getPrototypeOf keys length name prototype',
        Array: 'isArray prototype length name',
        Number: 'prototype length name MAX_VALUE MIN_VALUE NaN',
        'Array.prototype':
            'constructor length concat every filter forEach indexOf join lastIndexOf map pop push reduce reverse shift ' +
            'slice some sort splice toString unshift',
        'String.prototype':
            'constructor length charAt charCodeAt concat indexOf lastIndexOf localeCompare match replace search slice ' +
            'split substring toLowerCase toString toUpperCase trim valueOf',
    }
    for (const [name, kept] of Object.entries(keep)) {
        const object = name.split('.').reduce((from, member) => from[member], globalThis)
        for (const member of Object.getOwnPropertyNames(object)) {
            if (kept.split(' ').indexOf(member) < 0) {
                delete object[member]
            }
        }
    }
    const globals =
        'Object Array String Number Boolean Date RegExp Math JSON Error TypeError Function Infinity NaN undefined ' +
        'parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent globalThis'
    for (const name of Object.getOwnPropertyNames(globalThis)) {
        if (globals.split(' ').indexOf(name) < 0) {
            delete globalThis[name]
        }
    }
}

function glideDateTime(instance) {
    return function GlideDateTime(value) {
        let at = value === undefined ? instance.now : Date.parse(`${value}Z`.replace(' ', 'T'))
        if (value !== undefined && !TIME.test(String(value))) {
            instance.violate(`GlideDateTime of ${value}`)
        }
        return instance.strict('GlideDateTime', {
            getNumericValue: () => at,
            addDaysUTC: (days) => {
                at += days * 86_400_000
            },
            getValue: () => time(at),
            toString: () => time(at),
        })
    }
}

function glideRecord(instance) {
    return function GlideRecord(tableName) {
        return new Row(instance, String(tableName)).proxy
    }
}

/** One GlideRecord: a query and its current row. */
class Row {
    constructor(instance, tableName) {
        this.instance = instance
        this.tableName = tableName
        this.table = instance.tables[tableName]
        this.conditions = []
        this.changes = {}
        this.stored = null
        this.runsRules = true
        this.aborted = false
        const members = Object.fromEntries(MEMBERS.map((name) => [name, (...given) => this[name](...given)]))
        this.proxy = new Proxy(members, {
            get: (target, name) => {
                if (name in target || typeof name === 'symbol') {
                    return target[name]
                }
                if (name === 'variables' && tableName === 'sc_req_item') {
                    return this.variables()
                }
                return this.getElement(name)
            },
            set: (target, name, value) => {
                this.setValue(name, value)
                return true
            },
        })
    }

    column(name) {
        const kind = this.table && this.table.columns[name]
        return kind || this.instance.violate(`${this.tableName} has no column ${String(name)}`)
    }

    /** The type of a column of this table, or of one that references lead to, such as role.name. */
    kindOf(path) {
        const names = path.split('.')
        const last = names.pop()
        let table = this.tableName
        for (const name of names) {
            const kind = this.instance.tables[table].columns[name]
            table = kind && kind.reference ? kind.reference : this.instance.violate(`${table}.${name} is no reference`)
        }
        return this.instance.tables[table].columns[last] || this.instance.violate(`${table} has no column ${last}`)
    }

    isValid() {
        return Boolean(this.table)
    }

    isValidRecord() {
        return Boolean(this.stored)
    }

    isNewRecord() {
        return !this.stored
    }

    isValidField(name) {
        return Boolean(this.table && this.table.columns[name])
    }

    getRecordClassName() {
        return (this.stored && this.stored.sys_class_name) || this.tableName
    }

    /** The access controls of the table by whose name the record was read decide, and not those of the record's class. */
    canRead() {
        const { unreadable } = this.instance.options
        return Boolean(this.stored) && !unreadable.includes(this.tableName) && !unreadable.includes(this.stored.sys_id)
    }

    canWrite() {
        return !(this.instance.options.readOnly || []).includes(this.tableName)
    }

    getUniqueValue() {
        return this.getValue('sys_id')
    }

    getTableName() {
        return this.tableName
    }

    initialize() {
        this.stored = null
        this.changes = {}
    }

    get(name, value) {
        this.conditions = value === undefined ? [['sys_id', '=', name]] : [[name, '=', value]]
        this.query()
        return this.next()
    }

    addQuery(name, operator, value) {
        this.conditions.push(value === undefined ? [name, '=', operator] : [name, operator, value])
    }

    addNullQuery(name) {
        this.addQuery(name, '=', '')
    }

    orderByDesc(name) {
        this.column(name)
        this.order = name
    }

    setLimit(most) {
        this.most = most
    }

    query() {
        const found = this.matching()
        if (this.order) {
            // A sort is stable: the later of two rows of the same second comes first.
            found.reverse().sort((one, other) => String(other[this.order]).localeCompare(String(one[this.order])))
        }
        this.found = found.slice(0, this.most)
    }

    matching() {
        for (const [name] of this.conditions) {
            this.kindOf(name)
        }
        const holds = ([name, operator, value], row) => {
            const truth = (text) => (this.kindOf(name) === 'boolean' ? String(['1', 'true'].includes(String(text))) : text)
            const found = name.split('.').reduce((from, column, index, path) => {
                const of = from && from[column]
                const { reference } = index < path.length - 1 ? this.kindOf(path.slice(0, index + 1).join('.')) : {}
                return reference ? this.instance.tables[reference].rows.get(of) : of
            }, row)
            const wanted = String(truth(value))
            const have = String(truth(found === undefined || found === null ? '' : found))
            const results = { '=': have === wanted, '<': have < wanted, '>=': have >= wanted }
            return operator in results ? results[operator] : this.instance.violate(`operator ${operator}`)
        }
        return [...this.table.rows.values()].filter((row) => this.conditions.every((each) => holds(each, row)))
    }

    next() {
        this.stored = this.found.shift() || null
        this.changes = {}
        return Boolean(this.stored)
    }

    deleteMultiple() {
        for (const row of this.matching()) {
            for (const each of this.instance.hierarchy(this.tableName)) {
                this.instance.tables[each].rows.delete(row.sys_id)
            }
        }
    }

    getValue(name) {
        const kind = this.column(name)
        const value = name in this.changes ? this.changes[name] : this.stored && this.stored[name]
        return kind.journal || value === undefined || value === null || value === '' ? null : String(value)
    }

    setWorkflow(on) {
        this.runsRules = on
    }

    /** Runs the rule before an insert or update of the settings record. */
    isAbortedBefore() {
        if (this.tableName === SETTINGS && this.runsRules) {
            this.aborted = false
            this.instance.run(BEFORE_SAVE, { current: this.proxy, previous: null })
        }
        return this.aborted
    }

    isActionAborted() {
        return this.aborted
    }

    setAbortAction(abort) {
        this.aborted = abort
    }

    setValue(name, value) {
        if (this.column(name) === 'password2') {
            this.instance.violate(`setValue on password2 column ${this.tableName}.${name}`)
        }
        if (name.startsWith('sys_')) {
            this.instance.violate(`${name} cannot be set`)
        }
        const text = value === null || value === undefined ? '' : String(value)
        const form = { time: TIME, duration: TIME, integer: /^-?\d+$/, boolean: /^(0|1|true|false)$/ }[this.column(name)]
        const longest = OWN[this.tableName]?.longest[name]
        if (text && form && !form.test(text)) {
            this.instance.violate(`${text} is no ${this.column(name)}: ${this.tableName}.${name}`)
        }
        if (longest && text.length > longest) {
            this.instance.violate(`${this.tableName}.${name} holds ${longest} characters`)
        }
        this.changes[name] = text
    }

    getDisplayValue(name) {
        const kind = this.column(name)
        if (kind === 'time' && this.getValue(name)) {
            const at = Date.parse(`${this.getValue(name)}Z`.replace(' ', 'T'))
            return time(at + this.instance.options.timeZone * 3_600_000)
        }
        const target = kind.reference && this.instance.tables[kind.reference].rows.get(this.getValue(name))
        return kind.reference ? (target ? target.name : '') : this.getValue(name)
    }

    insert() {
        const { instance, table } = this
        const clash = (OWN[this.tableName]?.unique || []).some((name) =>
            [...table.rows.values()].some((row) => row[name] === this.changes[name])
        )
        const hook = instance.beforeInsert
        instance.beforeInsert = undefined
        if (hook) {
            hook()
            return this.insert()
        }
        if (clash || this.isRefused() || this.isAbortedBefore()) {
            return null
        }
        this.stored = { sys_id: sysId() }
        instance.store(this.tableName, this.stored)
        return this.save('insert')
    }

    isRefused() {
        return (this.instance.options.refusesWrites || []).includes(this.tableName) || !this.canWrite()
    }

    update() {
        return this.isRefused() || this.isAbortedBefore() ? null : this.save('update')
    }

    /** Writes the changes, and runs the rules after that. */
    save(action) {
        const { instance } = this
        const now = this.table.rows.get(this.stored.sys_id)
        for (const [name, value] of Object.entries(this.changes)) {
            if (this.column(name).journal) {
                now[name].unshift(value)
            } else {
                now[name] = value
            }
        }
        now.sys_updated_on = time(instance.now)
        this.changes = {}
        for (const write of this.pending || []) {
            write()
        }
        this.pending = []
        if (this.runsRules && this.tableName in OWN) {
            instance.runRulesAfter(action, this.tableName, this.proxy)
        }
        return now.sys_id
    }

    getElement(name) {
        const kind = this.column(name)
        const { instance } = this
        return instance.strict(`${this.tableName}.${name}`, {
            toString: () => this.getValue(name) || '',
            getDisplayValue: () => this.getDisplayValue(name),
            getRefRecord: () => {
                if (!kind.reference) {
                    return instance.violate(`${name} is no reference`)
                }
                const target = new Row(instance, kind.reference)
                target.get(this.getValue(name))
                return target.proxy
            },
            getJournalEntry: (lines) => {
                if (!kind.journal || ![1, -1].includes(lines)) {
                    return instance.violate(`getJournalEntry(${lines}) on ${name}`)
                }
                const now = this.table.rows.get(this.stored.sys_id)
                return (lines === 1 ? now[name].slice(0, 1) : now[name]).join('\n\n')
            },
            setDisplayValue: (value) => {
                if (kind !== 'password2') {
                    return instance.violate(`setDisplayValue on ${this.tableName}.${name}`)
                }
                this.changes[name] = value ? ciphertext(String(value)) : ''
            },
            setError: (sentence) => {
                instance.fieldErrors[name] = String(sentence)
            },
            getLabel: () => OWN[this.tableName].labels[name],
            getDecryptedValue: () => {
                // Only the scope that owns a table can decrypt its columns.
                const own = this.tableName in OWN && !instance.options.undecryptable.includes(name)
                const readable = kind === 'password2' && (own || instance.options.registrySecretReadable)
                if (!readable) {
                    throw new Error(`${this.tableName}.${name} cannot be decrypted in this scope`)
                }
                return plaintext(this.getValue(name))
            },
        })
    }

    /** The variables of a requested item. */
    variables() {
        const { instance } = this
        const item = this.stored.sys_id
        const rows = {}
        for (const link of instance.tables.sc_item_option_mtom.rows.values()) {
            if (link.request_item === item) {
                const option = instance.tables.sc_item_option.rows.get(link.sc_item_option)
                rows[instance.tables.item_option_new.rows.get(option.item_option_new).name] = option
            }
        }
        const members = {}
        for (const [name, option] of Object.entries(rows)) {
            const { masked } = instance.tables.item_option_new.rows.get(option.item_option_new)
            members[name] = instance.strict(`variables.${name}`, {
                toString: () => (option.value === null || option.value === undefined ? '' : String(option.value)),
                getDecryptedValue: () => (masked ? plaintext(option.value) : instance.violate(`${name} is not masked`)),
            })
        }
        return instance.strict('variables', members, (name, value) => {
            if (!(name in rows)) {
                return false
            }
            if (instance.options.maskedVariables === 'assignable') {
                this.pending = [...(this.pending || []), () => (rows[name].value = value)]
            }
            return true
        })
    }
}

/** The methods of Row that a script may call. */
const MEMBERS = [
    'addNullQuery',
    'addQuery',
    'canRead',
    'canWrite',
    'deleteMultiple',
    'get',
    'getDisplayValue',
    'getElement',
    'getRecordClassName',
    'getTableName',
    'getUniqueValue',
    'getValue',
    'initialize',
    'insert',
    'isActionAborted',
    'isNewRecord',
    'isValid',
    'isValidField',
    'isValidRecord',
    'next',
    'orderByDesc',
    'query',
    'setAbortAction',
    'setLimit',
    'setValue',
    'setWorkflow',
    'update',
]

function restMessage(instance) {
    return function RESTMessageV2(...given) {
        const request = { method: 'GET', headers: {}, body: '', timeout: 10_000 }
        if (given.length) {
            const [name, method] = given
            const message = (instance.options.messages || {})[name]
            if (!message || method !== 'post') {
                instance.violate(`there is no message ${name} ${method}`)
            }
            Object.assign(request, { method: 'POST', url: message.url, headers: { ...message.headers } })
        }
        const parameters = []
        let level = 'all'
        return instance.strict('RESTMessageV2', {
            setEndpoint: (url) => {
                request.url = url
            },
            setHttpMethod: (method) => {
                request.method = method.toUpperCase()
            },
            setHttpTimeout: (milliseconds) => {
                if (milliseconds > 30_000) {
                    instance.violate('an instance waits for at most 30 s')
                }
                request.timeout = milliseconds
            },
            setLogLevel: (name) => {
                level = name
            },
            setRequestHeader: (name, value) => {
                request.headers[name] = String(value)
            },
            setRequestBody: (body) => {
                request.body = String(body)
            },
            setStringParameter: (name, value) => parameters.push([name, escapeXml(String(value))]),
            setStringParameterNoEscape: (name, value) => parameters.push([name, String(value)]),
            execute: () => {
                for (const [name, value] of parameters) {
                    request.body = request.body.replaceAll(`\${${name}}`, value)
                }
                // The override wins over what a script asks for.
                const { 'glide.outbound_http_log.override': override } = instance.properties
                const overriding = instance.properties['glide.outbound_http_log.override.level'] || 'basic'
                if ((override === 'true' ? overriding : level) !== 'basic') {
                    instance.log.push(`outbound ${JSON.stringify(request)}`)
                }
                return execute(instance, request)
            },
        })
    }
}

function execute(instance, request) {
    let answer
    try {
        answer = send(request)
    } catch (error) {
        if (instance.options.networkFailure === 'throws') {
            throw new Error(`${error.message} while sending ${JSON.stringify(request)}`)
        }
        answer = { status: 0, headers: {}, body: '', failed: error.message }
    }
    return instance.strict('RESTResponseV2', {
        getStatusCode: () => answer.status,
        getBody: () => answer.body,
        getHeaders: () => ({ ...answer.headers }),
        getHeader: (name) => answer.headers[name],
        haveError: () => Boolean(answer.failed),
        getErrorMessage: () => answer.failed || '',
    })
}

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/
const time = (at) => new Date(at).toISOString().slice(0, 19).replace('T', ' ')
const ciphertext = (text) => `encrypted:${Buffer.from(text).toString('base64')}==`
const plaintext = (text) => (text ? Buffer.from(text.slice('encrypted:'.length), 'base64').toString() : '')
const escapeXml = (text) =>
    text.replace(/[&<>"']/g, (each) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' })[each])
const unescape = (html) => html.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: '&', lt: '<', gt: '>' })[name])

module.exports = { INCLUDES, Instance, SCRIPTS, ciphertext }

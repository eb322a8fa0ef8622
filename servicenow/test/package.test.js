'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const acorn = require('acorn')

const { INCLUDES, Instance, SCRIPTS } = require('./glide/instance')
const { OWN } = require('./glide/tables')
const { ROOT } = require('./repository')

const APP = path.join(__dirname, '..')
const read = (...parts) => fs.readFileSync(path.join(APP, ...parts), 'utf8')
const fluent = fs
    .readdirSync(path.join(APP, 'src', 'fluent'))
    .filter((name) => name.endsWith('.now.ts'))
    .map((name) => read('src', 'fluent', name))
    .join('\n')
const scripts = fs.readdirSync(SCRIPTS, { recursive: true }).filter((name) => name.endsWith('.js'))
const keys = read('src', 'fluent', 'generated', 'keys.ts')

/** The connector's settings by table and key: the kind of each, with the texts that it allows. */
function settingsOfConnector() {
    const source = fs.readFileSync(path.join(ROOT, 'shared', 'src', 'settings', 'keys.rs'), 'utf8')
    const table = /KEYS:[^=]*= \[([^]*?)\n\];/.exec(source)[1]
    const keys = [...table.matchAll(/\(\s*"([\w.]+)",\s*(\w+)(?:\(&\[([^\]]*)\]\))?,?\s*\)/g)]
    return new Map(keys.map(([, key, kind, allowed]) => [key, { kind, allowed: allowed?.match(/\w+/g) }]))
}

describe('the app', () => {
    it('has scripts that an engine of ECMAScript 5 can read', () => {
        assert.ok(scripts.length >= 11)
        for (const name of scripts) {
            const source = fs.readFileSync(path.join(SCRIPTS, name), 'utf8')
            assert.doesNotThrow(() => acorn.parse(source, { ecmaVersion: 5 }), name)
        }
    })

    it('ships every script', () => {
        for (const name of scripts) {
            assert.ok(fluent.includes(`Now.include('../scripts/${name}')`), `${name} is not shipped`)
        }
        for (const name of INCLUDES) {
            assert.ok(fluent.includes(`name: '${name}'`), `${name} has another name`)
        }
    })

    it('has a column for each setting of the connector, with its choices, and one for each secret', () => {
        const { RescueSettingFields } = new Instance().context
        const { columns, choices } = OWN.x_rescue_conn_settings
        const kinds = { Boolean: ['boolean'], Texts: ['list'], Map: ['map', 'columns'], Tables: ['tables'] }
        // A table that the app brings along, which the connector does not know by name.
        const ownChoices = { session_table: ['x_rescue_conn_session'] }
        const keys = settingsOfConnector()
        assert.deepEqual(
            Array.from(RescueSettingFields.SETTINGS, ([, pointer]) => pointer.slice(1).replaceAll('/', '.')).sort(),
            [...keys.keys()].filter((key) => key !== 'tenant').sort()
        )
        for (const [column, pointer, kind] of RescueSettingFields.SETTINGS) {
            assert.equal(columns[column], kind === 'boolean' ? 'boolean' : 'string', column)
            const key = keys.get(pointer.slice(1).replaceAll('/', '.'))
            assert.ok((kinds[key.kind] || ['text']).includes(kind), column)
            assert.deepEqual(choices[column] && Object.keys(choices[column]), key.allowed || ownChoices[column], column)
        }
        for (const [column, , state] of RescueSettingFields.SECRETS) {
            assert.equal(columns[column], 'password2')
            assert.equal(columns[state], 'string')
        }
    })

    it('shows every column on the form, but for secrets that are no input and what only scripts need', () => {
        const form = read('src', 'fluent', 'form.now.ts')
        const shown = [...form.matchAll(/field: '(\w+)', type/g)].map((match) => match[1])
        assert.deepEqual(shown.length, new Set(shown).size)
        const secret = ['api_key', 'webhook_url_started', 'webhook_url_ended']
        const forScripts = ['connected_instance', 'connected_name', 'webhook_key_id', 'version', 'mail_subject', 'mail_text', 'warnings_sent', 'tenant_tables']
        const hidden = [...secret, ...forScripts]
        assert.deepEqual(shown.concat(hidden).sort(), Object.keys(OWN.x_rescue_conn_settings.columns).sort())
    })

    it('lets nothing be typed that a tenant of a file or the operator alone changes', () => {
        const form = read('src', 'fluent', 'form.now.ts')
        const locked = [...form.matchAll(/field: '(\w+)', readOnly: true/g)].map((match) => match[1])
        const settings = Array.from(new Instance().context.RescueSettingFields.SETTINGS, ([column]) => column)
        assert.deepEqual(locked.concat(OWN.x_rescue_conn_settings.readOnly.filter((column) => settings.includes(column))).sort(), settings.sort())
    })

    it('brings an empty settings record along, once', () => {
        const record = /Record\(\{\s+\$id: Now\.ID\['settings-record'\][^]*?\n\}\)/.exec(fluent)[0]
        assert.match(record, /installMethod: 'first install'/)
        assert.match(record, /data: \{ show_button: 'always' \}/)
        const [, id] = /'settings-record': \{\s+table: '\w+'\s+id: '([0-9a-f]{32})'/.exec(keys)
        assert.equal(new Instance().context.RescueConnection.SETTINGS, id)
        assert.ok(fluent.includes(`x_rescue_conn_settings.do?sys_id=${id}'`))
    })

    it('names its records by the sys_ids that they keep', () => {
        const idOf = (pattern) => pattern.exec(keys)[1]
        const item = idOf(/'item-token-setup': \{\s+table: 'sc_cat_item'\s+id: '([0-9a-f]{32})'/)
        assert.ok(fluent.includes(`filterCondition: 'cat_item=${item}^EQ'`))
        assert.ok(fluent.includes(`sysparm_id=${item}'`))
        const role = idOf(/id: '([0-9a-f]{32})'\s+key: \{\s+name: 'x_rescue_conn\.admin'/)
        assert.ok(fluent.includes(`role: '${role}'`))
    })

    it('may read and save records of every table that comes with the platform itself', () => {
        for (const table of ['incident', 'problem', 'change_request', 'sc_req_item', 'sc_task', 'interaction']) {
            for (const operation of ['read', 'write']) {
                const of = new RegExp(`operation: '${operation}',\\s+status: 'allowed',\\s+targetName: '${table}',\\s+targetScope: 'global'`)
                assert.match(fluent, of)
            }
        }
    })

    it('removes the buttons of incidents and cases, which earlier versions had', () => {
        for (const key of ['incident-generate', 'incident-new', 'case-generate', 'case-new']) {
            const button = new RegExp(`'button-${key}': \\{\\s+table: '\\w+'\\s+id: '(\\w{32})'\\s+deleted: true`)
            const [, id] = button.exec(keys)
            assert.match(keys, new RegExp(`table: 'sys_ux_form_action'\\s+id: '\\w+'\\s+deleted: true\\s+key: \\{\\s+ui_action: '${id}'`))
        }
    })

    it('has texts that fit into the columns of the platform', () => {
        for (const [, condition] of fluent.matchAll(/condition: `([^`]*)`/g)) {
            assert.ok(condition.length <= 254, condition)
        }
        for (const [, description] of fluent.matchAll(/description: '((?:[^'\\]|\\.)*)'/g)) {
            assert.ok(description.length <= 255, description)
        }
        for (const [, hint] of fluent.matchAll(/hint: '((?:[^'\\\\]|\\\\.)*)'/g)) {
            assert.ok(hint.length <= 255, hint)
        }
        assert.ok(JSON.parse(read('now.config.json')).scope.length <= 18)
    })

    it('pins what it is built with, from no particular registry', () => {
        const { devDependencies, dependencies } = JSON.parse(read('package.json'))
        assert.equal(dependencies, undefined)
        for (const [name, version] of Object.entries(devDependencies)) {
            assert.match(version, /^\d+\.\d+\.\d+$/, name)
        }
        assert.equal(devDependencies['@servicenow/sdk'], '4.9.0')
        assert.doesNotMatch(read('package-lock.json'), /"resolved"/)
    })
})

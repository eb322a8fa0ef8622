/** The form of the settings record, as a browser shows and submits it. */
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const { OWN } = require('./tables')

const TABLE = Object.keys(OWN).find((name) => name.endsWith('_settings'))
const SHOW = 'actions/settings-show.js'
const ON_LOAD = 'actions/settings-version.client.js'

class SettingsForm {
    /** Opens the form: its display rule and its client script run. */
    constructor(instance) {
        this.instance = instance
        const [id] = [...instance.tables[TABLE].rows.keys()]
        const current = instance.record(TABLE, id)
        const scratchpad = {}
        instance.run(SHOW, { current, previous: null, g_scratchpad: scratchpad })
        this.id = id
        this.shown = {}
        this.typed = {}
        this.hidden = new Set()
        /** What stands at fields after a save that was refused. */
        this.errors = {}
        for (const [column, type] of Object.entries(OWN[TABLE].columns)) {
            // A masked field shows dots, and the browser gets no value.
            this.shown[column] = type === 'password2' ? '' : current.getValue(column) || ''
        }
        this.load(scratchpad)
    }

    load(g_scratchpad) {
        const source = fs.readFileSync(path.join(this.instance.scripts, ON_LOAD), 'utf8')
        const known = (column) => {
            if (!(column in this.shown)) {
                throw new Error(`the form has no field ${column}`)
            }
        }
        const g_form = {
            setValue: (column, value) => {
                known(column)
                this.typed[column] = String(value)
            },
            setDisplay: (column, display) => {
                known(column)
                if (!display) {
                    this.hidden.add(column)
                }
            },
        }
        new Function('g_form', 'g_scratchpad', `${source}\nonLoad();`)(g_form, g_scratchpad)
    }

    /** Types into fields. */
    type(values) {
        for (const [column, value] of Object.entries(values)) {
            if (!(column in this.shown) || OWN[TABLE].readOnly.includes(column) || this.hidden.has(column)) {
                throw new Error(`${column} is no field to type into`)
            }
            const choices = OWN[TABLE].choices[column]
            const isNone = value === '' && OWN[TABLE].dropdowns[column] === 'dropdown_with_none'
            if (choices && !isNone && !(value in choices)) {
                throw new Error(`${column} has no choice ${value}`)
            }
            const longest = OWN[TABLE].longest[column]
            if (longest && String(value).length > longest) {
                throw new Error(`${column} holds ${longest} characters`)
            }
            this.typed[column] = typeof value === 'boolean' ? (value ? '1' : '0') : String(value)
        }
        return this
    }

    /** Presses a button, with what was typed, and opens the form again. */
    press(action) {
        const { instance } = this
        const current = instance.record(TABLE, this.id)
        for (const [column, value] of Object.entries(this.typed)) {
            if (OWN[TABLE].columns[column] === 'password2') {
                current.getElement(column).setDisplayValue(value)
            } else if (value !== this.shown[column]) {
                current.setValue(column, value)
            }
        }
        instance.fieldErrors = {}
        instance.run(`actions/${action}.js`, { current, action: instance.strict('action', { setRedirectURL: () => {} }) })
        const next = new SettingsForm(instance)
        next.errors = instance.fieldErrors
        return next
    }

    save() {
        return this.press('settings-button-save')
    }
}

module.exports = { SettingsForm, TABLE }

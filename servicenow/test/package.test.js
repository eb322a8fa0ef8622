'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const acorn = require('acorn')

const { INCLUDES, SCRIPTS } = require('./glide/instance')

const APP = path.join(__dirname, '..')
const read = (...parts) => fs.readFileSync(path.join(APP, ...parts), 'utf8')
const fluent = fs
    .readdirSync(path.join(APP, 'src', 'fluent'))
    .filter((name) => name.endsWith('.now.ts'))
    .map((name) => read('src', 'fluent', name))
    .join('\n')
const scripts = fs.readdirSync(SCRIPTS, { recursive: true }).filter((name) => name.endsWith('.js'))
const keys = read('src', 'fluent', 'generated', 'keys.ts')

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

    it('reads each declared setting, and declares each setting that it reads', () => {
        const declared = [...fluent.matchAll(/name: 'x_rescue_conn\.(\w+)',\n    description:[^\n]*\n    type/g)]
        const settings = declared.map((match) => match[1]).sort()
        const source = read('src', 'scripts', 'RescueConnection.js')
        const used = [...source.matchAll(/(?:_is|_text)\('(\w+)'|getProperty\('x_rescue_conn\.(\w+)'/g)]
        const names = [...new Set(used.map((match) => match[1] || match[2]))].sort()
        assert.deepEqual(names, settings)
        assert.equal(settings.length, 8)
    })

    it('keeps values of one instance out of update sets, and the key unreadable', () => {
        for (const name of ['connector_url', 'tenant', 'api_key']) {
            const [, property] = fluent.split(`name: 'x_rescue_conn.${name}'`)
            assert.match(property.split('})')[0], /isPrivate: true/, name)
        }
        const [, key] = fluent.split(`name: 'x_rescue_conn.api_key'`)
        assert.match(key.split('})')[0], /type: 'password2'/)
        assert.match(key.split('})')[0], /value: ''/)
    })

    it('names its records by the sys_ids that they keep', () => {
        const idOf = (pattern) => pattern.exec(keys)[1]
        const item = idOf(/'item-token-setup': \{\s+table: 'sc_cat_item'\s+id: '([0-9a-f]{32})'/)
        assert.ok(fluent.includes(`filterCondition: 'cat_item=${item}^EQ'`))
        assert.ok(fluent.includes(`sysparm_id=${item}'`))
        const role = idOf(/id: '([0-9a-f]{32})'\s+key: \{\s+name: 'x_rescue_conn\.admin'/)
        assert.ok(fluent.includes(`role: '${role}'`))
    })

    it('has texts that fit into the columns of the platform', () => {
        for (const [, condition] of fluent.matchAll(/condition: `([^`]*)`/g)) {
            assert.ok(condition.length <= 254, condition)
        }
        for (const [, description] of fluent.matchAll(/description: '((?:[^'\\]|\\.)*)'/g)) {
            assert.ok(description.length <= 255, description)
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

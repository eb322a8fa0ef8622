/** The app in the scope of a company, as its application repository needs it. */
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { before, describe, it } = require('node:test')

const { LANGUAGES, records } = require('../scripts/translations')

const APP = path.join(__dirname, '..')
const SCOPE = 'x_acme_rescue'
const COPY = path.join(APP, 'scopes', SCOPE)
const { scope: OWN, scopeId } = require('../now.config.json')
/** The catalog that every instance has. */
const SERVICE_CATALOG = 'e0d08b13c3330100c8b837659bba8fb4'
/** The category that the SDK gives to a notification without one. */
const NOTIFICATION_CATEGORY = 'c97d83137f4432005f58108c3ffa917a'
/** The operation report_on of access controls. */
const REPORT_ON = 'f6861c32c0a8016400647951e901525d'
/** The kinds of widgets, the map that the SDK gives to each of them, and the experience Platform Analytics. */
const DASHBOARD = [
    '18ac962264404bcc0039359d184b15f3',
    '2bd5dc19a7ad083941b7c992a966dd78',
    '85855283b7e03010097cb81cde11a91d',
    '93b8a3a2d7101200bd4a4ebfae61033a',
    '08c73d60537101100834ddeeff7b1287',
]

/** The related lists of an instance, which are found by their keys. */
const RELATED_LISTS = fs.readFileSync(path.join(APP, 'src', 'fluent', 'related-lists.now.ts'), 'utf8').match(/\b[0-9a-f]{32}\b/g)

function run(command, args, options = {}) {
    // Without this variable a test run that is started by a test prints what a person reads.
    const { NODE_TEST_CONTEXT, ...env } = process.env
    return spawnSync(command, args, { cwd: APP, encoding: 'utf8', env, ...options })
}

const build = (...args) => run(process.execPath, ['scripts/build.js', ...args])

function filesBelow(folder) {
    const names = fs.readdirSync(folder, { recursive: true })
    return names.filter((name) => fs.statSync(path.join(folder, name)).isFile())
}

const readAll = (folder) =>
    filesBelow(folder).map((name) => `${name}\n${fs.readFileSync(path.join(folder, name), 'latin1')}`)
const idsIn = (text) => new Set(text.match(/\b[0-9a-f]{32}\b/g))
const keysOf = (app) => {
    const keys = fs.readFileSync(path.join(app, 'src', 'fluent', 'generated', 'keys.ts'), 'utf8')
    return [...keys.matchAll(/table: '\w+'\s+id: '([0-9a-f]{32})'/g)].map((match) => match[1])
}

describe(`the app built with --scope ${SCOPE}`, () => {
    const sources = () => [...readAll(path.join(APP, 'src')), fs.readFileSync(path.join(APP, 'now.config.json'), 'utf8')]
    let built

    before(() => {
        const untouched = sources()
        const { status, stdout, stderr } = build('build', '--scope', SCOPE)
        assert.equal(status, 0, stdout + stderr)
        assert.deepEqual(sources(), untouched)
        built = readAll(path.join(COPY, 'dist', 'app'))
    })

    it('has the scope nowhere that it is written in', () => {
        assert.ok(built.length > 400, String(built.length))
        for (const file of [...built, ...readAll(path.join(COPY, 'src'))]) {
            assert.ok(!file.includes(OWN), file.slice(0, 500))
        }
        assert.ok(built.some((file) => file.includes(`<scope>${SCOPE}</scope>`)))
    })

    it('has other sys_ids for all its own records, and the same for records of the platform', () => {
        const ids = idsIn(built.join('\n'))
        const own = [scopeId, ...keysOf(APP), ...records(APP).map((record) => record.sys_id)]
        assert.ok(own.length > 400, String(own.length))
        for (const id of own) {
            assert.ok(!ids.has(id), id)
        }
        const copied = new Set([
            JSON.parse(fs.readFileSync(path.join(COPY, 'now.config.json'), 'utf8')).scopeId,
            ...keysOf(COPY),
            ...records(COPY).map((record) => record.sys_id),
        ])
        assert.equal(copied.size, new Set(own).size)
        const platform = [NOTIFICATION_CATEGORY, SERVICE_CATALOG, REPORT_ON, ...DASHBOARD, ...RELATED_LISTS]
        assert.deepEqual([...ids].filter((id) => !copied.has(id)).sort(), platform.sort())
    })

    it('names its own table of sessions in the settings', () => {
        const choices = built.filter((file) => file.includes('table="sys_choice_set"') || file.includes('<element>session_table</element>'))
        assert.ok(choices.some((file) => file.includes(`<value>${SCOPE}_session</value>`)))
    })

    it('has every translation', () => {
        const updates = fs.readdirSync(path.join(COPY, 'dist', 'app', 'update'))
        const messages = updates.filter((name) => name.startsWith('sys_ui_message_'))
        assert.equal(messages.length, records(APP).length)
        for (const language of LANGUAGES) {
            assert.ok(built.some((file) => file.includes(`<language>${language}</language>`)), language)
        }
    })

    it('passes the tests of the app', () => {
        const tests = fs
            .readdirSync(path.join(COPY, 'test'))
            .filter((name) => name.endsWith('.test.js') && name !== path.basename(__filename))
            .map((name) => path.join('test', name))
        assert.ok(tests.length >= 5, tests.join())
        const args = ['--test', '--test-reporter=tap', ...tests]
        const { status, stdout, stderr } = run(process.execPath, args, { cwd: COPY })
        assert.equal(status, 0, stdout + stderr)
        assert.match(stdout, /^# fail 0$/m)
    })

    it('is packed', () => {
        const { status, stdout, stderr } = build('pack', '--scope', SCOPE)
        assert.equal(status, 0, stdout + stderr)
        const zips = fs.readdirSync(path.join(COPY, 'target')).filter((name) => name.endsWith('.zip'))
        assert.equal(zips.length, 1)
    })
})

describe('a scope', () => {
    it('that is none is refused with what to give instead', () => {
        for (const [args, said] of [
            [['--scope', 'x_Acme_rescue'], /"x_Acme_rescue" is not a scope.*such as x_acme_rescue/],
            [['--scope', 'acme_rescue'], /is not a scope/],
            [['--scope', 'x_rescue'], /is not a scope/],
            [['--scope', '../x_acme_rescue'], /is not a scope/],
            [['--scope'], /is not a scope/],
            [['--scope=x_acme_rescue_conne'], /has 19 characters; a scope has at most 18/],
        ]) {
            const { status, stderr } = build('build', ...args)
            assert.equal(status, 1)
            assert.match(stderr, said)
        }
    })

    it('that is not built yet cannot be packed', () => {
        const { status, stderr } = build('pack', '--scope', 'x_none_rescue')
        assert.equal(status, 1)
        assert.match(stderr, /npm run build -- --scope x_none_rescue/)
    })
})

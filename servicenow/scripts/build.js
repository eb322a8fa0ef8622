/**
 * Builds, packs or installs the app, in its own scope or in a company's:
 *
 *     npm run build
 *     npm run build -- --scope x_acme_rescue
 *
 * An app in a company's application repository carries the company's prefix in its scope. With --scope, a copy of the
 * app is made in scopes/<scope>, with that scope in the place of the app's and with other sys_ids. The same scope
 * gives the same sys_ids every time, so that a copy upgrades the one before.
 */
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')

const { sysId, write } = require('./translations')

const APP = path.join(__dirname, '..')
const KEYS = path.join('src', 'fluent', 'generated', 'keys.ts')
/** What the SDK, npm and this script make. */
const GENERATED = ['.now', '@types', 'dist', 'metadata', 'node_modules', 'scopes', 'target']
/** The SDK allows 18 characters. */
const LONGEST_SCOPE = 18

class UsageError extends Error {}

function main([command, ...rest]) {
    const { values, unparsed } = options(rest)
    if (!['build', 'pack', 'install'].includes(command)) {
        throw new UsageError('The first argument is build, pack or install.')
    }
    const own = configuration(APP).scope
    const scope = values.scope === undefined ? own : checked(values.scope)
    const app = scope === own ? APP : path.join(APP, 'scopes', scope)
    if (command !== 'build') {
        if (!fs.existsSync(app)) {
            throw new UsageError(`There is nothing to ${command} yet. Run npm run build -- --scope ${scope} first.`)
        }
        return sdk(app, [command, ...unparsed])
    }
    if (app === APP) {
        write(app)
        return sdk(app, ['build', '--frozenKeys', ...unparsed])
    }
    copy(app, scope)
    write(app)
    // The SDK sorts the keys by their sys_ids, so that the copy's keys cannot be frozen. They are compared instead.
    const before = sysIds(app)
    const status = sdk(app, ['build', ...unparsed])
    if (status === 0 && String([...sysIds(app)].sort()) !== String([...before].sort())) {
        throw new UsageError(
            'A record has no sys_id in src/fluent/generated/keys.ts. Run npx now-sdk build, and commit the file.'
        )
    }
    return status
}

/** --scope, and the options of the SDK as they stand. */
function options(args) {
    const { values, tokens } = parseArgs({ args, options: { scope: { type: 'string' } }, strict: false, tokens: true })
    const taken = new Set()
    for (const token of tokens) {
        if (token.kind === 'option' && token.name === 'scope') {
            taken.add(token.index)
            if (!token.inlineValue) {
                taken.add(token.index + 1)
            }
        }
    }
    return { values, unparsed: args.filter((_, index) => !taken.has(index)) }
}

function checked(scope) {
    if (typeof scope !== 'string' || !/^x_[a-z0-9]+_[a-z0-9_]*[a-z0-9]$/.test(scope)) {
        throw new UsageError(
            `"${scope === true ? '' : scope}" is not a scope. Give x_, your company's prefix, _ and a name, in ` +
                'lower-case letters, digits and underscores, such as x_acme_rescue.'
        )
    }
    if (scope.length > LONGEST_SCOPE) {
        throw new UsageError(
            `"${scope}" has ${scope.length} characters; a scope has at most ${LONGEST_SCOPE}. ` +
                "Shorten the part after the company's prefix."
        )
    }
    return scope
}

/** Copies the app's sources to a folder. Scope and sys_ids of own records are replaced wherever they are written. */
function copy(to, scope) {
    const { scope: own } = configuration(APP)
    const ids = sysIds(APP)
    const rewrite = (text) =>
        text.replaceAll(own, scope).replace(/\b[0-9a-f]{32}\b/g, (id) => (ids.has(id) ? sysId(scope, id) : id))
    fs.rmSync(to, { recursive: true, force: true })
    fs.mkdirSync(to, { recursive: true })
    for (const top of fs.readdirSync(APP).filter((name) => !GENERATED.includes(name))) {
        for (const name of files(top)) {
            const target = path.join(to, rewrite(name))
            fs.mkdirSync(path.dirname(target), { recursive: true })
            // One byte is one character in this encoding, so that files that are no text stay as they are.
            fs.writeFileSync(target, rewrite(fs.readFileSync(path.join(APP, name), 'latin1')), 'latin1')
        }
    }
    fs.symlinkSync(path.join(APP, 'node_modules'), path.join(to, 'node_modules'), 'junction')
}

/** The files below a file or folder of the app. */
function files(name) {
    if (!fs.statSync(path.join(APP, name)).isDirectory()) {
        return [name]
    }
    return fs.readdirSync(path.join(APP, name)).flatMap((each) => files(path.join(name, each)))
}

/** The sys_ids of the app and of its own records. The keys file also names other records, by bare sys_ids. */
function sysIds(app) {
    const keys = fs.readFileSync(path.join(app, KEYS), 'utf8')
    const own = [...keys.matchAll(/table: '\w+'\s+id: '([0-9a-f]{32})'/g)].map((match) => match[1])
    return new Set([configuration(app).scopeId, ...own])
}

function configuration(app) {
    return JSON.parse(fs.readFileSync(path.join(app, 'now.config.json'), 'utf8'))
}

function sdk(app, args) {
    const command = path.join(APP, 'node_modules', '.bin', 'now-sdk')
    const { status, error } = spawnSync(command, args, {
        cwd: app,
        stdio: 'inherit',
        shell: process.platform === 'win32',
    })
    if (error) {
        throw new UsageError(`The ServiceNow SDK cannot be started (${error.code}). Run npm ci --ignore-scripts first.`)
    }
    return status ?? 1
}

try {
    process.exitCode = main(process.argv.slice(2))
} catch (error) {
    if (!(error instanceof UsageError)) {
        throw error
    }
    console.error(error.message)
    process.exitCode = 1
}

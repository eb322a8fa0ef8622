/**
 * The embedded cloud that test/against-local-stack.sh has started: the real functions, and the simulators of Rescue and
 * ServiceNow behind them. Times are moved with its clock, never waited for.
 */
'use strict'

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const crypto = require('node:crypto')
const fs = require('node:fs')

const { Instance } = require('./glide/instance')
const { send } = require('./glide/network')

const NEEDED = [
    'CONNECTOR_URL',
    'AWS_URL',
    'TENANT',
    'OPERATOR',
    'STACK_LOG',
    'SERVICENOW_URL',
    'COMPANY_ID',
    'SSO_PASSWORD',
    'CLIENT_ID',
    'CLIENT_SECRET',
    'SERVICE_ACCOUNT',
    'SERVICE_PASSWORD',
    'TECHNICIAN',
    'CUSTOMER',
]
const { env } = process
const missing = NEEDED.filter((name) => !env[name])
const skip = missing.length ? `NOT RUN: ${missing.join(', ')} not set; test/against-local-stack.sh sets them` : false
if (skip) {
    console.error(skip)
}

/** An instance whose user is a technician in Rescue and administers the app. */
function instanceOf(options = {}) {
    return new Instance({
        user: { email: env.TECHNICIAN, roles: ['x_rescue_conn.admin'] },
        ...options,
        properties: { 'glide.servlet.uri': `${env.SERVICENOW_URL}/`, ...options.properties },
    })
}

let connection
/** An instance that is connected to the demo's tenant, whose settings are in a file. */
function connected(options = {}, changes = {}) {
    connection = connection || connect()
    const instance = instanceOf({ ...options, settings: { ...connection, ...changes } })
    // Another user for each test, so that PIN requests of other tests and of earlier runs do not count.
    instance.user.sys_id = crypto.randomBytes(16).toString('hex')
    return instance
}

/** Connects an instance by a set-up link, and returns its settings record. */
function connect() {
    const instance = instanceOf()
    save(instance, { setup_link: operator('tenant', 'invite', env.TENANT).setup_link })
    const { sys_id, sys_updated_on, ...columns } = instance.settings()
    return columns
}

let accessToken
/** Calls the Table API of the simulated instance. */
function servicenow(method, path, body) {
    accessToken = accessToken || newAccessToken()
    let answer = table(method, path, body)
    if (answer.status === 401) {
        // The clock was moved.
        accessToken = newAccessToken()
        answer = table(method, path, body)
    }
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body}`)
    return answer.body ? JSON.parse(answer.body).result : null
}

function newAccessToken() {
    const form = new URLSearchParams({
        grant_type: 'password',
        client_id: env.CLIENT_ID,
        client_secret: env.CLIENT_SECRET,
        username: env.SERVICE_ACCOUNT,
        password: env.SERVICE_PASSWORD,
    })
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const url = `${env.SERVICENOW_URL}/oauth_token.do`
    return JSON.parse(send({ method: 'POST', url, headers, body: String(form) }).body).access_token
}

function table(method, path, body) {
    const headers = {
        Authorization: `Bearer ${accessToken}`,
        Accept: 'application/json',
        'Content-Type': 'application/json',
    }
    const url = `${env.SERVICENOW_URL}/api/now/v2/table/${path}`
    return send({ method, url, headers, body: body && JSON.stringify(body) })
}

/** The same incident in the simulated instance and in the stand-in. */
const addIncident = (instance, values) => addRecord(instance, 'incident', 'caller_id', { state: '1', ...values })

/** The same record in the simulated instance and in the stand-in, with the customer in the column `person`. */
function addRecord(instance, name, person, values) {
    const [customer] = servicenow('GET', `sys_user?sysparm_query=email=${env.CUSTOMER}&sysparm_limit=2`)
    const { sys_id, number } = servicenow('POST', name, {
        short_description: 'Printer does not print',
        [person]: customer.sys_id,
        ...values,
    })
    const user = instance.add('sys_user', { name: customer.name, email: customer.email })
    instance.add(name, { sys_id, number, [person]: user, active: '1', ...values })
    return { sys_id, number }
}

/** All work notes of a record, as one text. */
function workNotes(name, id) {
    return servicenow('GET', `${name}/${id}?sysparm_display_value=true&sysparm_fields=work_notes`).work_notes
}

/** Presses a button on a record, and returns what the agent sees. */
function press(instance, action, id, name = 'incident') {
    instance.messages = []
    instance.press(action, name, id)
    assert.deepEqual(instance.violations, [])
    return instance.shown()
}

/** The PIN in what the agent sees. */
const pinIn = (messages) => /^Rescue PIN (\d{6}) /.exec(messages[0])?.[1]

/** Saves settings on the form. Everything that the form says has to be news, not an error. */
function save(instance, values) {
    instance.messages = []
    const form = instance.openSettings().type(values).save()
    assert.deepEqual([form.errors, instance.shown('error')], [{}, []])
    assert.deepEqual(instance.violations, [])
    return form
}

/** Runs a command of the operator. */
function operator(...command) {
    const [program, ...first] = env.OPERATOR.split(' ')
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }
    return JSON.parse(execFileSync(program, [...first, ...command, '--output', 'json'], options))
}

/** Moves the clock of every part, and runs the rotations that are due. */
function elapse(seconds) {
    const headers = { 'Content-Type': 'application/json' }
    const body = JSON.stringify({ advance_seconds: seconds })
    const answer = send({ method: 'POST', url: `${env.AWS_URL}/clock`, headers, body, timeout: 60_000 })
    assert.equal(answer.status, 200, answer.body)
}

let sessions = 70_000_000 + (Date.now() % 1_000_000) * 10
/** Posts the end of a session to the webhook URL as Rescue does. Returns the session's id and the answer's status. */
function post(instance, fields) {
    const id = String(++sessions)
    const body = String(new URLSearchParams({ SessionID: id, TechName: 'Ana Ruiz', ...fields }))
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const url = instance.settings().webhook_url_ended
    return { id, ...send({ method: 'POST', url, headers, body }) }
}

/** Posts the end of a session, and waits until its post has the state; returns what the operator sees of it. */
function deliver(instance, fields, state = 'delivered') {
    const { id, status } = post(instance, fields)
    assert.equal(status, 200)
    return { id, ...reached(instance, id, state) }
}

/** Waits until the post of a session has a state. */
function reached(instance, id, state) {
    const { tenant } = instance.settings()
    return eventually(() => {
        try {
            const shown = operator('sessions', 'show', tenant, id)
            return shown.posts[0].state === state && shown
        } catch (notTriedYet) {
            assert.match(String(notTriedYet.stderr), /the ledger has no session/)
            return false
        }
    }, `session ${id} is not ${state}`)
}

/** Lets minutes pass, twenty at most, until the post of a session has a state. A pause for re-authorisation lasts longer. */
function reachedWithinMinutes(instance, id, state) {
    const { tenant } = instance.settings()
    for (let minute = 0; minute < 20; minute++) {
        elapse(60)
        const [post] = operator('sessions', 'show', tenant, id).posts
        if (post.state === state) {
            return
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    }
    assert.fail(`session ${id} is not ${state}`)
}

/** Waits until something is there, and returns it. */
function eventually(look, otherwise = 'it did not happen') {
    for (let i = 0; i < 100; i++) {
        const found = look()
        if (found) {
            return found
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    }
    return assert.fail(otherwise)
}

/** The e-mails of the simulated instance. */
function mails() {
    return JSON.parse(send({ method: 'GET', url: `${env.SERVICENOW_URL}/simulator/mails`, headers: {} }).body)
}

/** What the stack has printed. */
const log = () => fs.readFileSync(env.STACK_LOG, 'utf8')

module.exports = {
    addIncident,
    addRecord,
    connected,
    deliver,
    elapse,
    env,
    eventually,
    instanceOf,
    log,
    mails,
    operator,
    pinIn,
    post,
    press,
    reached,
    reachedWithinMinutes,
    save,
    servicenow,
    skip,
    workNotes,
}

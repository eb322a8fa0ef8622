/** Instances that are set up, the records that tests work with, and what holds after every test. */
'use strict'

const assert = require('node:assert/strict')
const { afterEach } = require('node:test')

const { Instance } = require('./glide/instance')
const { Server } = require('./glide/network')

const API_KEY = 'q7Zk2_vT-0mXw4R9bYc1LdE6sHj3NfGuAoIi5PxKtQM'
/** What no log may hold: a key, a PIN, personal data. A test file may add to it. */
const SECRETS = [API_KEY, '012345', 'paul@acme.test', 'ana@acme.test']
/** The tables that the connector knows, as its answers about settings name them. */
const table = (name, number_prefix, tracking_code, person, people, closed_states, open_state) => ({
    name,
    number_prefix,
    tracking_code,
    person,
    people,
    closed_states: closed_states.split(' '),
    open_state,
})
const TABLES = Object.fromEntries(
    [
        table('incident', 'INC', 'inc', 'caller_id', 'sys_user', '6 7 8', '2'),
        table('sn_customerservice_case', 'CS', 'case', 'contact', 'customer_contact', '3 6 7', '10'),
        table('problem', 'PRB', 'prb', 'opened_by', 'sys_user', '106 107', '103'),
        table('change_request', 'CHG', 'chg', 'requested_by', 'sys_user', '3 4', ''),
        table('sc_req_item', 'RITM', 'ritm', '', 'sys_user', '3 4 7', '2'),
        table('sc_task', 'SCTASK', 'task', '', 'sys_user', '3 4 7', '2'),
        table('interaction', 'IMS', 'ims', 'opened_for', 'sys_user', 'closed_complete closed_abandoned', 'work_in_progress'),
        table('sn_hr_core_case', 'HRC', 'hrc', 'subject_person', 'sys_user', '3 4 7', '18'),
    ].map((each) => [each.name, each])
)
/** The instances of the present test, with their connectors. */
const worlds = []

/** An instance whose connector is a server of the test. */
function setUp(options = {}, changes = {}) {
    const server = new Server()
    const instance = new Instance({
        ...options,
        properties: { 'glide.servlet.uri': `${server.url}/`, ...options.properties },
        settings: {
            enabled: '1',
            connector_url: server.url,
            tenant: 'acme',
            connected_instance: server.url,
            api_key: API_KEY,
            ...changes,
        },
    })
    worlds.push({ server, instance })
    return { server, instance }
}

function addIncident(instance, values = {}) {
    const caller = instance.add('sys_user', { name: 'Paul Martin', email: 'paul@acme.test' })
    return instance.add('incident', {
        number: 'INC0012345',
        caller_id: caller,
        state: '2',
        active: '1',
        ...values,
    })
}

// Fails on a member that an instance lacks, on an answer that was not fetched, and on a secret in a log.
afterEach(() => {
    for (const { server, instance } of worlds.splice(0)) {
        assert.deepEqual(instance.violations, [])
        assert.equal(server.unused, 0, 'answers that were not fetched')
        for (const secret of SECRETS) {
            assert.ok(!instance.log.join('\n').includes(secret), 'a secret is in the log')
        }
    }
})

module.exports = { API_KEY, SECRETS, TABLES, addIncident, setUp }

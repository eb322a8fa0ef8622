/** Instances that are set up, the records that tests work with, and what holds after every test. */
'use strict'

const assert = require('node:assert/strict')
const { afterEach } = require('node:test')

const { Instance } = require('./glide/instance')
const { Server } = require('./glide/network')

const API_KEY = 'q7Zk2_vT-0mXw4R9bYc1LdE6sHj3NfGuAoIi5PxKtQM'
/** What no log may hold: a key, a PIN, personal data. A test file may add to it. */
const SECRETS = [API_KEY, '012345', 'paul@acme.test', 'ana@acme.test']
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

module.exports = { API_KEY, SECRETS, addIncident, setUp }

/** Synchronous HTTP, as in a server script, and servers with the answers of a test. */
'use strict'

const path = require('node:path')
const { MessageChannel, Worker, receiveMessageOnPort } = require('node:worker_threads')

const signal = new SharedArrayBuffer(4)
const flag = new Int32Array(signal)
const { port1, port2 } = new MessageChannel()
const worker = new Worker(path.join(__dirname, 'worker.js'), {
    workerData: { port: port2, signal },
    transferList: [port2],
})
worker.unref()
port1.unref()

function call(message) {
    Atomics.store(flag, 0, 0)
    port1.postMessage(message)
    if (Atomics.wait(flag, 0, 0, 60_000) === 'timed-out') {
        throw new Error('the network thread does not answer')
    }
    const { message: result } = receiveMessageOnPort(port1)
    if (result.error) {
        throw new Error(result.error)
    }
    return result.value
}

/** Sends one request: {method, url, headers, body, timeout} → {status, headers, body}. Throws when there is no answer. */
function send(request) {
    return call({ action: 'send', ...request })
}

/** A server that gives each answer once, in order. Without an answer it closes the connection. */
class Server {
    constructor() {
        this.url = call({ action: 'listen' })
    }

    json(status, body, headers = {}, at) {
        const type = status < 400 ? 'application/json' : 'application/problem+json'
        return this.raw(status, JSON.stringify(body), { 'Content-Type': type, ...headers }, at)
    }

    raw(status, body, headers = {}, at) {
        call({ action: 'answer', url: this.url, answer: { status, headers, body, path: at } })
        return this
    }

    /** Gives every request for this path the same answer. */
    always(at, status, body) {
        const answer = { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), path: at }
        call({ action: 'always', url: this.url, answer })
        return this
    }

    /** Ends what `always` began. */
    never(at) {
        call({ action: 'never', url: this.url, at })
        return this
    }

    hangUp() {
        call({ action: 'answer', url: this.url, answer: { hangUp: true } })
        return this
    }

    /** Every request so far. */
    get requests() {
        return call({ action: 'requests', url: this.url })
    }

    /** The number of answers that were not fetched. */
    get unused() {
        return call({ action: 'unused', url: this.url })
    }
}

module.exports = { Server, send }

/**
 * The tests' network, on its own thread: a server script blocks the test's thread until its answer has come.
 */
'use strict'

const http = require('node:http')
const { workerData } = require('node:worker_threads')

const { port, signal } = workerData
const flag = new Int32Array(signal)
const servers = new Map()

port.on('message', async (message) => {
    let result
    try {
        result = { value: await actions[message.action](message) }
    } catch (error) {
        result = { error: error.message }
    }
    port.postMessage(result)
    Atomics.store(flag, 0, 1)
    Atomics.notify(flag, 0)
})

const actions = {
    send({ method, url, headers, body, timeout }) {
        return new Promise((resolve, reject) => {
            const request = http.request(url, { method, headers, timeout }, (response) => {
                const chunks = []
                response.on('data', (chunk) => chunks.push(chunk))
                response.on('error', reject)
                response.on('end', () =>
                    resolve({
                        status: response.statusCode,
                        headers: response.headers,
                        body: Buffer.concat(chunks).toString('utf8'),
                    })
                )
            })
            request.on('timeout', () => request.destroy(new Error('time-out')))
            request.on('error', reject)
            request.end(body)
        })
    },

    listen() {
        const state = { requests: [], answers: [], always: [] }
        const server = http.createServer((request, response) => {
            const chunks = []
            request.on('data', (chunk) => chunks.push(chunk))
            request.on('end', () => {
                state.requests.push({
                    method: request.method,
                    path: request.url,
                    headers: request.headers,
                    body: Buffer.concat(chunks).toString('utf8'),
                })
                const always = state.always.find((answer) => answer.path === request.url)
                if (always) {
                    response.writeHead(always.status, always.headers)
                    response.end(always.body)
                    return
                }
                const matching = state.answers.findIndex((answer) => !answer.path || answer.path === request.url)
                const [answer] = matching < 0 ? [] : state.answers.splice(matching, 1)
                if (!answer || answer.hangUp) {
                    request.socket.destroy()
                    return
                }
                response.writeHead(answer.status, answer.headers)
                response.end(answer.body)
            })
        })
        return new Promise((resolve, reject) => {
            server.on('error', reject)
            server.listen(0, '127.0.0.1', () => {
                const url = `http://127.0.0.1:${server.address().port}`
                servers.set(url, state)
                resolve(url)
            })
        })
    },

    answer({ url, answer }) {
        servers.get(url).answers.push(answer)
    },

    always({ url, answer }) {
        servers.get(url).always.push(answer)
    },

    never({ url, at }) {
        const state = servers.get(url)
        state.always = state.always.filter((answer) => answer.path !== at)
    },

    requests({ url }) {
        return servers.get(url).requests
    },

    unused({ url }) {
        return servers.get(url).answers.length
    },
}

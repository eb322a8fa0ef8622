/** Prints the first of five free ports in a row. */
'use strict'

const net = require('node:net')

const COUNT = 5

function listening(port) {
    return new Promise((resolve, reject) => {
        const server = net.createServer()
        server.once('error', reject)
        server.listen({ port, host: '127.0.0.1' }, () => resolve(server))
    })
}

async function free() {
    const first = await listening(0)
    const servers = [first]
    try {
        const { port } = first.address()
        while (servers.length < COUNT) {
            servers.push(await listening(port + servers.length))
        }
        return port
    } catch {
        return 0
    } finally {
        await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
    }
}

async function main() {
    let port = 0
    while (port === 0) {
        port = await free()
    }
    console.log(port)
}

main()

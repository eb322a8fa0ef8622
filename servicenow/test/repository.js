/** The repository's root, also for the copy of the app in another scope, which is deeper inside. */
'use strict'

const fs = require('node:fs')
const path = require('node:path')

let ROOT = path.join(__dirname, '..')
while (!fs.existsSync(path.join(ROOT, 'Cargo.toml'))) {
    ROOT = path.dirname(ROOT)
}

module.exports = { ROOT }

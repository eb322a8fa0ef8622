/**
 * The translations in src/messages/<language>.json, {English sentence: sentence}, as records of sys_ui_message.
 *
 * An instance finds a translation by the English sentence: it is the key.
 */
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

/** ServiceNow's language codes. English needs no record. */
const LANGUAGES = ['de', 'es', 'fr', 'it', 'nl', 'pt']
const APP = path.join(__dirname, '..')

function translations(language, app = APP) {
    return JSON.parse(fs.readFileSync(path.join(app, 'src', 'messages', `${language}.json`), 'utf8'))
}

/** The same sys_id on every build, and another one in every scope. */
function sysId(...parts) {
    return crypto.createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)
}

/** {sys_id, language, key, message} of every translation. */
function records(app = APP) {
    const { scope } = JSON.parse(fs.readFileSync(path.join(app, 'now.config.json'), 'utf8'))
    return LANGUAGES.flatMap((language) =>
        Object.entries(translations(language, app)).map(([key, message]) => ({
            sys_id: sysId(scope, 'sys_ui_message', language, key),
            language,
            key,
            message,
        }))
    )
}

/** Writes the records to where the SDK takes finished ones from. */
function write(app = APP) {
    const { scope, scopeId } = JSON.parse(fs.readFileSync(path.join(app, 'now.config.json'), 'utf8'))
    const folder = path.join(app, 'metadata', 'update')
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    for (const record of records(app)) {
        const name = `sys_ui_message_${record.sys_id}`
        fs.writeFileSync(
            path.join(folder, `${name}.xml`),
            `<?xml version="1.0"?>
<record_update table="sys_ui_message">
  <sys_ui_message action="INSERT_OR_UPDATE">
    <sys_id>${record.sys_id}</sys_id>
    <sys_scope display_value="${scope}">${scopeId}</sys_scope>
    <sys_update_name>${name}</sys_update_name>
    <key>${escape(record.key)}</key>
    <language>${record.language}</language>
    <message>${escape(record.message)}</message>
  </sys_ui_message>
</record_update>
`
        )
    }
}

const escape = (text) => text.replace(/[&<>]/g, (each) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[each])

module.exports = { LANGUAGES, records, sysId, translations, write }

'use strict'

const assert = require('node:assert/strict')
const { describe, it } = require('node:test')

const { missing, sentences } = require('../scripts/messages')
const { LANGUAGES, records, translations } = require('../scripts/translations')
const { addIncident, setUp } = require('./settings')

/** The lengths of sys_ui_message's columns key and message. */
const LONGEST_KEY = 255
const LONGEST_MESSAGE = 8000

const placeholders = (text) => (text.match(/\{\d+\}/g) || []).sort()
const each = (check) => {
    for (const language of LANGUAGES) {
        Object.entries(translations(language)).forEach(([sentence, message]) => check(language, sentence, message))
    }
}

describe('the translations', () => {
    it('have every sentence that the scripts show', () => {
        assert.ok(sentences().length >= 50)
        const lacking = Object.entries(missing()).flatMap(([language, some]) =>
            Object.keys(some).map((sentence) => `src/messages/${language}.json lacks ${JSON.stringify(sentence)}`)
        )
        assert.equal(lacking.length, 0, `\n${lacking.join('\n')}\n"npm run messages" prints them as JSON.`)
    })

    it('have no sentence that the scripts do not show', () => {
        const shown = new Set(sentences())
        const unused = []
        each((language, sentence) => {
            if (!shown.has(sentence)) {
                unused.push(`src/messages/${language}.json has ${JSON.stringify(sentence)}`)
            }
        })
        assert.equal(unused.length, 0, `\n${unused.join('\n')}\nThe scripts do not show them any more.`)
    })

    it('have a text with the same places for values', () => {
        each((language, sentence, message) => {
            assert.ok(message.trim(), `${language}: ${sentence}`)
            assert.deepEqual(placeholders(message), placeholders(sentence), `${language}: ${sentence}`)
        })
    })

    it('name what is not translated as the sentence does', () => {
        const names = /Rescue Connector(?: > Settings)?|New Rescue PIN|technician_domains|glide[.\w]+\w|\w+\.admin\b/g
        each((language, sentence, message) => {
            for (const name of sentence.match(names) || []) {
                assert.ok(message.includes(name), `${language}: ${name} in ${sentence}`)
            }
        })
    })

    // An instance treats an apostrophe in a message as a quotation mark of java.text.MessageFormat.
    it('have typographic apostrophes and quotation marks', () => {
        each((language, sentence, message) => assert.doesNotMatch(message, /['"]/, `${language}: ${message}`))
        for (const sentence of sentences()) {
            assert.ok(!sentence.includes(`'`), sentence)
        }
    })

    it('fit into the columns of the table, whose keys are case-insensitive', () => {
        const keys = sentences()
        for (const key of keys) {
            assert.ok(key.length <= LONGEST_KEY, `${key.length} characters: ${key}`)
        }
        assert.equal(new Set(keys.map((key) => key.toLowerCase())).size, keys.length)
        each((language, sentence, message) => assert.ok(message.length <= LONGEST_MESSAGE, `${language}: ${message}`))
    })

    // Records of sys_ui_message belong to the whole instance: a translation of "set" would change other apps, too.
    it('belong to sentences that no other app has', () => {
        for (const sentence of sentences()) {
            assert.ok(sentence.length > 15, `${JSON.stringify(sentence)} is too short: make it a sentence`)
        }
    })

    it('become records with one sys_id each', () => {
        const all = records()
        assert.ok(all.length >= 50 * LANGUAGES.length)
        assert.equal(new Set(all.map((record) => record.sys_id)).size, all.length)
        for (const record of all) {
            assert.match(record.sys_id, /^[0-9a-f]{32}$/)
        }
    })
})

describe('a refusal is shown', () => {
    const sentence = (instance) => instance.context.RescueSentences.BY_CODE['technician-console-not-running']

    function shown(language) {
        const { server, instance } = setUp({ language })
        const problem = { code: 'technician-console-not-running', title: 'T', detail: 'Detail.', request_id: 'r-1' }
        server.json(409, problem, { 'retry-after': '30' })
        instance.press('pin-generate', 'incident', addIncident(instance))
        return { instance, text: instance.shown('error')[0] }
    }

    for (const language of LANGUAGES) {
        it(`in the user's language: ${language}`, () => {
            const { instance, text } = shown(language)
            const known = translations(language)
            const wait = known['It asks to wait {0} seconds.'].replace('{0}', '30')
            assert.equal(text, `${known[sentence(instance)]} Detail. ${wait} (technician-console-not-running, r-1)`)
        })
    }

    it('in English where a language has no translation', () => {
        const { instance, text } = shown('ja')
        assert.ok(text.startsWith(sentence(instance)))
    })
})

/**
 * The sentences that the app's scripts show, and those that a language lacks.
 *
 *     npm run --silent messages > new.json        {language: {sentence: ''}} of the missing ones, to be filled in
 *     npm run messages -- new.json                puts them into src/messages, and removes what is not shown any more
 */
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const acorn = require('acorn')

const { LANGUAGES, translations } = require('./translations')

const SCRIPTS = path.join(__dirname, '..', 'src', 'scripts')
/** Methods whose first argument is a sentence. */
const SAYING = ['say', 'html', '_say', '_info', '_error', 'getMessage']
/** Tables whose values are sentences. */
const TABLES = ['BY_CODE', 'NAMES', 'PAUSES', 'RESULTS']
/** Members of an object that hold a sentence for a method above. */
const MEMBERS = ['error']

/** Every sentence in the scripts, in the order of files and lines. Without a word there is nothing to translate. */
function sentences(folder = SCRIPTS) {
    const found = new Set()
    for (const name of fs.readdirSync(folder, { recursive: true }).sort()) {
        if (name.endsWith('.js')) {
            const program = acorn.parse(fs.readFileSync(path.join(folder, name), 'utf8'), { ecmaVersion: 5 })
            visit(program, (node) => sentencesOf(node).forEach((sentence) => found.add(sentence)))
        }
    }
    return [...found].filter((sentence) => /[a-z]/i.test(sentence.replace(/\{\d+\}/g, '')))
}

function sentencesOf(node) {
    if (node.type === 'CallExpression' && SAYING.includes(node.callee.property?.name)) {
        return texts(node.arguments[0])
    }
    if (node.type === 'AssignmentExpression' && TABLES.includes(node.left.property?.name)) {
        return node.right.properties.flatMap((property) => texts(property.value))
    }
    if (node.type === 'Property' && MEMBERS.includes(node.key.name)) {
        return texts(node.value)
    }
    return []
}

/** The strings that an expression can be. A variable has none: its sentence is found where it is written. */
function texts(node) {
    switch (node?.type) {
        case 'Literal':
            return typeof node.value === 'string' ? [node.value] : []
        case 'ConditionalExpression':
            return [...texts(node.consequent), ...texts(node.alternate)]
        case 'LogicalExpression':
            return [...texts(node.left), ...texts(node.right)]
        case 'BinaryExpression':
            return texts(node.left).flatMap((left) => texts(node.right).map((right) => left + right))
        default:
            return []
    }
}

function visit(node, each) {
    if (Array.isArray(node)) {
        node.forEach((child) => visit(child, each))
    } else if (node && typeof node.type === 'string') {
        each(node)
        Object.values(node).forEach((child) => visit(child, each))
    }
}

/** {language: {sentence: ''}} with the sentences that have no translation. */
function missing() {
    const wanted = sentences()
    return Object.fromEntries(
        LANGUAGES.map((language) => {
            const known = translations(language)
            const lacking = wanted.filter((sentence) => !Object.hasOwn(known, sentence))
            return [language, Object.fromEntries(lacking.map((sentence) => [sentence, '']))]
        })
    )
}

function add(given) {
    for (const language of LANGUAGES) {
        const known = { ...translations(language), ...given[language] }
        const kept = sentences().filter((sentence) => known[sentence])
        const file = path.join(__dirname, '..', 'src', 'messages', `${language}.json`)
        const sorted = Object.fromEntries(kept.map((sentence) => [sentence, known[sentence]]))
        fs.writeFileSync(file, `${JSON.stringify(sorted, null, 4)}\n`)
    }
}

if (require.main === module) {
    const [file] = process.argv.slice(2)
    if (file) {
        add(JSON.parse(fs.readFileSync(file, 'utf8')))
    } else {
        console.log(JSON.stringify(missing(), null, 4))
    }
}

module.exports = { missing, sentences }

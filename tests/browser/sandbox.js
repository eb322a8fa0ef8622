/** The sandbox in a browser, used by the names that a person or a screen reader finds things by. */
'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')

const puppeteer = require('puppeteer-core')

const ADDRESS = process.env.SANDBOX
const PICTURES = path.resolve(process.env.PICTURES || 'target/browser')

/** Milliseconds after which a condition counts as never met. */
const PATIENCE = Number(process.env.PATIENCE || 60_000)

class Sandbox {
    constructor(page, problems = []) {
        this.page = page
        /** Everything that must not happen. */
        this.problems = problems
    }

    /** A browser, one for each file of tests. */
    static browser() {
        const root = process.getuid && process.getuid() === 0
        return puppeteer.launch({
            executablePath: process.env.CHROMIUM,
            args: [root ? '--no-sandbox' : '', '--disable-dev-shm-usage'].filter(Boolean),
            protocolTimeout: 3 * PATIENCE,
        })
    }

    /** Opens the page in a window of its own, until it follows the stack. */
    static async open(browser, options) {
        const context = await browser.createBrowserContext()
        const sandbox = new Sandbox(await context.newPage())
        await sandbox.load(options)
        return sandbox
    }

    /** Opens the page once more in the same window, in front of this one. `close` ends both. */
    async another() {
        const sandbox = new Sandbox(await this.page.browserContext().newPage(), this.problems)
        await sandbox.load()
        return sandbox
    }

    async load({ query = '', width = 1500, height = 1200, scheme = 'light' } = {}) {
        const { page } = this
        page.setDefaultTimeout(PATIENCE)
        this.watch()
        await page.setViewport({ width, height })
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
        await page.evaluateOnNewDocument(() => {
            window.used = { clicks: 0, typed: [] }
            addEventListener('click', (event) => { window.used.clicks += event.detail > 0 ? 1 : 0 }, true)
            addEventListener('keydown', ({ target, key }) => { window.used.typed.push([target.id, key]) }, true)
            addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
                console.error('Content security policy', violatedDirective, blockedURI)
            })
        })
        await page.goto(ADDRESS + query)
        await this.connected()
    }

    watch() {
        const { origin } = new URL(ADDRESS)
        const bad = (what) => this.problems.push(what)
        this.page.on('console', (message) => {
            // The page says a refusal itself; that the browser logs its status is no problem.
            const refused = /status of 4(09|13|22)/.test(message.text())
            if (!['log', 'info', 'debug'].includes(message.type()) && !refused) {
                bad(`console: ${message.text()}`)
            }
        })
        this.page.on('pageerror', (error) => bad(`error: ${error}`))
        this.page.on('dialog', (dialog) => {
            bad(`dialog: ${dialog.message()}`)
            dialog.dismiss()
        })
        this.page.on('request', (request) => {
            const url = request.url()
            if (!url.startsWith(origin + '/') && !url.startsWith('data:')) {
                bad(`request to ${url}`)
            }
        })
        this.page.on('popup', () => bad('another window'))
    }

    /** Waits until the page follows the stack, with panels of its own selection. */
    connected() {
        return this.until('the page follows the stack', () => document.documentElement.dataset.connected === 'yes')
    }

    /** Ends the page; fails when something happened that must not. */
    async close() {
        const problems = this.problems.slice()
        await this.page.browserContext().close()
        assert.deepEqual(problems, [])
    }

    /** Waits for a condition that is computed in the page. Its failure says what the page shows. */
    async until(what, condition, ...values) {
        try {
            await this.page.waitForFunction(condition, {}, ...values)
        } catch (error) {
            const shown = await this.page.evaluate(() => document.body.innerText).catch(() => '')
            throw new Error(`Not seen: ${what} (${error.message}). The page shows:\n${shown}`)
        }
    }

    /** Waits until an element's text holds this. */
    untilText(selector, text) {
        return this.until(`${JSON.stringify(text)} in ${selector}`, (selector, text) => {
            return [...document.querySelectorAll(selector)].some((element) => element.textContent.includes(text))
        }, selector, text)
    }

    named(scope, role, name) {
        const part = name instanceof RegExp ? '' : `[name="${name}"]`
        return `${scope} >>> ::-p-aria(${part}[role="${role}"])`
    }

    async isThere(scope, role, name) {
        return Boolean(await this.page.$(this.named(scope, role, name)))
    }

    async click(scope, role, name) {
        const selector = this.named(scope, role, name)
        try {
            // Not below the message, which stays on top.
            const element = await this.page.waitForSelector(selector)
            await element.evaluate((element) => element.scrollIntoView({ block: 'nearest' }))
            await this.page.locator(selector).setTimeout(PATIENCE).click()
        } catch (error) {
            const shown = await this.page.evaluate(() => document.body.innerText).catch(() => '')
            throw new Error(`Not clicked: ${role} ${name} in ${scope} (${error.message}). The page shows:\n${shown}`)
        }
    }

    /** Presses a button, and returns what the page says then. */
    async press(scope, name, { fails = false } = {}) {
        const answered = this.page.waitForResponse((response) => response.request().method() === 'POST')
        const [response] = await Promise.all([answered, this.click(scope, 'button', name)])
        const { message } = await response.json()
        assert.equal(response.ok(), !fails, `${name}: ${response.status()} ${message}`)
        assert.ok(message, `${name} says nothing`)
        await this.until(`the message of ${name}`, (message) => {
            return document.getElementById('said').textContent === message && !document.querySelector('[aria-busy="true"]')
        }, message)
        return message
    }

    /** Follows a link that selects something. */
    follow(scope, name) {
        return this.click(scope, 'link', name)
    }

    /** Replaces a field's text. */
    async type(scope, name, text, role = 'textbox') {
        const selector = this.named(scope, role, name)
        const field = await this.page.waitForSelector(selector)
        await field.click({ count: 3 })
        await field.press('Backspace')
        await field.type(text)
    }

    /** Replaces a field's text at once, for a text that is not typed but pasted. */
    async paste(scope, name, text, role = 'textbox') {
        const field = await this.page.waitForSelector(this.named(scope, role, name))
        await field.focus()
        await field.evaluate((field) => field.select())
        await this.page.keyboard.sendCharacter(text)
    }

    async choose(scope, name, option) {
        const field = await this.page.waitForSelector(this.named(scope, 'combobox', name))
        const value = await field.evaluate((select, option) => {
            const found = [...select.options].find(({ label }) => label.includes(option))
            return found && found.value
        }, option)
        assert.ok(value !== undefined, `${name} has no ${option}`)
        await field.select(value)
    }

    text(selector) {
        return this.page.$eval(selector, (element) => element.textContent.trim())
    }

    count(selector) {
        return this.page.$$eval(selector, (elements) => elements.length)
    }

    /** Clicks and keys since the page was loaded. */
    used() {
        return this.page.evaluate(() => window.used)
    }

    async picture(name, selector) {
        const file = path.join(PICTURES, `${name}.png`)
        const element = selector && await this.page.$(selector)
        await (element ? element.screenshot({ path: file }) : this.page.screenshot({ path: file, fullPage: true }))
        return file
    }
}

module.exports = { ADDRESS, PATIENCE, PICTURES, Sandbox }

'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, it } = require('node:test')

const { EVENTS, OWN } = require('./glide/tables')
const { ROOT } = require('./repository')
const { SECRETS, setUp } = require('./settings')

const BASE = '/integration/api/servicenow'
const AT = {
    settings: `${BASE}/settings/acme`,
    status: `${BASE}/status/acme`,
    checks: `${BASE}/status/acme?checks=true`,
}
const DAY = 86_400
/** The connector's list of checks. */
const EXAMINATION = path.join(ROOT, 'shared', 'src', 'checks', 'examination.rs')
const FORM = '/x_rescue_conn_settings.do?sys_id=a9b6c4f2325a49669a61846ddcd63d20'

const settings = (enabled = true) => ({
    version: 7,
    managed_by: 'servicenow',
    settings: { enabled, rescue: { company_id: '112938' } },
    secrets: {},
    webhook_keys: [{ id: 'k-1', created_at: '2026-04-01T08:00:00.000Z' }],
})
const TOKEN = {
    state: 'healthy',
    expires_at: '2026-08-12T09:00:00.125Z',
    days_left: 100,
    renews_itself: false,
    last_rotation_at: null,
}
const status = (more = {}) => ({
    tenant: 'acme',
    enabled: true,
    at: '2026-05-04T09:00:00.250Z',
    token: TOKEN,
    posts: {
        last_received_at: '2026-05-04T08:30:59.999Z',
        last_day: { delivered: 12, waiting: 1, failed: 0, unmatched: 3, ignored: 0 },
        more: false,
    },
    paused: null,
    missed_sessions: null,
    reconciliation: null,
    ...more,
})
/** A status in whose account sessions are compared with the report of Rescue. */
const compared = (missed, more = {}) =>
    status({
        missed_sessions: missed.reduce((sum, { sessions, written }) => sum + sessions - written, 0),
        reconciliation: { mode: 'write', compared_until: '2026-05-04T07:00:00.000Z', failed: null, missed, ...more },
    })
const FAILED = {
    at: '2026-05-04T07:10:00.125Z',
    reason: 'rescue.report_technician cannot be signed in to Rescue: ana@acme.test is unknown.',
}
const token = (more) => status({ token: { ...TOKEN, ...more } })
const OK = { check: 'rescue-host', result: 'ok', seen: 'secure.logmeinrescue.com answers in 80 ms', remedy: null }
const SIGN_IN = {
    check: 'rescue-sign-in',
    result: 'failed',
    seen: 'ana@acme.test is outside technician_domains',
    remedy: 'Enter ana@acme.test as SSO id in Rescue.',
}
const INCIDENT = { check: 'read-incident', result: 'failed', seen: 'ServiceNow answers 403', remedy: 'Give the role itil.' }
const WARNING = { check: 'technicians', result: 'warning', seen: '<b>two</b> users', remedy: 'Correct one' }
const NAME_ONE = 'Name a technician to test the sign-in to Rescue as well.'
const PROBLEM = { code: 'storage-unavailable', title: 'x', detail: 'The table is busy.', request_id: 'req-1' }

/** Opens the form, with these answers. */
function open(world, answer, code = 200) {
    world.server.json(200, settings(), {}, AT.settings)
    world.server.json(code, answer, {}, AT.status)
    return world.instance.openSettings()
}

/** An instance with two administrators of the app. */
function watched(options = {}, changes = {}) {
    const world = setUp({ user: { user_name: 'system' }, ...options }, changes)
    const { instance } = world
    world.admins = ['eva@acme.test', 'max@acme.test']
    for (const email of world.admins) {
        instance.addUser({ email }, 'x_rescue_conn.admin')
    }
    instance.addUser({ email: 'gone@acme.test', active: '0' }, 'x_rescue_conn.admin')
    instance.addUser({ email: 'agent@acme.test' }, 'x_rescue_conn.agent')
    return world
}

/**
 * Runs the daily job. Returns its mails, one for each subject and text; every administrator gets each. Without checks of its
 * own, an answer has one that passed.
 */
function run({ server, instance, admins, secrets = {} }, answer = status(), at = AT.checks) {
    if (answer) {
        server.json(200, { ...settings(), secrets }, {}, AT.settings)
        server.always(at, 200, at === AT.status ? answer : { checks: [OK], ...answer })
    }
    instance.run('actions/daily-check.js')
    server.never(at)
    return mailsOf(instance, admins)
}

/** Runs the daily job, with these answers to the request with checks: each a list of checks, or a status code. */
function runWith(world, ...answers) {
    world.server.json(200, settings(), {}, AT.settings)
    for (const answer of answers) {
        const isRefused = typeof answer === 'number'
        world.server.json(isRefused ? answer : 200, isRefused ? PROBLEM : status({ checks: answer }), {}, AT.checks)
    }
    world.instance.run('actions/daily-check.js')
    return mailsOf(world.instance, world.admins)
}

function mailsOf(instance, admins) {
    const mails = instance.mails()
    const texts = [...new Set(mails.map(({ subject, text }) => JSON.stringify({ subject, text })))]
    for (const text of texts) {
        const sent = mails.filter((mail) => JSON.stringify({ subject: mail.subject, text: mail.text }) === text)
        assert.deepEqual(sent.map(({ to }) => to), admins.map((email) => [email]))
        for (const secret of [...SECRETS, '@']) {
            assert.ok(!text.includes(secret), `a mail has ${secret}`)
        }
        assert.ok(JSON.parse(text).text.endsWith(FORM))
        assert.doesNotMatch(text, /\{\d\}|undefined|null/)
    }
    return texts.map((text) => JSON.parse(text))
}

/** Runs the job on so many days, with the answer of each, and returns the days with a mail. */
function daily(world, days, answer, runs = 1) {
    const mailed = []
    for (let day = 0; day < days; day++) {
        for (let each = 0; each < runs; each++) {
            mailed.push(...run(world, answer(day)).map((mail) => ({ day, ...mail })))
        }
        world.instance.advanceClock(DAY)
    }
    return mailed
}

const daysOf = (mails) => mails.map(({ day }) => day)

describe('the status on the settings form', () => {
    it('is shown with times as columns hold them', () => {
        const world = setUp()
        const { shown } = open(world, status())
        const expected = {
            status_read_at: '2026-05-04 09:00:00',
            token_state: 'healthy',
            token_expires_at: '2026-08-12 09:00:00',
            token_days_left: '100',
            token_renews_itself: '0',
            token_rotated_at: '',
            last_received_at: '2026-05-04 08:30:59',
            posts_last_day: '12 delivered, 1 waiting, 0 failed, 3 without a record, 0 ignored',
            paused: 'Deliveries go on.',
            paused_until: '',
            missed_sessions: 'not compared with the report of Rescue',
            compared_until: '',
            missed_technicians: '',
            comparison_failed_at: '',
            comparison_failure: '',
        }
        assert.deepEqual(Object.fromEntries(Object.keys(expected).map((column) => [column, shown[column]])), expected)
        assert.deepEqual(world.instance.shown(), [])
        assert.deepEqual(world.server.requests.map(({ path }) => path), [AT.settings, AT.status])
    })

    it('has a label for every state of the token', () => {
        for (const state of ['healthy', 'none', 'expires-soon', 'reauthorization-needed', 'not-needed']) {
            const { shown } = open(setUp(), token({ state, expires_at: null, days_left: null }))
            assert.equal(shown.token_state, state)
            assert.ok(OWN.x_rescue_conn_settings.choices.token_state[state].label)
            assert.deepEqual([shown.token_expires_at, shown.token_days_left], ['', ''])
        }
    })

    it('says in words why deliveries are paused', () => {
        const paused = (reason) => open(setUp(), status({ paused: { reason, until: '2026-05-04T09:15:00.000Z' } })).shown
        const refused = paused('reauthorization-needed')
        assert.deepEqual(
            [refused.paused, refused.paused_until],
            ['ServiceNow refuses the token. Posts wait until it is set up again.', '2026-05-04 09:15:00']
        )
        assert.match(paused('servicenow-throttled').paused, /rate limits/)
        assert.equal(paused('x-new').paused, 'The connector names a reason that this app does not know: x-new')
        assert.match(paused('constructor').paused, /: constructor$/)
    })

    it('says which sessions Rescue did not post, as far as they were compared', () => {
        const of = (answer) => {
            const { shown } = open(setUp(), answer)
            const { missed_sessions, compared_until, missed_technicians, comparison_failed_at, comparison_failure } = shown
            return [missed_sessions, compared_until, missed_technicians, comparison_failed_at, comparison_failure]
        }
        const missed = [
            { technician_id: '7654321', sessions: 5, written: 2 },
            { technician_id: null, sessions: 1, written: 0 },
        ]
        assert.deepEqual(of(compared(missed)), [
            '4',
            '2026-05-04 07:00:00',
            'Technician 7654321: 3 missed, 2 written from the report\nWithout a technician in the report: 1 missed, 0 written from the report',
            '',
            '',
        ])
        assert.deepEqual(of(compared([])), ['0', '2026-05-04 07:00:00', '', '', ''])
        const first = { ...compared([], { compared_until: null, failed: FAILED }), missed_sessions: null }
        assert.deepEqual(of(first), [
            'not compared with the report of Rescue yet',
            '',
            '',
            '2026-05-04 07:10:00',
            '"Technician who reads the report" cannot be signed in to Rescue: ana@acme.test is unknown.',
        ])
    })

    it('forgets what was missed, and why a comparison failed, once that is no longer so', () => {
        const known = { missed_technicians: 'Technician 7654321: 3 missed', comparison_failed_at: '2026-05-03 04:23:00', comparison_failure: 'x' }
        const { shown } = open(setUp({}, known), status({ reconciliation: undefined }))
        for (const column of Object.keys(known)) {
            assert.equal(shown[column], '', column)
        }
    })

    it('cuts what is longer than its column, and shows what is odd', () => {
        const many = Array.from({ length: 500 }, (_, index) => ({ technician_id: String(7_000_000 + index), sessions: 2, written: 1 }))
        const { shown } = open(setUp(), compared(many, { failed: { at: null, reason: 'x'.repeat(2000) } }))
        assert.deepEqual([shown.missed_technicians.length, shown.comparison_failure.length], [8000, 1000])
        assert.match(shown.missed_technicians, /^Technician 7000000: 1 missed, [^]*…$/)
        const odd = status({ reconciliation: { missed: [null, { technician_id: 7, sessions: 'x' }, { technician_id: '8', written: 2 }] } })
        assert.equal(
            open(setUp(), odd).shown.missed_technicians,
            'Without a technician in the report: 0 missed, 0 written from the report\n'.repeat(2) +
                'Technician 8: 0 missed, 2 written from the report'
        )
    })

    it('takes what it does not know, and misses what is not there', () => {
        const odd = { tenant: 'acme', at: 'yesterday', token: null, more: {}, posts: { last_day: { lost: 3 } } }
        const { shown } = open(setUp(), odd)
        assert.equal(shown.status_read_at, '')
        assert.equal(shown.posts_last_day, '0 delivered, 0 waiting, 0 failed, 0 without a record, 0 ignored')
        const busy = status({ missed_sessions: 0 })
        busy.posts.more = true
        const other = open(setUp(), busy).shown
        assert.equal(other.missed_sessions, '0')
        assert.match(other.posts_last_day, /ignored \(only the newest posts are counted\)$/)
    })

    it('is translated', () => {
        const world = setUp()
        world.instance.translations['{0} delivered, {1} waiting, {2} failed, {3} without a record, {4} ignored'] =
            '{2} misslungen, {0} zugestellt'
        assert.equal(open(world, status()).shown.posts_last_day, '0 misslungen, 12 zugestellt')
    })

    it('stays as it was last known where it cannot be read, and the form says so in the user\'s time', () => {
        const known = { status_read_at: '2026-05-03 04:23:00', token_state: 'healthy', paused: 'no' }
        const world = setUp({ timeZone: 2 }, known)
        const { shown } = open(world, PROBLEM, 503)
        assert.deepEqual([shown.token_state, shown.status_read_at], ['healthy', known.status_read_at])
        const [message] = world.instance.shown('error')
        assert.match(message, /^This is the status as it was read on 2026-05-03 06:23:00\. .*storage-unavailable, req-1/)
        assert.equal(shown.rescue_company_id, '112938')

        const first = setUp()
        open(first, PROBLEM, 503)
        assert.match(first.instance.shown('error')[0], /^The status could not be read\. /)
    })

    it('never keeps the form from opening', () => {
        for (const networkFailure of ['throws', 'status']) {
            const world = setUp({ networkFailure })
            world.server.json(200, settings(), {}, AT.settings)
            world.instance.openSettings()
            assert.match(world.instance.shown('error')[0], /could not be reached/)
        }
        const world = setUp()
        world.instance.context.RescueStatus.prototype.put = () => {
            throw new Error('q7Zk2_vT')
        }
        open(world, status())
        assert.match(world.instance.shown('error')[0], /kept the form from reading the status/)
    })

    it('is not asked for when the settings cannot be read', () => {
        const world = setUp()
        world.server.json(503, PROBLEM, {}, AT.settings)
        world.instance.openSettings()
        assert.equal(world.server.requests.length, 1)
    })
})

describe('"Test now"', () => {
    /** Presses it, with a technician typed in. */
    function press(answer, { code = 200, technician = '', at } = {}) {
        const world = setUp()
        const form = open(world, status())
        const query = technician ? `${AT.checks}&technician=${encodeURIComponent(technician).replace("'", '%27')}` : AT.checks
        world.server.json(code, answer, {}, at || query)
        world.server.json(200, settings(), {}, AT.settings)
        world.server.json(200, status(), {}, AT.status)
        const next = form.type(technician ? { test_technician: technician } : {}).press('settings-test')
        return { ...world, shown: next.shown, form: next }
    }

    it('asks for the checks with the technician, and shows a line for each', () => {
        const { shown, instance } = press(status({ checks: [OK, SIGN_IN, WARNING, { check: 'x-new', result: 'odd' }] }), {
            technician: "o'neil+1@acme.test",
        })
        assert.deepEqual(shown.checks.split('\n'), [
            'This check failed: Sign-in to Rescue. What was seen: ana@acme.test is outside "Domains of technicians". ' +
                'What to do about it: Enter ana@acme.test as SSO id in Rescue.',
            'This check passed with a warning: Technicians are users of this instance. What was seen: <b>two</b> users. What to do about it: Correct one.',
            'x-new: odd.',
            'This check passed: Rescue answers the connector. What was seen: secure.logmeinrescue.com answers in 80 ms.',
        ])
        assert.equal(shown.test_technician, "o'neil+1@acme.test")
        assert.equal(shown.tested_at, '2026-05-04 09:00:00')
        const [error, ...others] = instance.shown('error')
        assert.match(error, /^This check failed: Sign-in to Rescue\. .*What to do about it: Enter/)
        assert.deepEqual(others, [])
        const infos = instance.messages.filter(({ kind }) => kind === 'info')
        assert.match(infos[0].html, /seen: &lt;b&gt;two/)
    })

    it('shows what failed first, then warnings, then what was not made', () => {
        const made = ['ok', 'skipped', 'failed', 'ok', 'warning', 'failed'].map((result, index) => ({ check: `x-${index}`, result }))
        const { shown } = press(status({ checks: made }))
        assert.deepEqual(shown.checks.match(/x-\d/g), ['x-2', 'x-5', 'x-4', 'x-1', 'x-0', 'x-3'])
    })

    it('has a name for each check of the connector', { skip: !fs.existsSync(EXAMINATION) }, () => {
        const source = fs.readFileSync(EXAMINATION, 'utf8')
        const made = [...source.matchAll(/\("([a-z-]+)", Box::pin\(/g)].map(([, id]) => id)
        const { NAMES } = setUp().instance.context.RescueChecks
        assert.deepEqual(Object.keys(NAMES).sort(), made.sort())
    })

    it('says that all is well', () => {
        const skipped = { check: 'rescue-sign-in', result: 'skipped', seen: 'none was named', remedy: null }
        const { instance } = press(status({ checks: [OK, skipped] }))
        assert.match(instance.shown('info')[0], /^Everything that was tested works/)
        assert.equal(instance.shown('info')[1], NAME_ONE)
        assert.deepEqual(instance.shown('error'), [])
        const warned = press(status({ checks: [OK, WARNING] })).instance
        assert.match(warned.shown('info').at(-1), /Look at what is named above/)
        assert.deepEqual(warned.shown('error'), [])
    })

    it('asks for a technician only where the sign-in to Rescue was not tested for lack of one', () => {
        const skipped = { check: 'rescue-sign-in', result: 'skipped', seen: 'x', remedy: null }
        const asks = (checks, options) => press(status({ checks }), options).instance.shown('info').includes(NAME_ONE)
        assert.ok(asks([OK, skipped, { ...skipped, check: 'rescue-api-token' }]))
        assert.ok(asks([INCIDENT, skipped]))
        assert.ok(!asks([OK, skipped], { technician: 'ana@acme.test' }))
        assert.ok(!asks([OK, skipped, { ...OK, check: 'rescue-api-token' }]))
        assert.ok(!asks([OK]))
    })

    it('sends nothing for a technician without an address, and says so at the field', () => {
        for (const technician of ['ana', 'ana@acme', '@acme.test', 'Ana <ana@acme.test>', 'a^b@acme.test']) {
            const world = setUp()
            const form = open(world, status())
            const before = world.server.requests.length
            world.server.json(200, settings(), {}, AT.settings)
            world.server.json(200, status(), {}, AT.status)
            const next = form.type({ test_technician: technician }).press('settings-test')
            assert.deepEqual(next.errors, { test_technician: 'This is not an e-mail address.' })
            assert.deepEqual(world.instance.shown(), [
                'The test was not made. Technician to test with: This is not an e-mail address.',
            ])
            assert.deepEqual(world.server.requests.slice(before).map(({ path }) => path), [AT.settings, AT.status])
        }
    })

    it('says that a connector of an earlier release makes no tests', () => {
        const { shown, instance } = press(status())
        assert.match(instance.shown('error')[0], /earlier release/)
        assert.equal(shown.checks, '')
        assert.equal(shown.tested_at, '')
        assert.equal(shown.token_state, 'healthy')
    })

    it('says why no test was made, and keeps the last result', () => {
        const { instance, shown } = press(
            { code: 'invalid-request', title: 'x', detail: 'The parameter technician is no e-mail address.', request_id: 'r' },
            { code: 400, technician: 'ana@acme.test' }
        )
        assert.match(instance.shown('error')[0], /^The test was not made\. .*technician is no e-mail address/)
        assert.equal(shown.test_technician, 'ana@acme.test')
    })

    it('cuts a result that is longer than its column', () => {
        const long = { ...OK, seen: 'x'.repeat(9000) }
        const { shown } = press(status({ checks: [long] }))
        assert.equal(shown.checks.length, 8000)
    })

    it('is not written through to the settings, and keeps the technician out of the log', () => {
        const { server, instance } = press(status({ checks: [OK] }), { technician: 'ana@acme.test' })
        assert.deepEqual([...new Set(server.requests.map(({ method }) => method))], ['GET'])
        assert.doesNotMatch(instance.log.join('\n'), /ana|technician/)
    })
})

describe('a text of a check', () => {
    const TEXTS = [
        ['servicenow.client_id is empty', '"OAuth client id" is empty'],
        ['has the client_id of the settings, and', 'has the "OAuth client id" of the settings, and'],
        ['rescue.company_id must be digits; servicenow.client_id is empty', '"Company id" must be digits; "OAuth client id" is empty'],
        ['(sessions.columns, sessions.new_record.columns)', '("Columns beside the note", "Columns of new records")'],
        ['outside technician_domains: 2', 'outside "Domains of technicians": 2'],
        ['not set: sso-password, refresh-token', 'not set: "SSO password", "Token"'],
        ['set it among the secrets (rescue-api-token).', 'set it among the secrets ("Rescue API token").'],
        ['Set service-account-password.', 'Set "Password of the service account".'],
        ['oauth-client-secret has one of ^', '"OAuth client secret" has one of ^'],
        ['not installed, and console_sessions = "case" needs it', 'not installed, and "Sessions without a record" = "case" needs it'],
        ['rescue.reconcile is "watch", and', '"Sessions that Rescue did not post" is "watch", and'],
        ['name them in report_nodes; see missed-sessions.', 'name them in "Technicians, groups and channels of this instance"; see "Rescue posts every session".'],
        ['publish is "selected" and fields is empty', '"Publish session details" is "selected" and "Selected fields" is empty'],
        ['See servicenow-reachable, and try', 'See "This instance answers the connector", and try'],
        ['cannot be checked while servicenow-access fails', 'cannot be checked while "Sign-in to this instance" fails'],
        ['cannot be checked while secrets fails', 'cannot be checked while "Secrets that the settings need" fails'],
        ['See refresh-token.', 'See "The end of the token".'],
        ['See rescue-host; if it fails', 'See "Rescue answers the connector"; if it fails'],
        ['the name "sso-password" is', 'the name "SSO password" is'],
        ['12 days left, until 2026-11-28T03:40:19.225Z', '12 days left, until 2026-11-28 03:40 UTC'],
        ['until 2026-11-28T03:40:19Z (4 min)', 'until 2026-11-28 03:40 UTC (4 min)'],
    ]
    const SAME = [
        'Ask the administrator of the instance to switch on the account, and check the language of the chat.',
        'https://acme.test/sso-password/rescue-host answers 503',
        'rescue.account.acme.test answers, and x.client_id and client_id_2 and my-rescue-host too',
        'sso-password@acme.test is locked out',
        'glide.oauth.inbound.client.credential.grant_type.enabled is true',
        'the keys, secrets and technicians of the email are paused; see the fields of sys_user and work_notes',
        'Rescue fails; see its status page.',
        'missed sessions are listed by: sessions reconcile acme',
        'the property constructor, see constructor.',
        '',
    ]

    it('has the labels of the form and the names of checks in place of internal names, and times in minutes', () => {
        const checks = () => new (setUp().instance.context.RescueChecks)()
        for (const [text, words] of TEXTS) {
            assert.equal(checks().inWords(text), words)
        }
        for (const text of SAME) {
            assert.equal(checks().inWords(text), text)
        }
    })

    it('has the label of every setting and secret', () => {
        const { instance } = setUp()
        const { RescueChecks, RescueSettingFields } = instance.context
        for (const [column, pointer] of RescueSettingFields.SETTINGS) {
            const path = pointer.slice(1).replaceAll('/', '.')
            if (path.includes('.')) {
                assert.equal(new RescueChecks().inWords(`x ${path}.`), `x "${OWN.x_rescue_conn_settings.labels[column]}".`)
            }
        }
        for (const [column, name] of RescueSettingFields.SECRETS) {
            assert.equal(new RescueChecks().inWords(`${name}: x`), `"${OWN.x_rescue_conn_settings.labels[column]}": x`)
        }
    })

    it('is shown and mailed in these words', () => {
        const check = { ...INCIDENT, seen: 'sso-password is not set', remedy: 'Set sso-password; see rescue-host.' }
        const [mail] = run(watched(), status({ checks: [check] }))
        assert.match(mail.text, /What to do about it: Set "SSO password"; see "Rescue answers the connector"\.\n/)
    })
})

describe('the daily job', () => {
    it('refreshes the record, and mails no one while all is well', () => {
        const world = watched({}, { enabled: '1', tested_at: '', token_state: '' })
        assert.deepEqual(run(world), [])
        const row = world.instance.settings()
        assert.deepEqual(
            [row.token_state, row.rescue_company_id, row.checks, row.enabled],
            ['healthy', '112938', 'This check passed: Rescue answers the connector. What was seen: secure.logmeinrescue.com answers in 80 ms.', '1']
        )
        assert.deepEqual(world.server.requests.map(({ method, path }) => [method, path]), [['GET', AT.settings], ['GET', AT.checks]])
    })

    it('tests with the technician of the settings, if that is an address', () => {
        const world = watched({}, { test_technician: 'ana@acme.test' })
        run(world, status(), `${AT.checks}&technician=ana%40acme.test`)
        assert.match(world.instance.settings().checks, /Rescue answers/)
        const other = watched({}, { test_technician: 'ana' })
        assert.deepEqual(run(other), [])
        assert.match(other.instance.settings().checks, /Rescue answers/)
    })

    it('warns three times of a token that does not renew itself', () => {
        const mails = daily(watched(), 100, (day) =>
            token({ days_left: 99 - day, state: 99 - day < 14 ? 'expires-soon' : 'healthy' })
        )
        assert.deepEqual(daysOf(mails), [85, 92, 98])
        const [first] = mails
        assert.equal(first.subject, 'The token of Rescue Connector ends on 2026-08-12')
        assert.match(first.text, /\(days left: 14\).*Token set-up/)
    })

    it('warns three times also when it runs more than once a day', () => {
        const mails = daily(watched(), 100, (day) => token({ days_left: 99 - day }), 3)
        assert.deepEqual(daysOf(mails), [85, 92, 98])
    })

    it('warns later of a threshold on whose day it did not run', () => {
        const skipped = [14, 7, 1, 2, 3]
        const world = watched()
        const mails = []
        for (let left = 20; left >= 0; left--) {
            if (!skipped.includes(left)) {
                mails.push(...run(world, token({ days_left: left })).map(() => left))
            }
            world.instance.advanceClock(DAY)
        }
        assert.deepEqual(mails, [13, 6, 0])
    })

    it('warns of the nearest threshold alone, and again of the next token', () => {
        const world = watched()
        assert.equal(run(world, token({ days_left: 5 })).length, 1)
        assert.equal(run(world, token({ days_left: 5 })).length, 0)
        assert.equal(run(world, token({ days_left: 12, expires_at: '2026-11-20T09:00:00Z' })).length, 1)
    })

    it('warns of a token that should have renewed itself', () => {
        const overdue = (days_left, more) => token({ days_left, state: days_left < 14 ? 'expires-soon' : 'healthy', ...more })
        const mails = daily(watched(), 100, (day) => overdue(99 - day, { renews_itself: true }))
        assert.deepEqual(daysOf(mails), [86, 92, 98])
        assert.match(mails[0].text, /should have renewed itself\. Check the service account and its password in Rescue Connector > Settings/)
        // The connector has the password, and says after three quarters of the token's life that it does not renew itself.
        const refused = { ...watched(), secrets: { 'service-account-password': { set: true } } }
        assert.match(run(refused, overdue(14))[0].text, /should have renewed itself/)
        const without = { ...watched(), secrets: { 'service-account-password': { set: false } } }
        assert.match(run(without, overdue(13))[0].text, /does not renew itself/)
    })

    it('does not warn of a token with a short life that was renewed in time', () => {
        const at = (expires_at, last_rotation_at) => token({ state: 'expires-soon', days_left: 7, renews_itself: true, expires_at, last_rotation_at })
        // It is the 4th of May.
        assert.deepEqual(run(watched(), at('2026-05-11T09:00:00.000Z', '2026-05-01T09:00:00.000Z')), [])
        assert.equal(run(watched(), at('2026-05-11T09:00:00.000Z', '2026-04-01T09:00:00.000Z')).length, 1)
    })

    it('does not warn of the end of a token that renews itself, is not needed, or has no end', () => {
        const world = watched()
        assert.deepEqual(daily(world, 80, (day) => token({ days_left: 99 - day, renews_itself: true })), [])
        for (const more of [{ state: 'not-needed' }, { state: 'none' }, {}]) {
            assert.deepEqual(run(world, token({ expires_at: null, days_left: null, ...more })), [])
        }
    })

    it('mails that the token is refused, again after a week, and anew when it happens again', () => {
        const refused = token({ state: 'reauthorization-needed', days_left: 0 })
        const mails = daily(watched(), 20, (day) => (day < 10 || day === 12 ? refused : token({})))
        assert.deepEqual(daysOf(mails), [0, 7, 12])
        assert.equal(mails[0].subject, 'Rescue Connector needs a new token')
        assert.match(mails[0].text, /has ended or is refused/)
    })

    it('mails a failed check once, and once a week', () => {
        const both = [INCIDENT, SIGN_IN]
        const changes = { 0: [], 3: [SIGN_IN], 5: both, 15: [SIGN_IN], 16: [], 18: [SIGN_IN] }
        const failed = (day) => changes[Object.keys(changes).filter((from) => from <= day).at(-1)]
        const mails = daily(watched(), 20, (day) => status({ checks: [OK, WARNING, ...failed(day)] }), 2)
        assert.deepEqual(daysOf(mails), [3, 5, 12, 19])
        assert.equal(mails[0].subject, 'A test of Rescue Connector has failed')
        assert.match(mails[1].text, /- This check failed: Service account reads incidents\. What to do about it: Give the role itil\./)
        assert.match(mails[0].text, /- This check failed: Sign-in to Rescue\. What to do about it: Enter … as SSO id in Rescue\./)
        assert.doesNotMatch(mails[1].text, /technician_domains|Domains of technicians|two/)
    })

    it('mails a check that fails every other day once a week, and not when fewer checks fail', () => {
        const flapping = daily(watched(), 16, (day) => status({ checks: day % 2 ? [OK] : [SIGN_IN] }))
        assert.deepEqual(daysOf(flapping), [0, 8])
        const fewer = daily(watched(), 6, (day) => status({ checks: day < 2 ? [INCIDENT, SIGN_IN] : day % 2 ? [INCIDENT] : [SIGN_IN] }))
        assert.deepEqual(daysOf(fewer), [0])
    })

    it('mails a check only when it fails at a second attempt as well, which is the one that is shown', () => {
        const world = watched()
        assert.deepEqual(runWith(world, [SIGN_IN], [OK]), [])
        assert.match(world.instance.settings().checks, /^This check passed/)
        assert.deepEqual(runWith(world, [SIGN_IN], [INCIDENT]), [])
        const [mail] = runWith(world, [SIGN_IN, INCIDENT], [OK, SIGN_IN])
        assert.match(mail.text, /Sign-in to Rescue/)
        assert.doesNotMatch(mail.text, /reads incidents/)
        // What was mailed is not tested again.
        assert.deepEqual(runWith(world, [SIGN_IN]), [])
    })

    it('mails what failed at the first attempt where there is no second', () => {
        assert.equal(runWith(watched(), [SIGN_IN], 503).length, 1)
    })

    it('mails all that is wrong in one mail', () => {
        const [mail, ...others] = run(watched(), {
            ...token({ state: 'reauthorization-needed' }),
            checks: [INCIDENT],
        })
        assert.deepEqual(others, [])
        assert.equal(mail.subject, 'Rescue Connector needs a new token')
        assert.match(mail.text, /is refused[^]*reads incidents/)
    })

    it('reads the status without checks where the connector fails with them', () => {
        const world = watched()
        world.server.json(503, PROBLEM, {}, AT.checks)
        assert.equal(run(world, token({ days_left: 3 }), AT.status).length, 1)
        assert.equal(world.instance.settings().token_days_left, '3')
    })

    it('mails when the connector does not answer on three days in a row', () => {
        for (const runs of [1, 2]) {
            const world = watched()
            assert.deepEqual(daily(world, 2, () => null, runs), [])
            run(world)
            const mails = daily(world, 12, () => null, runs)
            assert.deepEqual(daysOf(mails), [2, 9])
            assert.equal(mails[0].subject, 'Rescue Connector does not answer')
            assert.match(mails[0].text, /three days or longer.*could not be reached/)
            assert.equal(world.instance.settings().token_state, 'healthy')
            assert.deepEqual(daily(world, 3, () => status()), [])
        }
    })

    /** Runs the job on so many days with this answer to the request for the settings. Returns the days with a mail. */
    function refused(days, answer, options, changes) {
        const world = watched(options, changes)
        const mails = []
        for (let day = 0; day < days; day++) {
            answer(world.server)
            mails.push(...run(world, null).map((mail) => ({ day, ...mail })))
            world.instance.advanceClock(DAY)
        }
        return mails
    }

    it('counts other refusals as no answer, without their detail', () => {
        const problem = { code: 'tenant-misconfigured', title: 'x', detail: 'of paul@acme.test', request_id: 'r' }
        const mails = refused(3, (server) => server.json(503, problem, {}, AT.settings))
        assert.deepEqual(daysOf(mails), [2])
        assert.match(mails[0].text, /lacks a setting/)
        assert.doesNotMatch(mails[0].text, /paul/)
        // A proxy that fails in place of the connector.
        assert.deepEqual(daysOf(refused(3, (server) => server.raw(502, '<h1>Bad gateway</h1>'))), [2])
    })

    it('mails on the first day, and once a week, what does not pass by itself', () => {
        const problem = { code: 'unauthorized', title: 'x', detail: 'of paul@acme.test', request_id: 'r' }
        const mails = refused(9, (server) => server.json(401, problem, {}, AT.settings))
        assert.deepEqual(daysOf(mails), [0, 7])
        assert.equal(mails[0].subject, 'Rescue Connector no longer accepts this instance')
        assert.match(mails[0].text, /generates no PINs.*was ended/)
        assert.doesNotMatch(mails[0].text, /paul|three days/)

        const logged = { 'glide.outbound_http_log.override': 'true', 'glide.outbound_http_log.override.level': 'all' }
        for (const [options, changes, sentence, answer = () => {}] of [
            [{ properties: logged }, {}, /glide\.outbound_http_log\.override/],
            [{}, { tenant: 'A C M E' }, /is damaged \(tenant\)/],
            [{}, {}, /HTTP status 200/, (server) => server.raw(200, '<h1>Welcome</h1>')],
        ]) {
            const [mail, ...others] = refused(3, answer, options, changes)
            assert.deepEqual([mail.day, others], [0, []])
            assert.equal(mail.subject, 'The connection to Rescue Connector does not work any more')
            assert.match(mail.text, sentence)
        }
    })

    it('mails on the first day when the tests are refused for good', () => {
        const earlier = daily(watched(), 9, () => ({ ...status(), checks: undefined }))
        assert.deepEqual(daysOf(earlier), [0, 7])
        assert.equal(earlier[0].subject, 'The daily test of Rescue Connector is not made')
        assert.match(earlier[0].text, /earlier release/)

        const world = watched()
        const refusal = { code: 'invalid-request', title: 'x', detail: 'Of paul@acme.test.', request_id: 'r' }
        world.server.json(400, refusal, {}, AT.checks)
        const [mail] = run(world, status(), AT.status)
        assert.match(mail.text, /does not accept "Technician to test with"/)
        assert.doesNotMatch(mail.text, /paul/)
        assert.equal(world.instance.settings().token_state, 'healthy')
    })

    it('mails when the tests fail on three days in a row', () => {
        const world = watched()
        const mailed = []
        for (let day = 0; day < 8; day++) {
            if (day === 2) {
                run(world)
            } else {
                world.server.json(503, PROBLEM, {}, AT.checks)
                mailed.push(...run(world, status(), AT.status).map((mail) => ({ day, ...mail })))
            }
            world.instance.advanceClock(DAY)
        }
        assert.deepEqual(daysOf(mailed), [5])
        assert.match(mailed[0].text, /is not made, .*storage/)
    })

    it('mails once a week that Rescue did not post every session, written or not', () => {
        const missed = [
            { technician_id: '7654321', sessions: 5, written: 2 },
            { technician_id: null, sessions: 1, written: 0 },
        ]
        const mails = daily(watched(), 20, (day) => compared(day < 10 ? missed : day === 12 ? [{ ...missed[0], written: 5 }] : []))
        assert.deepEqual(daysOf(mails), [0, 7, 12])
        assert.equal(mails[0].subject, 'Rescue did not post every session to Rescue Connector')
        assert.match(mails[0].text, /did not post: 6\. Written from its report: 2\. Not written: 4\. .*"Technicians of missed sessions"/)
        assert.match(mails[2].text, /did not post: 5\. Written from its report: 5\. Not written: 0\./)
        assert.doesNotMatch(mails[0].text, /7654321/)
    })

    it('mails when sessions cannot be compared on three days in a row, without the reason, which may be personal', () => {
        const mails = daily(watched(), 12, (day) => compared([], { failed: day === 1 ? null : FAILED }))
        assert.deepEqual(daysOf(mails), [4, 11])
        assert.equal(mails[0].subject, 'Rescue Connector cannot read the report of Rescue')
        assert.match(mails[0].text, /three days or longer.*missed sessions are not noticed/)
        assert.doesNotMatch(mails[0].text, /ana/)
    })

    it('does not mail missed sessions as a failed check as well', () => {
        const check = { check: 'missed-sessions', result: 'failed', seen: '3 sessions', remedy: 'Set the webhook URLs.' }
        const missed = [{ technician_id: '7654321', sessions: 3, written: 0 }]
        const world = watched()
        const mails = run(world, { ...compared(missed), checks: [OK, check] })
        assert.deepEqual(mails.map(({ subject }) => subject), ['Rescue did not post every session to Rescue Connector'])
        assert.doesNotMatch(mails[0].text, /This check failed/)
        assert.match(world.instance.settings().checks, /^This check failed: Rescue posts every session\./)
    })

    it('does nothing where the instance is not connected, or is a copy of the connected one', () => {
        for (const changes of [{ api_key: '' }, { connected_instance: 'https://acme.service-now.com' }]) {
            const world = watched({}, changes)
            assert.deepEqual(daily(world, 4, () => null), [])
            assert.deepEqual(world.server.requests, [])
            assert.equal(world.instance.settings().warnings_sent, undefined)
        }
    })

    it('only looks whether the integration was switched on while it is off', () => {
        const world = watched({}, { enabled: '0' })
        world.server.json(200, settings(false), {}, AT.settings)
        assert.deepEqual(run(world, null), [])
        assert.deepEqual(daily(world, 5, () => null), [])
        assert.equal(run(world, token({ days_left: 1 })).length, 1)
        assert.equal(world.instance.settings().enabled, '1')
        world.server.json(200, settings(false), {}, AT.settings)
        assert.deepEqual(run(world, null), [])
        assert.equal(world.instance.settings().enabled, '0')
    })

    it('keeps a warning until there is an administrator to mail', () => {
        const world = setUp()
        world.admins = []
        assert.deepEqual(run(world, token({ days_left: 3 })), [])
        assert.match(world.instance.log.join('\n'), /no active user has the role x_rescue_conn\.admin/)
        world.instance.addUser({ email: 'eva@acme.test' }, 'x_rescue_conn.admin')
        world.admins = ['eva@acme.test']
        assert.equal(run(world, token({ days_left: 2 })).length, 1)
    })

    it('mails a user once who has the role in more than one way', () => {
        const world = watched()
        const { instance } = world
        const [user] = [...instance.tables.sys_user_has_role.rows.values()]
        instance.add('sys_user_has_role', { user: user.user, role: user.role })
        assert.equal(run(world, token({ days_left: 3 })).length, 1)
    })

    it('sends no mail that it cannot remember', () => {
        const world = watched({ refusesWrites: ['x_rescue_conn_settings'] })
        assert.deepEqual(run(world, token({ days_left: 3 })), [])
        assert.match(world.instance.log.join('\n'), /no warning was mailed/)
    })

    it('begins anew where the memory of its warnings is damaged', () => {
        for (const damaged of [
            '{',
            '[]',
            '{"ending":7,"unreachable":"x","checks":null}',
            '{"unreachable":{"since":"x"},"untested":{},"checks":{"ids":7}}',
            '{"checks":{"ids":{"read-incident":"x"}}}',
        ]) {
            const world = watched({}, { warnings_sent: damaged })
            const wrong = { ...token({ days_left: 3 }), checks: [INCIDENT] }
            const [mail] = run(world, wrong)
            assert.match(mail.text, /days left: 3[^]*reads incidents/, damaged)
            assert.equal(run(world, wrong).length, 0, damaged)
        }
    })

    it('cuts a mail that is too long, and keeps the link', () => {
        const checks = Array.from({ length: 30 }, (_, index) => ({ ...INCIDENT, check: `x-${index}`, remedy: 'y'.repeat(400) }))
        const [mail] = run(watched(), status({ checks }))
        assert.ok(mail.text.length < 8000)
    })

    it('remembers failed checks however many there are, and however long their ids', () => {
        const checks = Array.from({ length: 70 }, (_, index) => ({ ...INCIDENT, check: `${100 + index}"`.repeat(200) }))
        const world = watched()
        assert.equal(run(world, status({ checks })).length, 1)
        assert.equal(run(world, status({ checks })).length, 0)
    })

    it('ends without a trace of an error that quotes a secret', () => {
        const world = watched()
        world.instance.context.RescueStatus.prototype.put = () => {
            throw new Error('q7Zk2_vT-0mXw4R9bYc1LdE6sHj3NfGuAoIi5PxKtQM')
        }
        assert.deepEqual(run(world), [])
        assert.match(world.instance.log.join('\n'), /the daily check ended with an error/)
    })

    it('is translated into the language of the instance', () => {
        const world = watched()
        world.instance.translations['Rescue Connector needs a new token'] = 'Rescue Connector braucht ein neues Token'
        const [mail] = run(world, token({ state: 'reauthorization-needed' }))
        assert.equal(mail.subject, 'Rescue Connector braucht ein neues Token')
    })

    it('has a registered event whose name fits', () => {
        assert.deepEqual(EVENTS.map(({ event_name }) => event_name), ['x_rescue_conn.needs_attention'])
        assert.ok(EVENTS.every(({ event_name }) => event_name.length <= 40))
    })
})

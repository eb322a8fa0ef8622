/**
 * The daily job: refreshes the settings record from the connector, and mails the app's administrators what they have to do.
 *
 * One run sends at most one mail to each administrator. The mail's text is in the settings record, where the notification
 * reads it: the length of an event's parameters is limited. The record also holds which warnings were sent, so that a job
 * that runs twice, or not at all on a day, sends each of them once.
 */
var RescueDailyCheck = Class.create();

/** Registered in status.now.ts. Its first parameter is the sys_id of the user who gets the mail. */
RescueDailyCheck.EVENT = 'x_rescue_conn.needs_attention';
RescueDailyCheck.ROLE = 'x_rescue_conn.admin';
/** Days before the end of a token that does not renew itself. */
RescueDailyCheck.DAYS_BEFORE_END = [1, 7, 14];
RescueDailyCheck.HOUR_MS = 60 * 60 * 1000;
/** The third of three daily runs, which do not start at the same second. */
RescueDailyCheck.UNREACHABLE_MS = (2 * 24 - 4) * RescueDailyCheck.HOUR_MS;
/** A warning is sent again after a week, as long as its cause lasts. */
RescueDailyCheck.REPEAT_MS = (7 * 24 - 4) * RescueDailyCheck.HOUR_MS;
/** With the link, it is below the length of the column. */
RescueDailyCheck.LONGEST_TEXT = 7500;
RescueDailyCheck.LONGEST_SUBJECT = 190;
/** There are four, in one column. */
RescueDailyCheck.LONGEST_CAUSE = 800;

RescueDailyCheck.prototype = {
    initialize: function () {
        this.connection = new RescueConnection();
        this.checks = new RescueChecks();
        this.status = new RescueStatus();
        this.sentences = new RescueSentences();
        this.now = new GlideDateTime().getNumericValue();
    },

    /** Carries out the job. Never throws. */
    carryOut: function () {
        try {
            if (this.connection.isConnected()) {
                this._carryOut();
            }
        } catch (error) {
            // Without the error's message: it may quote a secret.
            gs.error('Rescue Connector: the daily check ended with an error');
        }
    },

    _carryOut: function () {
        var row = this.status.stored();
        var settings = new RescueSettings().readInto(row);
        // A copy of the instance the connection belongs to has nothing to watch.
        if (settings.code === 'other-instance') {
            return;
        }
        // The operator may have switched the integration on or off, so that is read first.
        if (row.getValue('enabled') !== '1') {
            if (settings.ok) {
                this.status.store(row);
            }
            return;
        }
        var answer = settings.ok ? this._read(row) : settings;
        var sent = this._sent(row);
        var due = this._due(this._problems(answer, sent));
        var recipients = due.length ? this._recipients() : [];
        if (due.length && !recipients.length) {
            gs.warn('Rescue Connector: no active user has the role ' + RescueDailyCheck.ROLE + ', so that no mail was sent');
        }
        if (recipients.length) {
            this._write(row, due, sent);
        }
        row.setValue('warnings_sent', JSON.stringify(sent));
        if (this.status.store(row)) {
            this._mail(row, recipients, due);
        } else {
            gs.error('Rescue Connector: the settings record could not be saved, so that no warning was mailed');
        }
    },

    /** The status with checks, put into the record. Where the checks take too long, the status without them. */
    _read: function (row) {
        var answer = this.status.read(this.status.checksQuery(row));
        if (!answer.ok) {
            answer = this.status.read('');
        }
        if (answer.ok) {
            this.status.put(row, answer.body);
            var checks = this.checks.of(answer.body);
            if (checks) {
                this.status.putChecks(row, checks);
            }
        }
        return answer;
    },

    /**
     * What is wrong, the most urgent first. Forgets warnings whose cause is gone.
     *
     * @param {Object} answer the status, or a refusal
     * @param {Object} sent the warnings that were sent
     * @returns {Array} {key, isDue, entry: what to remember once it is sent, subject, text}
     */
    _problems: function (answer, sent) {
        if (!answer.ok) {
            sent.unreachable = sent.unreachable || { since: this.now };
            var isLong = this.now - sent.unreachable.since >= RescueDailyCheck.UNREACHABLE_MS;
            return isLong ? [this._unreachable(answer, sent.unreachable)] : [];
        }
        delete sent.unreachable;
        var problems = [];
        var token = answer.body.token || {};
        if (token.state === 'reauthorization-needed') {
            problems.push(this._refused(sent.refused));
        } else {
            delete sent.refused;
        }
        var ending = this._ending(token, sent.ending);
        if (ending) {
            problems.push(ending);
        }
        var checks = this.checks.of(answer.body);
        var failed = checks ? this.checks.withResult(checks, 'failed') : [];
        if (failed.length) {
            problems.push(this._failedChecks(failed, sent.checks));
        } else if (checks) {
            delete sent.checks;
        }
        return problems;
    },

    _unreachable: function (answer, entry) {
        return {
            key: 'unreachable',
            isDue: this._isDue(entry, 'unreachable'),
            entry: { since: entry.since, of: 'unreachable', at: this.now },
            subject: this._say('Rescue Connector does not answer'),
            // Without the connector's detail, which may be personal.
            text: this._say('For three days or longer this instance has not been able to read its settings and status from Rescue Connector. {0}', [
                this.sentences.of({ code: answer.code, title: answer.title, values: answer.values })
            ])
        };
    },

    _refused: function (entry) {
        return {
            key: 'refused',
            isDue: this._isDue(entry, 'refused'),
            entry: { of: 'refused', at: this.now },
            subject: this._say('Rescue Connector needs a new token'),
            text: this._say('The token by which Rescue Connector writes to this instance has ended or is refused. Session details are not written until it is set up again. Set it up in Rescue Connector > Token set-up.')
        };
    },

    /** A token that ends soon and does not renew itself, or null. */
    _ending: function (token, entry) {
        var days = token.days_left;
        var end = typeof token.expires_at === 'string' ? token.expires_at.slice(0, RescueDailyCheck.LONGEST_CAUSE) : '';
        if (token.state === 'reauthorization-needed' || token.renews_itself !== false || typeof days !== 'number' || !end) {
            return null;
        }
        var steps = RescueDailyCheck.DAYS_BEFORE_END;
        var step = 0;
        for (var i = steps.length - 1; i >= 0; i--) {
            step = days <= steps[i] ? steps[i] : step;
        }
        if (!step) {
            return null;
        }
        return {
            key: 'ending',
            isDue: !entry || entry.of !== end || step < entry.days,
            entry: { of: end, days: step },
            subject: this._say('The token of Rescue Connector ends on {0}', [end.slice(0, 10)]),
            text: this._say('The token by which Rescue Connector writes to this instance ends on {0} (days left: {1}) and does not renew itself. Set it up again in Rescue Connector > Token set-up. It renews itself once the password of the service account is entered in the settings.', [end.slice(0, 10), days])
        };
    },

    _failedChecks: function (failed, entry) {
        var ids = [];
        var lines = [this._say('Rescue Connector has tested the way from Rescue to this instance. This does not work:')];
        for (var i = 0; i < failed.length; i++) {
            ids.push(failed[i].id);
            lines.push('- ' + this.checks.remedyLine(failed[i]));
        }
        var of = ids.sort().join(',').slice(0, RescueDailyCheck.LONGEST_CAUSE);
        return {
            key: 'checks',
            isDue: this._isDue(entry, of),
            entry: { of: of, at: this.now },
            subject: this._say('A test of Rescue Connector has failed'),
            text: lines.join('\n')
        };
    },

    /** Whether a warning was not sent yet about this, or was sent a week ago. */
    _isDue: function (entry, of) {
        return !entry || entry.of !== of || this.now - entry.at >= RescueDailyCheck.REPEAT_MS;
    },

    _due: function (problems) {
        var due = [];
        for (var i = 0; i < problems.length; i++) {
            if (problems[i].isDue) {
                due.push(problems[i]);
            }
        }
        return due;
    },

    /** Writes the mail into the record, and remembers what it warns of. */
    _write: function (row, due, sent) {
        var texts = [];
        for (var i = 0; i < due.length; i++) {
            texts.push(due[i].text);
            sent[due[i].key] = due[i].entry;
        }
        var text = texts.join('\n\n');
        if (text.length > RescueDailyCheck.LONGEST_TEXT) {
            text = text.slice(0, RescueDailyCheck.LONGEST_TEXT - 1) + '\u2026';
        }
        var url = this.connection.ownUrl() + '/x_rescue_conn_settings.do?sys_id=' + RescueConnection.SETTINGS;
        row.setValue('mail_subject', due[0].subject.slice(0, RescueDailyCheck.LONGEST_SUBJECT));
        row.setValue('mail_text', this._withoutAddresses(text) + '\n\n' + this._say('Settings and status: {0}', [url]));
        row.setValue('warned_at', new GlideDateTime());
    },

    /** Queues one event for each recipient: a list of all of them can be longer than an event's parameter. */
    _mail: function (row, recipients, due) {
        var keys = [];
        for (var i = 0; i < recipients.length; i++) {
            gs.eventQueue(RescueDailyCheck.EVENT, row, recipients[i], '');
        }
        for (var j = 0; j < due.length && recipients.length; j++) {
            keys.push(due[j].key);
        }
        if (keys.length) {
            gs.info('Rescue Connector: mailed administrators=' + recipients.length + ' about=' + keys.join(','));
        }
    },

    /**
     * The sys_ids of the active users who have the role, directly, from a group or from another role. A notification is
     * addressed to users, groups or fields of a record, and not to a role, so the users are looked up.
     */
    _recipients: function () {
        var grant = new GlideRecord('sys_user_has_role');
        grant.addQuery('role.name', RescueDailyCheck.ROLE);
        grant.addQuery('user.active', true);
        grant.query();
        var users = [];
        while (grant.next()) {
            // A user who has the role in more than one way may have more than one row.
            var user = String(grant.getValue('user') || '');
            if (user && users.indexOf(user) < 0) {
                users.push(user);
            }
        }
        return users;
    },

    /** A remedy may quote the e-mail address of the technician of the test. */
    _withoutAddresses: function (text) {
        return text.replace(/[^\s@<>()"',;]{1,64}@[^\s@<>()"',;]*[^\s@<>()"',;.:]/g, '\u2026');
    },

    /** The warnings that were sent, by their keys: {of: the cause, at: when}; nothing where the text is damaged. */
    _sent: function (row) {
        var stored = this.connection.parse(row.getValue('warnings_sent') || '{}') || {};
        var sent = {};
        for (var key in stored) {
            if (stored[key] && typeof stored[key] === 'object') {
                sent[key] = stored[key];
            }
        }
        return sent;
    },

    _say: function (sentence, values) {
        return this.sentences.say(sentence, values);
    },

    type: 'RescueDailyCheck'
};

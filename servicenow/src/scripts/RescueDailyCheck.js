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
/** Of a cause, and of a check's id. All are in one column. */
RescueDailyCheck.LONGEST_CAUSE = 40;
/** The connector makes half as many. */
RescueDailyCheck.MOST_CHECKS = 50;
/** Checks that are no fault of the way: of what they look at there is a mail of its own. */
RescueDailyCheck.MAILED_APART = ['missed-sessions'];
/** Refusals that last until an administrator acts. */
RescueDailyCheck.LASTING = ['unauthorized', 'not-set-up', 'outbound-logged', 'not-the-connector', 'not-found'];

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
        var sent = this._sent(row);
        var found = settings.ok ? this._read(row, sent) : { status: settings };
        found.hasPassword = Boolean(settings.ok && this._isSet(settings.body.secrets, 'service-account-password'));
        var due = this._due(this._problems(found, row, sent));
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

    /**
     * Reads the status with checks, or without them where that fails, and puts it into the record. Checks that a mail would
     * be due for are made again: what fails in passing is not mailed.
     *
     * @returns {Object} {status: the answer, refusal: that of the request with checks, or null, checks: or null, failed}
     */
    _read: function (row, sent) {
        var query = this.status.checksQuery(row);
        var first = this.status.read(query);
        var found = this._found(first.ok ? first : this.status.read(''));
        found.refusal = first.ok ? null : first;
        if (this._isNews(found.failed, sent.checks)) {
            var again = this._found(this.status.read(query));
            if (again.checks) {
                again.failed = this._inBoth(again.failed, found.failed);
                again.refusal = null;
                found = again;
            }
        }
        if (found.status.ok) {
            this.status.put(row, found.status.body);
        }
        if (found.checks) {
            this.status.putChecks(row, found.checks);
        }
        return found;
    },

    _found: function (answer) {
        var checks = answer.ok ? this.checks.of(answer.body) : null;
        var failed = checks ? this.checks.withResult(checks, 'failed').filter(this._isMailedAsCheck) : [];
        return { status: answer, checks: checks, failed: failed.slice(0, RescueDailyCheck.MOST_CHECKS) };
    },

    _isMailedAsCheck: function (check) {
        return RescueDailyCheck.MAILED_APART.indexOf(check.id) < 0;
    },

    /** The checks that failed at both attempts, as the second one describes them. */
    _inBoth: function (second, first) {
        var ids = {};
        for (var i = 0; i < first.length; i++) {
            ids[this._id(first[i])] = true;
        }
        var both = [];
        for (var j = 0; j < second.length; j++) {
            if (ids.hasOwnProperty(this._id(second[j]))) {
                both.push(second[j]);
            }
        }
        return both;
    },

    /**
     * What is wrong, the most urgent first. Forgets warnings whose cause is gone.
     *
     * @param {Object} found as of _read, and hasPassword: whether the connector has the password of the service account
     * @param {GlideRecord} row the settings record, with the present status
     * @param {Object} sent the warnings that were sent
     * @returns {Array} {key, isDue, entry: what to remember once it is sent, subject, text}
     */
    _problems: function (found, row, sent) {
        var answer = found.status;
        if (!answer.ok) {
            sent.unreachable = this._since(sent.unreachable);
            return this._isLasting(answer) ? [this._notAccepted(answer, sent.unreachable)]
                : this._isLong(sent.unreachable) ? [this._unreachable(answer, sent.unreachable)] : [];
        }
        delete sent.unreachable;
        var problems = [];
        var token = answer.body.token || {};
        if (token.state === 'reauthorization-needed') {
            problems.push(this._refused(sent.refused));
        } else {
            delete sent.refused;
        }
        var ending = this._ending(token, this._isOverdue(row), found.hasPassword, sent.ending);
        if (ending) {
            problems.push(ending);
        }
        if (found.checks) {
            delete sent.untested;
            sent.checks = this._remembered(sent.checks, found.failed);
            if (found.failed.length) {
                problems.push(this._failedChecks(found.failed, sent.checks));
            }
        } else {
            sent.untested = this._since(sent.untested);
            var untested = this._untested(found.refusal, sent.untested);
            if (untested) {
                problems.push(untested);
            }
        }
        return problems.concat(this._ofSessions(this.status.missed(answer.body), sent));
    },

    /**
     * Sessions that Rescue did not post, and a comparison that fails for long.
     *
     * @param {Object} found as of RescueStatus.missed
     */
    _ofSessions: function (found, sent) {
        var problems = [];
        if (found && found.missed + found.written > 0) {
            problems.push(this._missed(found, sent.missed));
        } else {
            delete sent.missed;
        }
        if (found && found.failed) {
            sent.uncompared = this._since(sent.uncompared);
            if (this._isLong(sent.uncompared)) {
                problems.push(this._uncompared(sent.uncompared));
            }
        } else {
            delete sent.uncompared;
        }
        return problems;
    },

    _missed: function (found, entry) {
        return {
            key: 'missed',
            isDue: this._isDue(entry, 'missed'),
            entry: { of: 'missed', at: this.now },
            subject: this._say('Rescue did not post every session to Rescue Connector'),
            text: this._say('Sessions of the last seven days that Rescue did not post: {0}. Written from its report: {1}. Not written: {2}.', [
                found.missed + found.written,
                found.written,
                found.missed
            ]) + ' ' + this._say('Most often a technician group in Rescue has no webhook URLs. "Technicians of missed sessions" in Rescue Connector > Settings says whose sessions they were.')
        };
    },

    _uncompared: function (entry) {
        return {
            key: 'uncompared',
            isDue: this._isDue(entry, 'uncompared'),
            entry: { since: entry.since, of: 'uncompared', at: this.now },
            subject: this._say('Rescue Connector cannot read the report of Rescue'),
            text: this._say('For three days or longer Rescue Connector has not been able to compare its sessions with the report of Rescue, so that missed sessions are not noticed. The reason is in Rescue Connector > Settings, section Status.')
        };
    },

    /** What is remembered of a fault, from its first day on. */
    _since: function (entry) {
        return entry && typeof entry.since === 'number' ? entry : { since: this.now };
    },

    _isLong: function (entry) {
        return this.now - entry.since >= RescueDailyCheck.UNREACHABLE_MS;
    },

    /** Whether a refusal lasts until an administrator acts. A proxy may answer for a while in place of the connector. */
    _isLasting: function (answer) {
        return RescueDailyCheck.LASTING.indexOf(answer.code) >= 0 &&
            !(answer.code === 'not-the-connector' && (answer.values[0] === 429 || answer.values[0] >= 500));
    },

    /** The sentence of a refusal, without the connector's detail, which may be personal. */
    _sentenceOf: function (answer) {
        return this.sentences.of({ code: answer.code, title: answer.title, values: answer.values });
    },

    _notAccepted: function (answer, entry) {
        var code = String(answer.code).slice(0, RescueDailyCheck.LONGEST_CAUSE);
        return {
            key: 'unreachable',
            isDue: this._isDue(entry, code),
            entry: { since: entry.since, of: code, at: this.now },
            subject: code === 'unauthorized' ? this._say('Rescue Connector no longer accepts this instance')
                : this._say('The connection to Rescue Connector does not work any more'),
            text: this._say('This instance cannot read its settings and status from Rescue Connector, and generates no PINs, until an administrator acts. {0}', [
                this._sentenceOf(answer)
            ])
        };
    },

    _unreachable: function (answer, entry) {
        return {
            key: 'unreachable',
            isDue: this._isDue(entry, 'unreachable'),
            entry: { since: entry.since, of: 'unreachable', at: this.now },
            subject: this._say('Rescue Connector does not answer'),
            text: this._say('For three days or longer this instance has not been able to read its settings and status from Rescue Connector. {0}', [
                this._sentenceOf(answer)
            ])
        };
    },

    /**
     * The status can be read, but not with checks.
     *
     * @param {Object} refusal null: a connector of an earlier release makes none
     * @returns {Object} null where that may pass by itself
     */
    _untested: function (refusal, entry) {
        var of = 'refused';
        var reason = '';
        if (!refusal) {
            of = 'earlier-release';
            reason = this._say('This connector is of an earlier release and makes no tests. Ask its operator to upgrade it.');
        } else if (refusal.code === 'invalid-request') {
            of = refusal.code;
            reason = this._say('Rescue Connector does not accept "Technician to test with". Correct or empty it in Rescue Connector > Settings.');
        } else if (this._isLasting(refusal) || this._isLong(entry)) {
            reason = this._sentenceOf(refusal);
        }
        return !reason ? null : {
            key: 'untested',
            isDue: this._isDue(entry, of),
            entry: { since: entry.since, of: of, at: this.now },
            subject: this._say('The daily test of Rescue Connector is not made'),
            text: this._say('The daily test of the way from Rescue to this instance is not made, so that faults are not noticed. {0}', [reason])
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

    /** A token that ends soon and does not renew itself, or should have done so, or null. */
    _ending: function (token, isOverdue, hasPassword, entry) {
        var days = token.days_left;
        var end = typeof token.expires_at === 'string' ? token.expires_at.slice(0, RescueDailyCheck.LONGEST_CAUSE) : '';
        var renews = token.renews_itself !== false;
        if (token.state === 'reauthorization-needed' || typeof days !== 'number' || !end || renews && !isOverdue) {
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
            text: renews || hasPassword
                ? this._say('The token by which Rescue Connector writes to this instance ends on {0} (days left: {1}) and should have renewed itself. Check the service account and its password in Rescue Connector > Settings, or set the token up again.', [end.slice(0, 10), days])
                : this._say('The token by which Rescue Connector writes to this instance ends on {0} (days left: {1}) and does not renew itself. Set it up again in Rescue Connector > Token set-up. It renews itself once the password of the service account is entered in the settings.', [end.slice(0, 10), days])
        };
    },

    /**
     * Whether a token that is said to renew itself ends soon nevertheless. A token with a short life always ends soon; where
     * the last renewal is known, it is overdue once three quarters of the life since then are over.
     */
    _isOverdue: function (row) {
        if (row.getValue('token_state') !== 'expires-soon') {
            return false;
        }
        var renewed = this._milliseconds(row.getValue('token_rotated_at'));
        var end = this._milliseconds(row.getValue('token_expires_at'));
        return !renewed || !end || end - this.now < (end - renewed) / 4;
    },

    /** A time of a column; 0 for an empty one. */
    _milliseconds: function (time) {
        return time ? new GlideDateTime(time).getNumericValue() : 0;
    },

    _failedChecks: function (failed, memory) {
        var lines = [this._say('Rescue Connector has tested the way from Rescue to this instance. This does not work:')];
        var entry = { ids: {} };
        for (var known in memory.ids) {
            entry.ids[known] = memory.ids[known];
        }
        for (var i = 0; i < failed.length; i++) {
            entry.ids[this._id(failed[i])] = this.now;
            lines.push('- ' + this.checks.remedyLine(failed[i]));
        }
        return {
            key: 'checks',
            isDue: this._isNews(failed, memory),
            entry: entry,
            subject: this._say('A test of Rescue Connector has failed'),
            text: lines.join('\n')
        };
    },

    /** Whether one of the failed checks was not mailed within a week. */
    _isNews: function (failed, memory) {
        for (var i = 0; i < failed.length; i++) {
            if (!this._isRecent(this._idsOf(memory), this._id(failed[i]))) {
                return true;
            }
        }
        return false;
    },

    /**
     * What is remembered of failed checks: when each was mailed last. One that passes is remembered for a week, so that a
     * check that fails now and then is mailed once a week.
     */
    _remembered: function (memory, failed) {
        var given = this._idsOf(memory);
        var ids = {};
        var room = RescueDailyCheck.MOST_CHECKS;
        for (var i = 0; i < failed.length; i++) {
            room -= 1;
            if (this._isRecent(given, this._id(failed[i]))) {
                ids[this._id(failed[i])] = given[this._id(failed[i])];
            }
        }
        // The column has room for so many, and the ones that fail now come first.
        for (var id in given) {
            if (room > 0 && !ids.hasOwnProperty(id) && this._isRecent(given, id)) {
                ids[id] = given[id];
                room -= 1;
            }
        }
        return { ids: ids };
    },

    _idsOf: function (memory) {
        return memory && memory.ids && typeof memory.ids === 'object' ? memory.ids : {};
    },

    _isRecent: function (ids, id) {
        return ids.hasOwnProperty(id) && typeof ids[id] === 'number' && this.now - ids[id] < RescueDailyCheck.REPEAT_MS;
    },

    /** A check's id as it is remembered. */
    _id: function (check) {
        return check.id.replace(/[^a-z0-9-]/g, '').slice(0, RescueDailyCheck.LONGEST_CAUSE);
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

    _isSet: function (secrets, name) {
        return Boolean(secrets && secrets[name] && secrets[name].set === true);
    },

    /** A remedy may quote the e-mail address of the technician of the test. */
    _withoutAddresses: function (text) {
        return text.replace(/[^\s@<>()"',;]{1,64}@[^\s@<>()"',;]*[^\s@<>()"',;.:]/g, '\u2026');
    },

    /**
     * The warnings that were sent, by their keys: {of: the cause, at: when}, since: the first day of a fault, or ids: when each
     * failed check was mailed. Nothing where the text is damaged.
     */
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

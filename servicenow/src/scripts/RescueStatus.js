/**
 * The status section of the settings form: what the connector says about token, posts and sessions, and "Test now".
 */
var RescueStatus = Class.create();

/** Why deliveries are paused, and until when that may last. */
RescueStatus.PAUSES = {
    'reauthorization-needed': 'ServiceNow refuses the token. Posts wait until it is set up again.',
    'servicenow-throttled': 'This instance refuses requests because of its rate limits. Posts wait and go on by themselves.'
};
/** As many characters as the columns hold. */
RescueStatus.LONGEST_CHECKS = 8000;
RescueStatus.LONGEST_TECHNICIANS = 8000;
RescueStatus.LONGEST_REASON = 1000;
/** The addresses that the connector takes, of at most 254 characters. */
RescueStatus.ADDRESS = /^[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]*\.[A-Za-z0-9.-]*$/;

RescueStatus.prototype = {
    initialize: function () {
        this.connection = new RescueConnection();
        this.checks = new RescueChecks();
        this.sentences = new RescueSentences();
    },

    /**
     * Shows the present status on a form that opens. On a failure the form shows the last known one and says so. Never throws.
     *
     * @param {GlideRecord} current the settings record
     */
    show: function (current) {
        try {
            var answer = this.read('');
            if (answer.ok) {
                this.put(current, answer.body);
                return;
            }
            var readAt = current.getDisplayValue('status_read_at');
            if (readAt) {
                this._error('This is the status as it was read on {0}. {1}', [readAt, this.sentences.of(answer)]);
            } else {
                this._error('The status could not be read. {0}', [this.sentences.of(answer)]);
            }
        } catch (error) {
            this._failed();
        }
    },

    /**
     * Lets the connector test the whole way, stores the result in the record, and shows a summary. Never throws. It takes up
     * to 20 seconds.
     *
     * @param {GlideRecord} current the settings record as it stands on the form
     */
    test: function (current) {
        try {
            this._test(current);
        } catch (error) {
            this._failed();
        }
    },

    /**
     * Reads the status.
     *
     * @param {string} query '', or that of checksQuery
     * @returns {Object} as of RescueConnection.call
     */
    read: function (query) {
        return this.connection.call({ method: 'GET', route: 'status', query: query });
    },

    /** The query of a status with checks, signed in to Rescue as the record's technician, if it has the address of one. */
    checksQuery: function (record) {
        var technician = this._trim(record.getValue('test_technician'));
        technician = this._isAddress(technician) ? technician : '';
        // A client may encode the apostrophe, which encodeURIComponent leaves as it is.
        return 'checks=true' + (technician ? '&technician=' + encodeURIComponent(technician).replace(/'/g, '%27') : '');
    },

    /** Puts a status into the columns of a record. The caller saves it. */
    put: function (record, body) {
        var token = body.token || {};
        var posts = body.posts || {};
        var paused = body.paused;
        record.setValue('status_read_at', this._time(body.at));
        record.setValue('token_state', this._string(token.state).slice(0, 40));
        record.setValue('token_expires_at', this._time(token.expires_at));
        record.setValue('token_days_left', this._number(token.days_left));
        record.setValue('token_renews_itself', token.renews_itself === true ? '1' : '0');
        record.setValue('token_rotated_at', this._time(token.last_rotation_at));
        record.setValue('last_received_at', this._time(posts.last_received_at));
        record.setValue('posts_last_day', this._posts(posts));
        record.setValue('paused', paused ? this._pause(this._string(paused.reason)) : this.sentences.say('Deliveries go on.'));
        record.setValue('paused_until', paused ? this._time(paused.until) : '');
        this._putMissed(record, body);
    },

    /**
     * The sessions of the last seven days that Rescue did not post. A connector of an earlier release does not look for them.
     *
     * @param {Object} body the connector's answer
     * @returns {Object} null where they are not looked for; else {missed: neither posted nor written, written: from the report,
     * technicians: [{id, missed, written}], comparedUntil, failed: {at, reason} or null}
     */
    missed: function (body) {
        var found = body.reconciliation;
        if (!found || typeof found !== 'object') {
            return null;
        }
        var result = { missed: 0, written: 0, technicians: [], comparedUntil: found.compared_until, failed: found.failed || null };
        var technicians = found.missed instanceof Array ? found.missed : [];
        for (var i = 0; i < technicians.length; i++) {
            var technician = technicians[i] || {};
            var written = Number(this._number(technician.written));
            var missed = Math.max(Number(this._number(technician.sessions)) - written, 0);
            result.missed += missed;
            result.written += written;
            result.technicians.push({ id: this._string(technician.technician_id), missed: missed, written: written });
        }
        return result;
    },

    /** Puts the results of checks into a record. The caller saves it. */
    putChecks: function (record, checks) {
        record.setValue('checks', this.checks.lines(checks, RescueStatus.LONGEST_CHECKS));
        record.setValue('tested_at', new GlideDateTime());
    },

    /** The settings record as it is in the database. */
    stored: function () {
        var row = new GlideRecord('x_rescue_conn_settings');
        row.get(RescueConnection.SETTINGS);
        return row;
    },

    /**
     * Saves the settings record without the rule that sends settings to the connector.
     *
     * @returns {boolean} whether it was saved
     */
    store: function (row) {
        row.setWorkflow(false);
        return Boolean(row.update());
    },

    _test: function (current) {
        var technician = this._trim(current.getValue('test_technician'));
        if (technician && !this._isAddress(technician)) {
            var sentence = this.sentences.say('This is not an e-mail address.');
            var element = current.getElement('test_technician');
            element.setError(sentence);
            this._error('The test was not made. {0}', [element.getLabel() + ': ' + sentence]);
            return;
        }
        var row = this.stored();
        row.setValue('test_technician', technician);
        var answer = this.read(this.checksQuery(row));
        var checks = null;
        if (answer.ok) {
            checks = this.checks.of(answer.body);
            this.put(row, answer.body);
        }
        if (checks) {
            this.putChecks(row, checks);
        }
        this.store(row);
        if (!answer.ok) {
            this._error('The test was not made. {0}', [this.sentences.of(answer)]);
        } else if (!checks) {
            this._error('This connector is of an earlier release and makes no tests. Ask its operator to upgrade it.', []);
        } else {
            this._summarize(checks, technician);
        }
    },

    _summarize: function (checks, technician) {
        var failed = this.checks.withResult(checks, 'failed');
        var warnings = this.checks.withResult(checks, 'warning');
        for (var i = 0; i < failed.length; i++) {
            this._error('{0}', [this.checks.line(failed[i])]);
        }
        for (var j = 0; j < warnings.length; j++) {
            this._info('{0}', [this.checks.line(warnings[j])]);
        }
        if (!failed.length && !warnings.length) {
            this._info('Everything that was tested works. "Result of the last test" says what was tested.', []);
        } else if (!failed.length) {
            this._info('Everything that was tested works. Look at what is named above.', []);
        }
        if (!technician && this._lacksSignIn(checks)) {
            this._info('Name a technician to test the sign-in to Rescue as well.', []);
        }
    },

    /** Whether neither a technician nor the API token of Rescue was tried out. */
    _lacksSignIn: function (checks) {
        return this._isSkipped(checks, 'rescue-sign-in', false) && this._isSkipped(checks, 'rescue-api-token', true);
    },

    _isSkipped: function (checks, id, whereMissing) {
        for (var i = 0; i < checks.length; i++) {
            if (checks[i].id === id) {
                return checks[i].result === 'skipped';
            }
        }
        return whereMissing;
    },

    _isAddress: function (text) {
        return text.length <= 254 && RescueStatus.ADDRESS.test(text);
    },

    _putMissed: function (record, body) {
        var found = this.missed(body);
        var failed = found && found.failed || {};
        record.setValue('missed_sessions', this._number(body.missed_sessions) || (found
            ? this.sentences.say('not compared with the report of Rescue yet')
            : this.sentences.say('not compared with the report of Rescue')));
        record.setValue('compared_until', found ? this._time(found.comparedUntil) : '');
        record.setValue('missed_technicians', found ? this._cut(this._technicians(found.technicians), RescueStatus.LONGEST_TECHNICIANS) : '');
        record.setValue('comparison_failed_at', this._time(failed.at));
        record.setValue('comparison_failure', this._cut(this.checks.inWords(this._string(failed.reason)), RescueStatus.LONGEST_REASON));
    },

    /** A line for each technician; the connector names the one with the most sessions first. */
    _technicians: function (technicians) {
        var lines = [];
        for (var i = 0; i < technicians.length; i++) {
            var technician = technicians[i];
            lines.push(technician.id
                ? this.sentences.say('Technician {0}: {1} missed, {2} written from the report', [technician.id, technician.missed, technician.written])
                : this.sentences.say('Without a technician in the report: {0} missed, {1} written from the report', [technician.missed, technician.written]));
        }
        return lines.join('\n');
    },

    _cut: function (text, longest) {
        return text.length > longest ? text.slice(0, longest - 1) + '\u2026' : text;
    },

    _posts: function (posts) {
        var day = posts.last_day || {};
        var text = this.sentences.say('{0} delivered, {1} waiting, {2} failed, {3} without a record, {4} ignored', [
            this._number(day.delivered) || 0,
            this._number(day.waiting) || 0,
            this._number(day.failed) || 0,
            this._number(day.unmatched) || 0,
            this._number(day.ignored) || 0
        ]);
        return posts.more === true ? this.sentences.say('{0} (only the newest posts are counted)', [text]) : text;
    },

    _pause: function (reason) {
        return RescueStatus.PAUSES.hasOwnProperty(reason) ? this.sentences.say(RescueStatus.PAUSES[reason])
            : this.sentences.say('The connector names a reason that this app does not know: {0}', [reason.slice(0, 60)]);
    },

    /** A moment of the connector, which is in UTC, as a column holds it: without milliseconds. '' for null. */
    _time: function (timestamp) {
        var parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?Z$/.exec(this._string(timestamp));
        return parts ? parts[1] + ' ' + parts[2] : '';
    },

    /** A number as text; '' for null. */
    _number: function (value) {
        return typeof value === 'number' && isFinite(value) ? String(Math.floor(value)) : '';
    },

    _string: function (value) {
        return typeof value === 'string' ? value : '';
    },

    _trim: function (value) {
        return String(value || '').replace(/^\s+|\s+$/g, '');
    },

    _info: function (sentence, values) {
        gs.addInfoMessage(this.sentences.html(sentence, values));
    },

    _error: function (sentence, values) {
        gs.addErrorMessage(this.sentences.html(sentence, values));
    },

    _failed: function () {
        gs.error('Rescue Connector: reading the status ended with an error');
        this._error('An error in this instance kept the form from reading the status. Open the form again; if that happens again, tell your administrator.', []);
    },

    type: 'RescueStatus'
};

/**
 * The connector's checks in words: which one, its result, what was seen, what to do.
 */
var RescueChecks = Class.create();

/** The checks of a status. One that is missing here is shown by its id. */
RescueChecks.NAMES = {
    'configuration': 'All needed settings are made',
    'tenant-enabled': 'Integration is switched on',
    'keys': 'The keys of this tenant',
    'secrets': 'Secrets that the settings need',
    'rescue-host': 'Rescue answers the connector',
    'rescue-sign-in': 'Sign-in to Rescue',
    'rescue-api-token': 'The API token of Rescue',
    'servicenow-reachable': 'This instance answers the connector',
    'servicenow-access': 'Sign-in to this instance',
    'servicenow-user': 'The service account exists',
    'read-incident': 'Service account reads incidents',
    'read-case': 'Service account reads cases',
    'read-tables': 'Service account reads the other record types',
    'session-table': 'Table with a row for each session',
    'read-user': 'Service account reads users',
    'read-work-notes': 'Service account reads work notes',
    'read-attachments': 'Service account reads attachments',
    'email': 'Service account sends e-mails',
    'case-plugin': 'Customer Service Management',
    'rate-limit': 'Limits of this instance for requests',
    'refresh-token': 'The end of the token',
    'paused': 'Deliveries are not paused',
    'technicians': 'Technicians are users of this instance',
    'missed-sessions': 'Rescue posts every session'
};

RescueChecks.RESULTS = {
    ok: 'This check passed: {0}.',
    warning: 'This check passed with a warning: {0}.',
    failed: 'This check failed: {0}.',
    skipped: 'This check was not made: {0}.'
};

/** The order in which results are shown. Results that are missing here follow, and what has passed comes last. */
RescueChecks.ORDER = ['failed', 'warning', 'skipped'];

RescueChecks.prototype = {
    initialize: function () {
        this.sentences = new RescueSentences();
        this.row = null;
        this.terms = null;
    },

    /**
     * The checks of a status, in words of the settings form. A connector of an earlier release makes none.
     *
     * @param {Object} status the connector's answer
     * @returns {Array} {id, result, seen, remedy}, all strings, or null
     */
    of: function (status) {
        if (!(status.checks instanceof Array)) {
            return null;
        }
        var checks = [];
        for (var i = 0; i < status.checks.length; i++) {
            var check = status.checks[i] || {};
            checks.push({
                id: this._string(check.check),
                result: this._string(check.result),
                seen: this.inWords(this._string(check.seen)),
                remedy: this.inWords(this._string(check.remedy))
            });
        }
        return checks;
    },

    /** The checks that have this result. */
    withResult: function (checks, result) {
        var found = [];
        for (var i = 0; i < checks.length; i++) {
            if (checks[i].result === result) {
                found.push(checks[i]);
            }
        }
        return found;
    },

    name: function (check) {
        var known = RescueChecks.NAMES.hasOwnProperty(check.id);
        return known ? this.sentences.say(RescueChecks.NAMES[check.id]) : check.id;
    },

    /** One line about a check. */
    line: function (check) {
        var known = RescueChecks.RESULTS.hasOwnProperty(check.result);
        var parts = [known ? this._say(check, check.result) : this.name(check) + ': ' + check.result + '.'];
        if (check.seen) {
            parts.push(this._sentence(this.sentences.say('What was seen: {0}', [check.seen])));
        }
        if (check.remedy) {
            parts.push(this._sentence(this.sentences.say('What to do about it: {0}', [check.remedy])));
        }
        return parts.join(' ').replace(/\s+/g, ' ');
    },

    /** What to do about a check that failed; what was seen may be personal and is left out. */
    remedyLine: function (check) {
        var remedy = check.remedy ? ' ' + this._sentence(this.sentences.say('What to do about it: {0}', [check.remedy])) : '';
        return (this._say(check, 'failed') + remedy).replace(/\s+/g, ' ');
    },

    /** One line for each check, the failed ones first, at most this many characters. */
    lines: function (checks, longest) {
        var ordered = this._ordered(checks);
        var lines = [];
        for (var i = 0; i < ordered.length; i++) {
            lines.push(this.line(ordered[i]));
        }
        var text = lines.join('\n');
        return text.length > longest ? text.slice(0, longest - 1) + '\u2026' : text;
    },

    /**
     * A text of the connector in words of the form: the labels of settings and secrets, the names of checks, and times in
     * minutes.
     */
    inWords: function (text) {
        var self = this;
        return text
            .replace(/(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z/g, '$1 $2 UTC')
            // A check's id can be an ordinary word, or the name of a secret.
            .replace(/\b(while |[Ss]ee )([a-z]+(?:-[a-z]+)*)(?= fails\b|[.,;]|$)/g, function (all, before, id) {
                return RescueChecks.NAMES.hasOwnProperty(id) ? before + self._quoted(self.name({ id: id })) : all;
            })
            .replace(this._terms().pattern, function (all, before, term, at, whole) {
                var words = self._words(term);
                var closes = whole.charAt(at + all.length) === '"';
                return before + (before === '"' && closes ? words : self._quoted(words));
            });
    },

    /** The label of a setting or secret, or the name of a check. */
    _words: function (term) {
        var columns = this._terms().columns;
        return columns.hasOwnProperty(term) ? this._label(columns[term]) : this.name({ id: term });
    },

    /**
     * What the connector's texts call settings, secrets and checks.
     *
     * @returns {Object} {columns: the column of each setting and secret by its name, pattern: finds all names}
     */
    _terms: function () {
        if (this.terms) {
            return this.terms;
        }
        // The form has no field for the refresh token but the one that says whether it works.
        var columns = { 'refresh-token': 'token_state' };
        var names = [];
        var ordinary = [];
        var settings = RescueSettingFields.SETTINGS;
        for (var i = 0; i < settings.length; i++) {
            var path = settings[i][1].slice(1).replace(/\//g, '.');
            var last = path.slice(path.lastIndexOf('.') + 1);
            columns[path] = settings[i][0];
            // "columns" is the last part of two settings, and is never used alone.
            if (last !== path && last !== 'columns') {
                columns[last] = settings[i][0];
            }
        }
        var secrets = RescueSettingFields.SECRETS;
        for (var j = 0; j < secrets.length; j++) {
            columns[secrets[j][1]] = secrets[j][0];
        }
        for (var name in columns) {
            (/[._-]/.test(name) ? names : ordinary).push(name);
        }
        for (var id in RescueChecks.NAMES) {
            if (id.indexOf('-') > 0 && !columns.hasOwnProperty(id)) {
                names.push(id);
            }
        }
        this.terms = {
            columns: columns,
            // A name that is an ordinary word means the setting only where its value follows.
            pattern: new RegExp('(^|[^\\w.\\/@-])(' + this._anyOf(names) + '(?![\\w\\/@-]|\\.\\w)|' + this._anyOf(ordinary) +
                '(?= (?:is empty\\b|is "|= ")))', 'g')
        };
        return this.terms;
    },

    /** A pattern of these names, the longest first. */
    _anyOf: function (names) {
        var sorted = names.sort(function (one, other) {
            return other.length - one.length;
        });
        return '(?:' + sorted.join('|').replace(/\./g, '\\.') + ')';
    },

    _label: function (column) {
        if (!this.row) {
            this.row = new GlideRecord('x_rescue_conn_settings');
            this.row.get(RescueConnection.SETTINGS);
        }
        return String(this.row.getElement(column).getLabel());
    },

    _quoted: function (words) {
        return '"' + words + '"';
    },

    _ordered: function (checks) {
        var passed = this.withResult(checks, 'ok');
        var ordered = [];
        var others = [];
        for (var i = 0; i < RescueChecks.ORDER.length; i++) {
            ordered = ordered.concat(this.withResult(checks, RescueChecks.ORDER[i]));
        }
        for (var j = 0; j < checks.length; j++) {
            if (ordered.indexOf(checks[j]) < 0 && passed.indexOf(checks[j]) < 0) {
                others.push(checks[j]);
            }
        }
        return ordered.concat(others, passed);
    },

    _say: function (check, result) {
        return this.sentences.say(RescueChecks.RESULTS[result], [this.name(check)]);
    },

    _sentence: function (text) {
        return /[.!?:]$/.test(text) ? text : text + '.';
    },

    _string: function (value) {
        return typeof value === 'string' ? value : '';
    },

    type: 'RescueChecks'
};

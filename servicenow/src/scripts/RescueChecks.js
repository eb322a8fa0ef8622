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
    'read-user': 'Service account reads users',
    'read-work-notes': 'Service account reads work notes',
    'read-attachments': 'Service account reads attachments',
    'email': 'Service account sends e-mails',
    'case-plugin': 'Customer Service Management',
    'rate-limit': 'Limits of this instance for requests',
    'refresh-token': 'The end of the token',
    'paused': 'Deliveries are not paused',
    'technicians': 'Technicians are users of this instance'
};

RescueChecks.RESULTS = {
    ok: 'This check passed: {0}.',
    warning: 'This check passed with a warning: {0}.',
    failed: 'This check failed: {0}.',
    skipped: 'This check was not made: {0}.'
};

RescueChecks.prototype = {
    initialize: function () {
        this.sentences = new RescueSentences();
    },

    /**
     * The checks of a status. A connector of an earlier release makes none.
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
                seen: this._string(check.seen),
                remedy: this._string(check.remedy)
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

    /** One line for each check, at most this many characters. */
    lines: function (checks, longest) {
        var lines = [];
        for (var i = 0; i < checks.length; i++) {
            lines.push(this.line(checks[i]));
        }
        var text = lines.join('\n');
        return text.length > longest ? text.slice(0, longest - 1) + '\u2026' : text;
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

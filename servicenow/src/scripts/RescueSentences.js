/**
 * A sentence for each error code: what to do. Codes come from the connector (infra/openapi.yaml) and from the app. An
 * instance can translate every sentence: gs.getMessage looks it up.
 */
var RescueSentences = Class.create();

RescueSentences.BY_CODE = {
    // Codes of the app.
    'switched-off': 'The Rescue integration is switched off. An administrator switches it on in Rescue Connector > Settings.',
    'not-connected': 'This instance is not connected to Rescue Connector. An administrator pastes the set-up link in Rescue Connector > Settings.',
    'not-on-the-form': 'Settings are changed on their form only. Open Rescue Connector > Settings.',
    'not-set-up': 'The connection to Rescue Connector is damaged ({0}). An administrator asks the operator of Rescue Connector for a new set-up link and pastes it in Rescue Connector > Settings.',
    'other-instance': 'The connection belongs to {0}, and this instance is {1}. An administrator asks the operator of Rescue Connector for a set-up link of its own.',
    'outbound-logged': 'Nothing was sent: this instance logs headers of outbound requests, and they hold secrets. An administrator sets the property glide.outbound_http_log.override to false, or glide.outbound_http_log.override.level to basic.',
    'no-technician-email': 'Your ServiceNow user has no e-mail address. Rescue knows you by it: ask an administrator to enter it.',
    'no-record-type': 'Rescue Connector does not work with this kind of record. An administrator adds its table to "Record types" in Rescue Connector > Settings.',
    'record-not-saved': 'The record could not be saved, so no PIN was generated. Correct what the form complains about and press again.',
    'pin-request-not-stored': 'The PIN request could not be stored, so no PIN was generated. Press again; if that happens again, tell your administrator.',
    'unreachable': 'Rescue Connector could not be reached. Try again in a minute; what it has done already is not done twice. If this persists, tell your administrator to check the connector URL.',
    'not-the-connector': 'The connector URL was answered by something that is not Rescue Connector (HTTP status {0}). Ask an administrator to check the connector URL, and any proxy on the way.',
    'gateway-busy': 'Rescue Connector gets too many requests. Try again in a few seconds.',
    'gateway-failed': 'Rescue Connector does not run as it should (HTTP status {0}). Try again in a minute; if this persists, tell your administrator.',
    'failed': 'No PIN was generated because of an error in this instance. Tell your administrator, who finds it in the system log.',
    // Codes of both of the connector's routes.
    'unauthorized': 'The connection of this instance to Rescue Connector was ended. An administrator asks the operator of Rescue Connector for a new set-up link and pastes it in Rescue Connector > Settings.',
    'tenant-disabled': 'This tenant is switched off in Rescue Connector. Ask the operator of Rescue Connector to switch it on.',
    'invalid-request': 'Rescue Connector does not understand the request. What it names below has to be corrected, in the record or in your user.',
    'body-too-large': 'The request is too large for Rescue Connector. Tell your administrator.',
    'not-found': 'There is no Rescue Connector at this address. An administrator asks the operator of Rescue Connector for a new set-up link.',
    'tenant-misconfigured': 'Rescue Connector lacks a setting for this tenant. Tell the operator of Rescue Connector what is named below.',
    'storage-unavailable': 'Rescue Connector cannot reach its own storage right now. Try again in half a minute.',
    'servicenow-unavailable': 'Rescue Connector cannot reach this instance right now. Try again in half a minute.',
    // Codes of the PIN route.
    'technician-not-allowed': 'Rescue Connector does not allow technicians of your e-mail domain. Ask the operator of Rescue Connector to add the domain to technician_domains.',
    'technician-not-recognised': 'Rescue does not know you. Ask a Rescue administrator to enter your e-mail address as your SSO id; if no technician gets a PIN, the company-wide SSO password is wrong.',
    'not-a-technician': 'You have no technician licence in Rescue. Ask a Rescue administrator for one.',
    'technician-disabled': 'You are disabled or deleted in Rescue. Ask a Rescue administrator to enable you.',
    'technician-console-not-running': 'Your Rescue technician console is not running. Start it, sign in, and press again.',
    'pin-in-progress': 'Your PIN is still being made. Press again in a few seconds: you get the same one.',
    'idempotency-key-reused': 'The record has changed since the last PIN. Press "New Rescue PIN" to get one that fits.',
    'record-not-found': 'Rescue Connector cannot see this record. Ask an administrator to give its service account read access to it.',
    'pin-rate-exceeded': 'Rescue makes one PIN per second, and others were first. Press again in a few seconds.',
    'rescue-sign-in-refused': 'Rescue refuses sign-ins through its API. Ask the operator of Rescue Connector to enter a Rescue API token for this tenant.',
    'rescue-sign-in-contested': 'Another program keeps signing in to Rescue as you. Close it, or press again later; tell your administrator if this persists.',
    'rescue-unavailable': 'Rescue does not answer as it should. Press again in a minute.',
    'out-of-pin-codes': 'Rescue has no PIN to give right now. Press again in half a minute.',
    // Codes of the settings routes.
    'instance-mismatch': 'The set-up link is for another instance than {0}. Ask the operator of Rescue Connector for a link for this one.',
    'too-many-keys': 'Two keys are in use already. Retire the old one first: "Retire old webhook URLs", or the operator of Rescue Connector for an API key.',
    'settings-changed': 'Another administrator has changed the settings since you opened them. You see the newer ones now: look at them, and change yours again.',
    'if-match-required': 'This version of the app does not fit Rescue Connector. Tell your administrator to upgrade it.',
    'managed-by-file': 'The operator of Rescue Connector keeps these settings in a file. Ask the operator to change them.',
    'operator-only': 'Only the operator of Rescue Connector changes this.',
    'invalid-settings': 'Rescue Connector does not accept these settings.',
    'checks-in-progress': 'Rescue Connector is testing right now, or has just done so. Try again in ten seconds.',
    'last-key': 'The last webhook URLs cannot be retired.',
    // Codes of the token route.
    'token-refused': 'ServiceNow refuses the token that was handed over; the old one stays. Check the client and the service account.'
};

RescueSentences.prototype = {
    initialize: function () {},

    /**
     * The sentence, the connector's detail, and the request id for the operator.
     *
     * @param {Object} refusal code, and where they are known: title, detail, requestId, retryAfter (seconds), values
     * @returns {string} plain text
     */
    of: function (refusal) {
        var known = RescueSentences.BY_CODE[refusal.code];
        var parts = [];
        if (known) {
            parts.push(this.say(known, refusal.values));
        } else if (refusal.title) {
            parts.push(refusal.title);
        } else {
            parts.push(this.say('Rescue Connector refuses the request.'));
        }
        // That of "unauthorized" is for programmers, and the other one says the same as the sentence.
        if (refusal.detail && ['unauthorized', 'checks-in-progress'].indexOf(refusal.code) < 0) {
            parts.push(refusal.detail);
        }
        if (refusal.retryAfter) {
            parts.push(this.say('It asks to wait {0} seconds.', [refusal.retryAfter]));
        }
        var reference = refusal.requestId ? refusal.code + ', ' + refusal.requestId : refusal.code;
        parts.push('(' + reference + ')');
        return parts.join(' ');
    },

    /**
     * A sentence in the user's language, with values for {0}, {1} and so on. gs.getMessage does not insert them, because
     * it interprets apostrophes and braces.
     */
    say: function (sentence, values) {
        return gs.getMessage(sentence).replace(/\{(\d)\}/g, function (place, index) {
            return values && values[index] !== undefined ? String(values[index]) : place;
        });
    },

    /** A sentence for a message, which is shown as HTML; names, numbers and texts from servers are not HTML. */
    html: function (sentence, values) {
        return this.escape(this.say(sentence, values));
    },

    escape: function (text) {
        return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
    },

    type: 'RescueSentences'
};

/**
 * Sets up how the connector signs in to this instance: gets a refresh token for the service account and hands it over, or
 * hands over an OAuth client for client credentials.
 *
 * The masked variables are blanked before a request is sent, so that they are gone also after a failure.
 */
var RescueTokenSetup = Class.create();

RescueTokenSetup.SECRETS = ['client_secret', 'service_password'];
RescueTokenSetup.CLOSED_COMPLETE = '3';
RescueTokenSetup.CLOSED_INCOMPLETE = '4';
/** The connector's check that signs in to ServiceNow. */
RescueTokenSetup.CHECK = 'servicenow-access';

RescueTokenSetup.prototype = {
    initialize: function () {
        this.connection = new RescueConnection();
        this.sentences = new RescueSentences();
    },

    /**
     * Carries out the requested item and closes it.
     *
     * @param {GlideRecord} item the requested item, inserted
     */
    carryOut: function (item) {
        // An asynchronous business rule may run again after a restart of the node.
        if (this._isClosed(item)) {
            return;
        }
        var typed = null;
        var outcome;
        try {
            typed = this._typed(item);
        } catch (error) {
            outcome = this._failed();
        }
        var blanked = this._blank(item);
        var notesBefore = this._notes(item);
        if (!outcome) {
            try {
                outcome = this._setUp(item, typed);
            } catch (error) {
                outcome = this._failed();
            }
        }
        this._close(item, outcome, blanked, notesBefore);
    },

    /** The variables' values. They are not kept on this object. */
    _typed: function (item) {
        var variables = item.variables;
        return {
            signIn: String(variables.sign_in || ''),
            registry: String(variables.registry || ''),
            clientId: this._trim(variables.client_id),
            clientSecret: String(variables.client_secret.getDecryptedValue() || ''),
            userName: this._trim(variables.service_account),
            password: String(variables.service_password.getDecryptedValue() || ''),
            keepPassword: String(variables.keep_password || '') === 'true'
        };
    },

    /** @returns {Object} {done, note, writtenByConnector: note is the connector's as well, more: a note in any case} */
    _setUp: function (item, typed) {
        if (!gs.hasRole('x_rescue_conn.admin')) {
            return { done: false, note: this._say('Only users with the role x_rescue_conn.admin may do this. Nothing was sent.') };
        }
        var byClient = typed.signIn === 'client_credentials';
        // The settings may change while the integration is switched off, the token may not.
        var cannot = !this.connection.isConnected() ? 'not-connected'
            : !byClient && !this.connection.isEnabled() ? 'switched-off' : '';
        if (cannot) {
            return this._notBegun({ code: cannot });
        }
        if (!this.connection.ownUrl()) {
            return { done: false, note: this._say('This instance does not know its own URL: the property glide.servlet.uri has to be set. Order the set-up again after that.') };
        }
        var client = this._client(typed);
        if (!client.id || !client.secret || !byClient && (!typed.userName || !typed.password)) {
            return {
                done: false,
                note: this._say(byClient ? 'Something is missing: the Application Registry record or the client id, and the client secret are needed. Order the set-up again.'
                    : 'Something is missing: the Application Registry record or the client id, the client secret, and user name and password of the service account are all needed. Order the set-up again.')
            };
        }
        var settings = this._read();
        if (!settings.ok) {
            return this._notBegun(settings);
        }
        return byClient ? this._useClient(client, settings) : this._handOver(item, client, typed, settings);
    },

    /** Gets a refresh token, hands it over, and sees to its renewal. */
    _handOver: function (item, client, typed, settings) {
        var granted = this._grant(client, { grant_type: 'password', username: typed.userName, password: typed.password });
        if (!granted.refreshToken) {
            return { done: false, note: granted.note || this._say('This instance gives no refresh token for that client. It has to be an OAuth API endpoint for external clients that allows the password grant and refresh tokens.') };
        }
        var body = {
            refresh_token: granted.refreshToken,
            client_id: client.id,
            client_secret: client.secret,
            request_item: { sys_id: item.getUniqueValue() }
        };
        // The expires_in of the grant is that of the access token.
        if (client.lifespan > 0) {
            body.expires_in = client.lifespan;
        }
        var answer = this.connection.post('token', body);
        if (answer.ok && answer.body.status !== 'stored') {
            answer = { ok: false, code: 'not-the-connector', values: ['200'] };
        }
        if (answer.ok) {
            var renewal = this._renewalOrFailure(typed, settings, String(answer.body.expires_at || '').slice(0, 10));
            return {
                done: renewal.done,
                writtenByConnector: true,
                note: this._say('Rescue Connector has the refresh token and has proved that it works.'),
                more: renewal.note
            };
        }
        var isUnknown = answer.code === 'unreachable' || answer.code === 'gateway-failed';
        return {
            done: false,
            writtenByConnector: answer.code === 'token-refused',
            note: this._gone(this._say(isUnknown ? 'It is not known whether the refresh token was stored.'
                : 'The refresh token was not stored.'), answer)
        };
    },

    _renewalOrFailure: function (typed, settings, end) {
        try {
            return this._renewal(typed, settings, end);
        } catch (error) {
            // Without the error's message: it may quote a secret.
            gs.error('Rescue Connector: the token set-up ended with an error after the token was stored');
            return {
                done: false,
                note: this._join([this._say('After the token was stored, the set-up ended with an error in this instance. Order it again.'), this._ends(end)])
            };
        }
    },

    /**
     * Makes the connector use the stored token, and hands over what renews it: the password, and the user name that it
     * belongs to. The client is stored with the token.
     *
     * @returns {Object} {done, note}
     */
    _renewal: function (typed, settings, end) {
        var isOtherGrant = this._ofServiceNow(settings, 'grant') !== 'refresh_token';
        var wanted = { grant: 'refresh_token' };
        // A password of another user name would be refused at every renewal, and might lock that user out.
        if (typed.keepPassword && this._ofServiceNow(settings, 'service_account').toLowerCase() !== typed.userName.toLowerCase()) {
            wanted.service_account = typed.userName;
        }
        var changed = this._change(settings, wanted);
        if (!changed.ok && isOtherGrant) {
            return {
                done: false,
                note: this._join([
                    this._say('Rescue Connector does not use the refresh token yet: its settings name another way to sign in, and changing them failed.'),
                    this._reason(changed),
                    this._say('After that, order the set-up again.')
                ])
            };
        }
        if (!changed.ok) {
            return {
                done: true,
                note: this._join([
                    this._say('Rescue Connector did not get the password, because its settings name another service account, and changing them failed.'),
                    this._reason(changed),
                    this._ends(end)
                ])
            };
        }
        if (!typed.keepPassword) {
            return {
                done: true,
                note: this._hasPassword(changed) ? this._say('Rescue Connector still has a password of the service account from before. The token renews itself if that password is right; otherwise it ends on {0}.', [end])
                    : this._ends(end)
            };
        }
        var kept = this.connection.call({
            method: 'PUT',
            route: 'secrets',
            item: 'service-account-password',
            body: { value: typed.password }
        });
        if (!kept.ok && wanted.service_account) {
            // An earlier password belongs to the earlier user name.
            this._change(changed, { service_account: this._ofServiceNow(settings, 'service_account') });
        }
        return {
            done: true,
            note: kept.ok ? this._say('The token renews itself: Rescue Connector keeps the password of the service account.') : this._join([
                this._say('Handing the password of the service account to Rescue Connector failed.'),
                this._reason(kept),
                this._ends(end)
            ])
        };
    },

    _ends: function (end) {
        return this._say('The token does not renew itself and ends on {0}. Order the set-up again before then, or hand the password over: tick "Let Rescue Connector keep the password" in a new order, or type the password in Rescue Connector > Settings.', [end]);
    },

    /** Tries client credentials out here, hands the client over, and lets the connector try it out. */
    _useClient: function (client, settings) {
        var wanted = { client_id: client.id, grant: 'client_credentials' };
        if (settings.body.managed_by === 'file' && this._difference(settings, wanted)) {
            return this._notBegun({ code: 'managed-by-file' });
        }
        var granted = this._grant(client, { grant_type: 'client_credentials' });
        if (granted.note) {
            return { done: false, note: granted.note };
        }
        var answer = this.connection.call({
            method: 'PUT',
            route: 'secrets',
            item: 'oauth-client-secret',
            body: { value: client.secret }
        });
        if (answer.ok) {
            // Client and grant in one change: the new secret goes with no other client.
            answer = this._change(settings, wanted);
        }
        if (!answer.ok) {
            return { done: false, note: this._gone(this._say('The set-up of client credentials was not finished.'), answer) };
        }
        var status = this.connection.call({ method: 'GET', route: 'status', query: 'checks=true' });
        var check = this._signInCheck(status);
        if (check && check.result === 'ok') {
            return { done: true, note: this._say('Rescue Connector signs in with client credentials and has proved that it works. Nothing has to be renewed.') };
        }
        if (check && check.result === 'failed') {
            return {
                done: false,
                note: this._join([
                    this._say('Rescue Connector has the client and signs in with client credentials from now on, but its attempt failed.'),
                    this._sentence(check.seen),
                    this._sentence(check.remedy),
                    this._clientCredentialsNeed(),
                    this._say('Posts of Rescue wait meanwhile. Correct it, and press "Test now" in Rescue Connector > Settings.')
                ])
            };
        }
        return {
            done: true,
            note: this._join([
                this._say('Rescue Connector has the client and signs in with client credentials from now on. It has not tried that out yet: press "Test now" in Rescue Connector > Settings.'),
                status.ok ? '' : this._reason(status)
            ])
        };
    },

    /** The check that signs in to ServiceNow, of a status; undefined where there is none. */
    _signInCheck: function (status) {
        var checks = status.ok && status.body.checks instanceof Array ? status.body.checks : [];
        for (var i = 0; i < checks.length; i++) {
            if (checks[i] && checks[i].check === RescueTokenSetup.CHECK) {
                return checks[i];
            }
        }
        return undefined;
    },

    /** The connector's present settings. */
    _read: function () {
        var answer = this.connection.call({ method: 'GET', route: 'settings' });
        var isSettings = answer.ok && typeof answer.body.version === 'number' && answer.body.settings;
        return !answer.ok || isSettings ? answer : { ok: false, code: 'not-the-connector', values: ['200'] };
    },

    /**
     * Changes settings below /servicenow where they differ.
     *
     * @param {Object} settings as they were read last
     * @param {Object} wanted by their names
     * @returns {Object} the settings as they are now, or a refusal
     */
    _change: function (settings, wanted) {
        var answer = settings;
        for (var attempt = 0; answer.ok && attempt < 2; attempt++) {
            var patch = this._difference(answer, wanted);
            if (!patch) {
                return answer;
            }
            var changed = this.connection.call({
                method: 'PATCH',
                route: 'settings',
                body: { servicenow: patch },
                headers: { 'If-Match': '"' + answer.body.version + '"' }
            });
            if (changed.ok || changed.code !== 'settings-changed' || attempt > 0) {
                return changed;
            }
            // Another administrator was faster, with other settings.
            answer = this._read();
        }
        return answer;
    },

    _difference: function (settings, wanted) {
        var patch = {};
        var differs = false;
        for (var name in wanted) {
            if (this._ofServiceNow(settings, name) !== wanted[name]) {
                patch[name] = wanted[name];
                differs = true;
            }
        }
        return differs ? patch : null;
    },

    _ofServiceNow: function (settings, name) {
        return String((settings.body.settings.servicenow || {})[name] || '');
    },

    _hasPassword: function (settings) {
        var state = (settings.body.secrets || {})['service-account-password'];
        return Boolean(state && state.set);
    },

    /** The OAuth client: its id, its secret, and the seconds that its refresh tokens last (0: not known). */
    _client: function (typed) {
        var client = { id: typed.clientId, secret: typed.clientSecret, lifespan: 0 };
        if (!typed.registry) {
            return client;
        }
        var registry = new GlideRecord('oauth_entity');
        if (!registry.isValid() || !registry.get(typed.registry)) {
            return client;
        }
        client.id = client.id || this._trim(registry.getValue('client_id'));
        client.lifespan = registry.isValidField('refresh_token_lifespan')
            ? parseInt(registry.getValue('refresh_token_lifespan'), 10) || 0 : 0;
        if (!client.secret) {
            try {
                client.secret = String(registry.getElement('client_secret').getDecryptedValue() || '');
            } catch (belongsToAnotherScope) {
                client.secret = '';
            }
        }
        return client;
    },

    /**
     * Asks this instance's own token endpoint for a token.
     *
     * @param {Object} client
     * @param {Object} fields the grant's own fields of the form
     * @returns {Object} {refreshToken: '' where there is none}, or {note} when it is refused
     */
    _grant: function (client, fields) {
        var url = this.connection.ownUrl() + '/oauth_token.do';
        var form = { client_id: client.id, client_secret: client.secret };
        for (var name in fields) {
            form[name] = fields[name];
        }
        var answer = this.connection.send({
            method: 'POST',
            url: url,
            contentType: 'application/x-www-form-urlencoded',
            body: this._form(form),
            headers: { Accept: 'application/json' }
        });
        if (answer.logged) {
            return { note: this._notBegun({ code: 'outbound-logged' }).note };
        }
        var body = this.connection.parse(answer.body) || {};
        var refreshToken = this._text(body.refresh_token);
        if (answer.status === 200 && (refreshToken || this._text(body.access_token))) {
            return { refreshToken: refreshToken };
        }
        if (answer.status === 0) {
            return { note: this._say('This instance could not reach its own token endpoint, {0}. Nothing was changed in Rescue Connector. Order the set-up again.', [url]) };
        }
        // The OAuth error code is not personal; error_description may be.
        var error = /^[a-z_]{1,40}$/.test(body.error || '') ? body.error : '-';
        return { note: this._refusal(fields.grant_type, [answer.status, error]) };
    },

    /** Why this instance may refuse a token, and the way out. */
    _refusal: function (grantType, values) {
        if (grantType === 'client_credentials') {
            return this._join([
                this._say('This instance refuses a token (HTTP status {0}, {1}). Nothing was changed in Rescue Connector. It gives the same answer to nearly every cause: a wrong client id or secret, or a client that is not active. Correct it and order the set-up again.', values),
                this._clientCredentialsNeed()
            ]);
        }
        var isSwitchedOff = gs.getProperty('glide.oauth.inbound.ropc.grant_type.disabled', '') === 'true';
        return this._join((isSwitchedOff ? [
            this._say('This instance refuses a token (HTTP status {0}, {1}): its property glide.oauth.inbound.ropc.grant_type.disabled is true, which switches the password grant off.', values)
        ] : [
            this._say('This instance refuses a token (HTTP status {0}, {1}).', values),
            this._say('Check client id and secret, user name and password, whether the user is locked out or has to change the password, whether the client is active, and whether the property glide.oauth.inbound.ropc.grant_type.disabled switches the password grant off.'),
            this._say('Correct it and order the set-up again.')
        ]).concat([
            this._say('Without the password grant, order the set-up again and choose client credentials.'),
            this._clientCredentialsNeed()
        ]));
    },

    _clientCredentialsNeed: function () {
        return this._say('Client credentials need the property glide.oauth.inbound.client.credential.grant_type.enabled with the value true, and an OAuth Application User in the Application Registry record.');
    },

    _form: function (fields) {
        var pairs = [];
        for (var name in fields) {
            // A form encodes these characters; encodeURIComponent does not.
            var value = encodeURIComponent(fields[name]).replace(/[!'()*~]/g, function (character) {
                return '%' + character.charCodeAt(0).toString(16).toUpperCase();
            });
            pairs.push(name + '=' + value);
        }
        return pairs.join('&');
    },

    /** Blanks the masked variables and checks their rows: some releases ignore an assignment by a script. */
    _blank: function (item) {
        try {
            for (var i = 0; i < RescueTokenSetup.SECRETS.length; i++) {
                item.variables[RescueTokenSetup.SECRETS[i]] = '';
            }
            item.update();
        } catch (notAssignable) {
            // _blankRows checks the rows.
        }
        try {
            return this._blankRows(item.getUniqueValue());
        } catch (notReadable) {
            return false;
        }
    },

    /** Whether no secret is left in the rows that hold the item's variables. */
    _blankRows: function (itemId) {
        var found = 0;
        var left = 0;
        var link = new GlideRecord('sc_item_option_mtom');
        link.addQuery('request_item', itemId);
        link.query();
        while (link.next()) {
            var option = link.getElement('sc_item_option').getRefRecord();
            var name = String(option.getElement('item_option_new').getRefRecord().getValue('name'));
            if (RescueTokenSetup.SECRETS.indexOf(name) < 0) {
                continue;
            }
            found++;
            if (option.getValue('value')) {
                option.setValue('value', '');
                option.update();
            }
            var again = new GlideRecord('sc_item_option');
            if (!again.get(option.getUniqueValue()) || again.getValue('value')) {
                left++;
            }
        }
        return found > 0 && left === 0;
    },

    _isClosed: function (item) {
        var row = new GlideRecord('sc_req_item');
        var closed = [RescueTokenSetup.CLOSED_COMPLETE, RescueTokenSetup.CLOSED_INCOMPLETE];
        return row.get(item.getUniqueValue()) && closed.indexOf(String(row.getValue('state'))) >= 0;
    },

    /** All work notes of the item in the database, with those of the connector. */
    _notes: function (item) {
        var row = new GlideRecord('sc_req_item');
        return row.get(item.getUniqueValue()) ? String(row.getElement('work_notes').getJournalEntry(-1) || '') : '';
    },

    _close: function (item, outcome, blanked, notesBefore) {
        var row = new GlideRecord('sc_req_item');
        if (!row.get(item.getUniqueValue())) {
            gs.error('Rescue Connector: the requested item of the token set-up is gone');
            return;
        }
        var notes = [];
        // The connector's note is missing where it may not write to requested items.
        if (!outcome.writtenByConnector || this._notes(item) === notesBefore) {
            notes.push(outcome.note);
        }
        if (outcome.more) {
            notes.push(outcome.more);
        }
        if (!blanked) {
            notes.push(this._say('The masked variables could not be blanked. Change the password of the service account and the client secret, and order the set-up again without this item.'));
        }
        if (notes.length) {
            // [code] in a text from a server would become markup.
            row.setValue('work_notes', notes.join(' ').replace(/\[(\/?code)\]/gi, '($1)'));
        }
        row.setValue('state', outcome.done ? RescueTokenSetup.CLOSED_COMPLETE : RescueTokenSetup.CLOSED_INCOMPLETE);
        row.update();
    },

    _failed: function () {
        // Without the error's message: it may quote a secret.
        gs.error('Rescue Connector: the token set-up ended with an error');
        return { done: false, note: this._say('The set-up ended with an error in this instance. Order it again; if that happens again, hand a token over by hand as the documentation describes.') };
    },

    /** Nothing was sent because of a refusal. */
    _notBegun: function (refusal) {
        return { done: false, note: this._gone(this._say('The set-up was not begun.'), refusal) };
    },

    _gone: function (sentence, refusal) {
        return this._join([
            sentence,
            this._reason(refusal),
            this._say('What was typed is gone: order the set-up again after that.')
        ]);
    },

    _reason: function (refusal) {
        // The sentence of this code speaks of the settings form.
        return refusal.code === 'settings-changed' ? this._say('Other administrators keep changing the settings of Rescue Connector.')
            : this.sentences.of(refusal);
    },

    _say: function (sentence, values) {
        return this.sentences.say(sentence, values);
    },

    /** Sentences as one text, without those that are empty. */
    _join: function (sentences) {
        return sentences.filter(function (sentence) {
            return sentence;
        }).join(' ');
    },

    /** A text of the connector, which may lack its full stop. */
    _sentence: function (value) {
        return this._text(value).replace(/([^.!?])$/, '$1.');
    },

    _text: function (value) {
        return typeof value === 'string' ? value : '';
    },

    _trim: function (value) {
        return String(value || '').replace(/^\s+|\s+$/g, '');
    },

    type: 'RescueTokenSetup'
};

/**
 * Gets a refresh token for the service account from this instance and hands it to the connector.
 *
 * The masked variables are blanked before a request is sent, so that they are gone also after a failure.
 */
var RescueTokenSetup = Class.create();

RescueTokenSetup.SECRETS = ['client_secret', 'service_password'];
RescueTokenSetup.CLOSED_COMPLETE = '3';
RescueTokenSetup.CLOSED_INCOMPLETE = '4';

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
                outcome = gs.hasRole('x_rescue_conn.admin') ? this._handOver(item, typed)
                    : { done: false, note: this._say('Only users with the role x_rescue_conn.admin may do this. Nothing was sent.') };
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
            registry: String(variables.registry || ''),
            clientId: this._trim(variables.client_id),
            clientSecret: String(variables.client_secret.getDecryptedValue() || ''),
            userName: this._trim(variables.service_account),
            password: String(variables.service_password.getDecryptedValue() || '')
        };
    },

    _handOver: function (item, typed) {
        var client = this._client(typed);
        if (!client.id || !client.secret || !typed.userName || !typed.password) {
            return { done: false, note: this._say('Something is missing: the Application Registry record or the client id, the client secret, and user name and password of the service account are all needed. Order the set-up again.') };
        }
        var granted = this._grant(client, typed);
        if (!granted.token) {
            return { done: false, note: granted.note };
        }
        var body = {
            refresh_token: granted.token,
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
            return {
                done: true,
                writtenByConnector: true,
                note: this._say('Rescue Connector has the refresh token and has proved that it works. It is valid until {0} and renewed before.', [answer.body.expires_at])
            };
        }
        var isUnknown = answer.code === 'unreachable' || answer.code === 'gateway-failed';
        return {
            done: false,
            writtenByConnector: answer.code === 'token-refused',
            note: [
                this._say(isUnknown ? 'It is not known whether the refresh token was stored.'
                    : 'The refresh token was not stored.'),
                this.sentences.of(answer),
                this._say('What was typed is gone: order the set-up again after that.')
            ].join(' ')
        };
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

    /** A refresh token by the password grant, from this instance's own token endpoint. */
    _grant: function (client, typed) {
        var instance = this._trim(gs.getProperty('glide.servlet.uri', '')).replace(/\/+$/, '');
        if (!/^https?:\/\/[^\/?#@\s]+$/.test(instance)) {
            return { note: this._say('This instance does not know its own URL: the property glide.servlet.uri has to be set. Order the set-up again after that.') };
        }
        var form = this._form({
            grant_type: 'password',
            client_id: client.id,
            client_secret: client.secret,
            username: typed.userName,
            password: typed.password
        });
        var url = instance + '/oauth_token.do';
        var answer = this.connection.send(url, 'application/x-www-form-urlencoded', form, { Accept: 'application/json' });
        var body = this.connection.parse(answer.body) || {};
        if (answer.status === 200 && typeof body.refresh_token === 'string' && body.refresh_token) {
            return { token: body.refresh_token };
        }
        if (answer.status === 0) {
            return { note: this._say('This instance could not reach its own token endpoint, {0}. Nothing was sent to Rescue Connector. Order the set-up again.', [url]) };
        }
        if (answer.status === 200 && typeof body.access_token === 'string') {
            return { note: this._say('This instance gives no refresh token for that client. It has to be an OAuth API endpoint for external clients that allows the password grant and refresh tokens.') };
        }
        // The OAuth error code is not personal; error_description may be.
        var error = /^[a-z_]{1,40}$/.test(body.error || '') ? body.error : '-';
        return { note: this._say('This instance refuses a token (HTTP status {0}, {1}). It gives the same answer to nearly every cause: a wrong client id or secret, a wrong user name or password, a user who is locked out or has to change the password, a client that is not active. Correct it and order the set-up again.', [answer.status, error]) };
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

    _say: function (sentence, values) {
        return this.sentences.say(sentence, values);
    },

    _trim: function (value) {
        return String(value || '').replace(/^\s+|\s+$/g, '');
    },

    type: 'RescueTokenSetup'
};

/**
 * The settings form: one record that shows the connector's settings of this instance's tenant.
 *
 * Opening the form reads from the connector, and saving writes through: a save that the connector refuses changes nothing
 * here either. Secrets and the set-up link pass through and are not stored.
 */
var RescueSettings = Class.create();

/** Columns that only this instance needs. */
RescueSettings.OWN = ['show_button', 'debug', 'test_technician'];

RescueSettings.prototype = {
    initialize: function () {
        this.connection = new RescueConnection();
        this.fields = new RescueSettingFields();
        this.sentences = new RescueSentences();
        this.checks = new RescueChecks();
        /** The webhook keys as they were read last. */
        this.keys = [];
    },

    /**
     * Shows the connector's present settings on a form that opens. Never throws: the form opens in any case.
     *
     * @param {GlideRecord} current the settings record
     * @param {Object} scratchpad g_scratchpad of the form
     */
    show: function (current, scratchpad) {
        try {
            if (this.connection.isConnected()) {
                var answer = this._read();
                if (answer.ok) {
                    // A save compares with what is in the database.
                    var row = this._stored(current);
                    this._put(row, answer.body);
                    this._store(row);
                    this._put(current, answer.body);
                    new RescueStatus().show(current);
                } else {
                    this._error('These are the settings as they were last read. {0}', [this.sentences.of(answer)]);
                }
            } else {
                this._info('Not connected yet. Paste the set-up link that you were given into "Set-up link" and press "Save and connect".', []);
            }
            scratchpad.version = String(current.getValue('version') || '');
        } catch (error) {
            this._failed();
        }
    },

    /**
     * Writes a save through to the connector, before it reaches the database. On a refusal the save is aborted, and the
     * refusal stands at its field.
     *
     * @param {GlideRecord} current the settings record as it is about to be saved
     */
    save: function (current) {
        var saved = false;
        try {
            saved = current.isNewRecord() ? this._refuseInsert(current) : this._save(current);
        } catch (error) {
            this._failed();
        }
        if (!saved) {
            current.setAbortAction(true);
        }
    },

    /**
     * Saves what was typed into the form, for a button that does something else.
     *
     * @returns {boolean} whether the button may go on
     */
    saves: function (current) {
        current.update();
        return !current.isActionAborted();
    },

    /**
     * Makes new webhook URLs beside the present ones.
     *
     * @param {GlideRecord} current the settings record
     */
    renewWebhookUrls: function (current) {
        this._act(function () {
            var answer = this.connection.call({ method: 'POST', route: 'webhook-keys', body: {} });
            if (!answer.ok) {
                return this._refuse(current, answer);
            }
            var row = this._stored(current);
            this._putUrls(row, answer.body.webhook_urls, answer.body.id);
            this._refresh(row);
            this._store(row);
            this._showUrls(row);
            this._info('Set them in Rescue, for each technician group. Then press "Retire old webhook URLs": until then both work.', []);
            return true;
        });
    },

    /**
     * Ends all webhook URLs that are older than the ones of this instance.
     *
     * @param {GlideRecord} current the settings record
     */
    retireWebhookUrls: function (current) {
        this._act(function () {
            var row = this._stored(current);
            var answer = this._read();
            if (!answer.ok) {
                return this._refuse(current, answer);
            }
            var keys = answer.body.webhook_keys;
            var own = this._keyWith(keys, row.getValue('webhook_key_id'));
            // Rescue may post to the newest ones, which the operator has made.
            if (!own || own !== this._newest(keys)) {
                this._error('The newest webhook URLs were not made here, so nothing was retired. Press "New webhook URLs", set them in Rescue, and retire the others then.', []);
                return false;
            }
            for (var i = 0; answer.ok && i < keys.length; i++) {
                if (keys[i] !== own) {
                    answer = this.connection.call({ method: 'DELETE', route: 'webhook-keys', item: keys[i].id });
                }
            }
            if (!answer.ok) {
                return this._refuse(current, answer);
            }
            this._refresh(row);
            this._store(row);
            this._info(keys.length > 1 ? 'Only the newest webhook URLs work from now on.'
                : 'There are no older webhook URLs.', []);
            return true;
        });
    },

    /**
     * Shows the webhook URLs that this instance knows.
     *
     * @param {GlideRecord} current the settings record
     */
    showWebhookUrls: function (current) {
        this._act(function () {
            this._showUrls(this._stored(current));
            return true;
        });
    },

    /**
     * Puts the connector's present settings into a record. The caller saves it.
     *
     * @param {GlideRecord} record the settings record
     * @returns {Object} the connector's answer, as of RescueConnection.call
     */
    readInto: function (record) {
        var answer = this._read();
        if (answer.ok) {
            this._put(record, answer.body);
        }
        return answer;
    },

    /** The app brings its one record along. */
    _refuseInsert: function (current) {
        current.setValue('setup_link', '');
        this._typed(current);
        this._error('There is one settings record only: open it in Rescue Connector > Settings.', []);
        return false;
    },

    /** Whether the save may go on. */
    _save: function (current) {
        // A link may be copied with quotation marks, line breaks or a full stop.
        var link = String(current.getValue('setup_link') || '').replace(/[^!-~]|["'<>]/g, '').replace(/[.,;]+$/, '');
        var version = this.fields.trim(current.getValue('read_version'));
        current.setValue('setup_link', '');
        current.setValue('read_version', '');
        var stored = this._stored(current);
        var change = this._change(stored, current);
        var secrets = this._typed(current);
        if (change.refused) {
            return this._aborted(current, stored, secrets.length);
        }
        if (link) {
            if (!this._connect(current, stored, link)) {
                return this._aborted(current, stored, secrets.length);
            }
            version = stored.getValue('version');
        }
        if (!change.pointers.length && !secrets.length) {
            return true;
        }
        var refusal = !this.connection.isConnected() ? { code: 'not-connected' }
            : change.pointers.length && !version ? { code: 'not-on-the-form' } : null;
        if (refusal) {
            this._refuse(current, refusal);
            return this._aborted(current, stored, secrets.length);
        }
        return this._send(current, stored, change, version, secrets, Boolean(link));
    },

    /** Sends settings and secrets, and puts the connector's answer into the record. */
    _send: function (current, stored, change, version, secrets, connected) {
        var answer = change.pointers.length ? this.connection.call({
            method: 'PATCH',
            route: 'settings',
            body: change.patch,
            headers: { 'If-Match': '"' + version + '"' }
        }) : { ok: true };
        var refused = [];
        if (answer.ok) {
            refused = this._sendSecrets(current, secrets);
        } else {
            this._refuse(current, answer);
            if (connected) {
                this._info('The instance is connected, and the set-up link is used up. Correct what is named, and save again without it.', []);
            }
        }
        if (answer.ok && !refused.length) {
            this._refresh(current);
            this._info('Saved. A change counts within a minute.', []);
            return true;
        }
        // What was written before the refusal, and what another administrator has changed.
        if (answer.code !== 'unreachable' && answer.code !== 'outbound-logged') {
            this._refresh(stored);
        }
        if (answer.ok && (change.pointers.length || refused.length < secrets.length)) {
            this._info('Everything else was saved.', []);
        }
        return this._aborted(current, stored, answer.ok ? 0 : secrets.length);
    },

    /** Aborts a save. Columns that only this instance needs are kept all the same. */
    _aborted: function (current, stored, unsent) {
        for (var i = 0; i < RescueSettings.OWN.length; i++) {
            stored.setValue(RescueSettings.OWN[i], current.getValue(RescueSettings.OWN[i]));
        }
        this._store(stored);
        if (unsent) {
            this._info('No secret was sent. Type the secrets again when you save the next time.', []);
        }
        return false;
    },

    /** Exchanges the code of a set-up link for an API key and the webhook URLs, and stores them in the database. */
    _connect: function (current, stored, link) {
        var parts = /^(.+?)\/*#([a-z0-9-]{2,40})\.([A-Za-z0-9_-]{43})$/.exec(link);
        var url = parts ? this.connection.validUrl(parts[1]) : '';
        if (!url) {
            return this._refuseAt(current, 'setup_link', this.sentences.say('This is not a whole set-up link. It looks like https://…/#acme.…, and its last part has 43 characters. Copy it once, as a whole.'));
        }
        var instance = this.connection.ownUrl();
        if (!instance) {
            return this._refuseAt(current, 'setup_link', this.sentences.say('This instance does not know its own URL: the property glide.servlet.uri has to be set.'));
        }
        var answer = this.connection.enrol(url, parts[2], parts[3], instance);
        if (!answer.ok) {
            return this._refuseAt(current, 'setup_link', this._whyNotConnected(answer, instance));
        }
        var before = stored.getValue('tenant');
        stored.setValue('connector_url', url);
        stored.setValue('tenant', parts[2]);
        stored.setValue('connected_instance', instance);
        stored.setValue('connected_name', this.connection.ownName());
        stored.getElement('api_key').setDisplayValue(answer.body.api_key);
        this._putUrls(stored, answer.body.webhook_urls, '');
        // The code is used up, so the key is stored before anything else can fail.
        if (!this._store(stored)) {
            return this._refuseAt(current, 'setup_link', this.sentences.say('The connection could not be stored in this instance. Ask the operator of Rescue Connector for a new set-up link.'));
        }
        this.connection.reload();
        this._info('Connected to {0} as tenant {1}.', [url, parts[2]]);
        if (before && before !== parts[2]) {
            this._info('This instance was connected as tenant {0} before. Rescue still posts to the webhook URLs of that tenant.', [before]);
        }
        this._showUrls(stored);
        if (before !== parts[2]) {
            this._info('Next: hand the token over in Rescue Connector > Token set-up. Then press "Test now".', []);
        }
        this._refresh(stored);
        stored.setValue('webhook_key_id', (this._newest(this.keys) || {}).id || '');
        this._store(stored);
        return true;
    },

    _whyNotConnected: function (answer, instance) {
        if (answer.code === 'unauthorized') {
            return this.sentences.say('This set-up link was used already, has ended, or was not copied as a whole. Ask the operator of Rescue Connector for a new one.');
        }
        if (answer.code === 'too-many-keys') {
            return this.sentences.say('This tenant is connected twice already. Ask the operator of Rescue Connector to retire the keys of a former connection, and paste this link again: it still works.');
        }
        if (answer.code === 'unreachable') {
            return this.sentences.say('Rescue Connector did not answer. Paste the link again; if it is refused then, it was used up, and the operator of Rescue Connector makes a new one.');
        }
        if (answer.code === 'instance-mismatch') {
            answer.values = [instance];
        }
        return this.sentences.of(answer);
    },

    /** The merge patch that leads from the stored settings to the ones on the form. */
    _change: function (stored, current) {
        var change = { patch: {}, pointers: [], refused: false };
        var settings = RescueSettingFields.SETTINGS;
        for (var i = 0; i < settings.length; i++) {
            var column = settings[i][0];
            var pointer = settings[i][1];
            var kind = settings[i][2];
            if (this.fields.isSame(kind, stored.getValue(column), current.getValue(column))) {
                continue;
            }
            var before = this.fields.valueOf(kind, stored.getValue(column));
            var after = this.fields.valueOf(kind, current.getValue(column));
            if (after.error) {
                change.refused = true;
                this._refuseAt(current, column, this.sentences.say(after.error));
            } else {
                this.fields.put(change.patch, pointer, this.fields.changeOf(kind, before.value, after.value));
                change.pointers.push(pointer);
            }
        }
        return change;
    },

    /** Takes the typed secrets from their columns, and empties these. */
    _typed: function (current) {
        var typed = [];
        var secrets = RescueSettingFields.SECRETS;
        for (var i = 0; i < secrets.length; i++) {
            var element = current.getElement(secrets[i][0]);
            var value = current.getValue(secrets[i][0]) ? String(element.getDecryptedValue() || '') : '';
            if (value) {
                typed.push({ column: secrets[i][0], name: secrets[i][1], value: value });
            }
            element.setDisplayValue('');
        }
        return typed;
    },

    /** Sends every secret. Returns those that were refused. */
    _sendSecrets: function (current, secrets) {
        var refused = [];
        for (var i = 0; i < secrets.length; i++) {
            var answer = this.connection.call({
                method: 'PUT',
                route: 'secrets',
                item: secrets[i].name,
                body: { value: secrets[i].value }
            });
            if (!answer.ok) {
                this._refuse(current, answer, secrets[i].column);
                refused.push(secrets[i].column);
            }
        }
        return refused;
    },

    /** The connector's present settings. */
    _read: function () {
        var answer = this.connection.call({ method: 'GET', route: 'settings' });
        var body = answer.body || {};
        var isSettings = typeof body.version === 'number' && body.settings && body.secrets && body.webhook_keys instanceof Array;
        return !answer.ok || isSettings ? answer : { ok: false, code: 'not-the-connector', values: ['200'] };
    },

    /** Puts the connector's present settings into a record, where the connector answers. */
    _refresh: function (record) {
        if (this.connection.isConnected()) {
            this.readInto(record);
        }
    },

    _put: function (record, body) {
        var settings = RescueSettingFields.SETTINGS;
        for (var i = 0; i < settings.length; i++) {
            record.setValue(settings[i][0], this.fields.textOf(settings[i][2], this.fields.at(body.settings, settings[i][1])));
        }
        var secrets = RescueSettingFields.SECRETS;
        for (var j = 0; j < secrets.length; j++) {
            var state = body.secrets[secrets[j][1]] || {};
            record.setValue(secrets[j][2], !state.set ? this.sentences.say('This secret is not set.')
                : state.changed_at ? this.sentences.say('This secret was set on {0}.', [this._date(state.changed_at)]) : this.sentences.say('This secret is set.'));
        }
        var keys = [];
        for (var k = 0; k < body.webhook_keys.length; k++) {
            keys.push(this.sentences.say('Key {0} was made on {1}.', [body.webhook_keys[k].id, this._date(body.webhook_keys[k].created_at)]));
        }
        this.keys = body.webhook_keys;
        record.setValue('webhook_keys', keys.join('\n'));
        // A connector of an earlier release names no tables.
        record.setValue('tenant_tables', body.tables instanceof Array ? JSON.stringify(body.tables) : '');
        record.setValue('managed_by', body.managed_by);
        record.setValue('version', String(body.version));
    },

    _putUrls: function (record, urls, id) {
        record.getElement('webhook_url_started').setDisplayValue(String((urls || {}).started || ''));
        record.getElement('webhook_url_ended').setDisplayValue(String((urls || {}).ended || ''));
        record.setValue('webhook_key_id', String(id || ''));
    },

    _keyWith: function (keys, id) {
        for (var i = 0; i < keys.length; i++) {
            if (keys[i].id === id) {
                return keys[i];
            }
        }
        return null;
    },

    _newest: function (keys) {
        var newest = null;
        for (var i = 0; keys && i < keys.length; i++) {
            newest = newest && newest.created_at > keys[i].created_at ? newest : keys[i];
        }
        return newest;
    },

    _showUrls: function (record) {
        var started = String(record.getElement('webhook_url_started').getDecryptedValue() || '');
        var ended = String(record.getElement('webhook_url_ended').getDecryptedValue() || '');
        if (!started) {
            this._info('This instance does not know the webhook URLs. Press "New webhook URLs" to get some.', []);
            return;
        }
        this._info('URL for the start of a session: {0}', [started]);
        this._info('URL for the end of a session: {0}', [ended]);
        this._info('Each holds a key. Treat them like a password.', []);
    },

    /** The record as it is in the database. */
    _stored: function (current) {
        var row = new GlideRecord(current.getTableName());
        row.get(current.getUniqueValue());
        return row;
    },

    /** Saves a record without the rule that writes through. */
    _store: function (row) {
        row.setWorkflow(false);
        return Boolean(row.update());
    },

    _date: function (timestamp) {
        return String(timestamp).slice(0, 10);
    },

    /** Shows a refusal at its fields, as far as it names any. */
    _refuse: function (current, answer, column) {
        var errors = answer.errors || [];
        for (var i = 0; i < errors.length; i++) {
            var named = this.fields.columnOf(errors[i].pointer) || column;
            var detail = this.checks.inWords(String(errors[i].detail));
            if (named) {
                this._refuseAt(current, named, detail);
            } else {
                this._error('{0}: {1}', [errors[i].pointer, detail]);
            }
        }
        if (!errors.length && column) {
            this._refuseAt(current, column, this.sentences.of(answer));
        } else if (!errors.length) {
            this._error('{0}', [this.sentences.of(answer)]);
        }
        return false;
    },

    /** Shows a sentence at a field, and on top of the form with the field's label. */
    _refuseAt: function (current, column, sentence) {
        var element = current.getElement(column);
        element.setError(sentence);
        this._error('Not saved. {0}: {1}', [element.getLabel(), sentence]);
        return false;
    },

    /** Carries out what a button asks for. */
    _act: function (act) {
        try {
            act.call(this);
        } catch (error) {
            this._failed();
        }
    },

    _info: function (sentence, values) {
        gs.addInfoMessage(this.sentences.html(sentence, values));
    },

    _error: function (sentence, values) {
        gs.addErrorMessage(this.sentences.html(sentence, values));
    },

    _failed: function () {
        // Without the error's message: it may quote a secret.
        gs.error('Rescue Connector: the settings form ended with an error');
        this._error('An error in this instance kept the form from doing this. Open it again; if that happens again, tell your administrator.', []);
    },

    type: 'RescueSettings'
};

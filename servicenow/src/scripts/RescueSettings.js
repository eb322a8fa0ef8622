/**
 * The settings form: one record that shows the connector's settings of this instance's tenant.
 *
 * Opening the form reads from the connector, and saving writes through: a save that the connector refuses changes nothing
 * here either. Secrets and the set-up link pass through and are not stored.
 */
var RescueSettings = Class.create();

RescueSettings.prototype = {
    initialize: function () {
        this.connection = new RescueConnection();
        this.fields = new RescueSettingFields();
        this.sentences = new RescueSentences();
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
            this._failed(error);
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
            saved = this._save(current);
        } catch (error) {
            this._failed(error);
        }
        if (!saved) {
            current.setAbortAction(true);
        }
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
            this._putUrls(row, answer.body.webhook_urls);
            this._refresh(row);
            this._store(row);
            this._showUrls(row);
            this._info('Set them in Rescue, for each technician group. Then press "Retire old webhook URLs": until then both work.', []);
            return true;
        });
    },

    /**
     * Ends all webhook URLs but the newest.
     *
     * @param {GlideRecord} current the settings record
     */
    retireWebhookUrls: function (current) {
        this._act(function () {
            var answer = this._read();
            var keys = answer.ok ? answer.body.webhook_keys.slice() : [];
            keys.sort(function (one, other) {
                return one.created_at < other.created_at ? -1 : 1;
            });
            for (var i = 0; answer.ok && i < keys.length - 1; i++) {
                answer = this.connection.call({ method: 'DELETE', route: 'webhook-keys', item: keys[i].id });
            }
            if (!answer.ok) {
                return this._refuse(current, answer);
            }
            var row = this._stored(current);
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

    /** Whether the save may go on. */
    _save: function (current) {
        var link = this.fields.trim(current.getValue('setup_link'));
        current.setValue('setup_link', '');
        if (link && !this._connect(current, link)) {
            return false;
        }
        var version = this.fields.trim(current.getValue('read_version'));
        current.setValue('read_version', '');
        var stored = this._stored(current);
        var change = this._change(stored, current);
        var secrets = this._typed(current);
        if (change.refused) {
            return false;
        }
        if (!change.pointers.length && !secrets.length && !link) {
            return true;
        }
        if (!this.connection.isConnected()) {
            return this._refuse(current, { code: 'not-connected' });
        }
        var saved = this._write(current, change, link ? '' : version || stored.getValue('version')) &&
            this._writeSecrets(current, secrets);
        if (!saved) {
            // What was written before the refusal, and what another administrator has changed.
            this._refresh(stored);
            this._store(stored);
            return false;
        }
        this._refresh(current);
        return true;
    },

    /** Exchanges the code of a set-up link for an API key and the webhook URLs. */
    _connect: function (current, link) {
        var parts = /^(.+?)\/*#([a-z0-9-]{2,40})\.([A-Za-z0-9_-]{43})$/.exec(link);
        var url = parts ? this.connection.validUrl(parts[1]) : '';
        if (!url) {
            return this._refuseAt(current, 'setup_link', this.sentences.say('This is not a set-up link. It begins with https:// and is one line: copy it as a whole.'));
        }
        var instance = this.connection.ownUrl();
        if (!instance) {
            return this._refuseAt(current, 'setup_link', this.sentences.say('This instance does not know its own URL: the property glide.servlet.uri has to be set.'));
        }
        var answer = this.connection.enrol(url, parts[2], parts[3], instance);
        if (!answer.ok) {
            return this._refuseAt(current, 'setup_link', this.sentences.of(answer));
        }
        current.setValue('connector_url', url);
        current.setValue('tenant', parts[2]);
        current.setValue('connected_instance', instance);
        current.getElement('api_key').setDisplayValue(answer.body.api_key);
        this._putUrls(current, answer.body.webhook_urls);
        // The code is used up. The key has to be there also when the rest of this save is refused.
        var row = this._stored(current);
        row.setValue('connector_url', url);
        row.setValue('tenant', parts[2]);
        row.setValue('connected_instance', instance);
        row.getElement('api_key').setDisplayValue(answer.body.api_key);
        this._putUrls(row, answer.body.webhook_urls);
        this._store(row);
        this.connection.reload();
        this._info('Connected to {0} as tenant {1}.', [url, parts[2]]);
        this._showUrls(row);
        return true;
    },

    /** The merge patch that leads from the stored settings to the ones on the form. */
    _change: function (stored, current) {
        var change = { patch: {}, pointers: [], refused: false };
        var settings = RescueSettingFields.SETTINGS;
        for (var i = 0; i < settings.length; i++) {
            var column = settings[i][0];
            var pointer = settings[i][1];
            var kind = settings[i][2];
            var before = this.fields.valueOf(kind, stored.getValue(column));
            var after = this.fields.valueOf(kind, current.getValue(column));
            if (after.error) {
                change.refused = true;
                this._refuseAt(current, column, this.sentences.say(after.error));
            } else if (JSON.stringify(before) !== JSON.stringify(after)) {
                this.fields.put(change.patch, pointer, kind === 'map' ? this.fields.mapChange(before.value, after.value) : after.value);
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

    _write: function (current, change, version) {
        if (!change.pointers.length) {
            return true;
        }
        if (!version) {
            var read = this._read();
            if (!read.ok) {
                return this._refuse(current, read);
            }
            version = String(read.body.version);
        }
        var answer = this.connection.call({
            method: 'PATCH',
            route: 'settings',
            body: change.patch,
            headers: { 'If-Match': '"' + version + '"' }
        });
        return answer.ok || this._refuse(current, answer);
    },

    _writeSecrets: function (current, secrets) {
        for (var i = 0; i < secrets.length; i++) {
            var answer = this.connection.call({
                method: 'PUT',
                route: 'secrets',
                item: secrets[i].name,
                body: { value: secrets[i].value }
            });
            if (!answer.ok) {
                return this._refuse(current, answer, secrets[i].column);
            }
        }
        return true;
    },

    _read: function () {
        return this.connection.call({ method: 'GET', route: 'settings' });
    },

    /** Puts the connector's present settings into a record, where the connector answers. */
    _refresh: function (record) {
        var answer = this.connection.isConnected() ? this._read() : { ok: false };
        if (answer.ok) {
            this._put(record, answer.body);
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
        record.setValue('webhook_keys', keys.join('\n'));
        record.setValue('managed_by', body.managed_by);
        record.setValue('version', String(body.version));
    },

    _putUrls: function (record, urls) {
        record.getElement('webhook_url_started').setDisplayValue(urls.started);
        record.getElement('webhook_url_ended').setDisplayValue(urls.ended);
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
        row.update();
    },

    _date: function (timestamp) {
        return String(timestamp).slice(0, 10);
    },

    /** Shows a refusal at its fields, as far as it names any. */
    _refuse: function (current, answer, column) {
        var errors = answer.errors || [];
        for (var i = 0; i < errors.length; i++) {
            var named = this.fields.columnOf(errors[i].pointer) || column;
            if (named) {
                this._refuseAt(current, named, errors[i].detail);
            } else {
                this._error('{0}: {1}', [errors[i].pointer, errors[i].detail]);
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
            this._failed(error);
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

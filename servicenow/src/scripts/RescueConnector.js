/**
 * The actions of the PIN buttons.
 */
var RescueConnector = Class.create();

RescueConnector.prototype = {
    initialize: function () {
        this.connection = new RescueConnection();
        this.pinRequests = new RescuePinRequests();
        this.pins = new RescuePins();
        this.recordTypes = new RescueRecordTypes(this.connection);
        this.sentences = new RescueSentences();
    },

    /**
     * Whether a record's form has the buttons. Never throws: an error in a condition would break the form.
     *
     * @param {GlideRecord} record
     */
    showsButton: function (record) {
        try {
            if (!this.connection.isEnabled() || !record.isValid() || record.isNewRecord()) {
                return false;
            }
            var type = this.recordTypes.of(record);
            return Boolean(type) && (this.connection.showsOnClosedRecords() || this.recordTypes.isOpen(record, type));
        } catch (error) {
            this._logError(error);
            return false;
        }
    },

    /**
     * Gets a PIN for the record and shows it, or shows what to do instead.
     *
     * @param {GlideRecord} record as it stands on the form
     * @param {boolean} wantsNewPin whether another PIN than the last one is wanted
     */
    press: function (record, wantsNewPin) {
        try {
            this._show(record, this._generate(record, wantsNewPin));
        } catch (error) {
            this._logError(error);
            this._refuse({ code: 'failed' });
        }
    },

    _generate: function (record, wantsNewPin) {
        var technician = String(gs.getUser().getEmail() || '');
        if (!technician) {
            return { ok: false, code: 'no-technician-email' };
        }
        var type = this.recordTypes.of(record);
        if (!type) {
            return { ok: false, code: 'no-record-type' };
        }
        // The redirect after the action drops unsaved input.
        if (record.canWrite() && !record.update()) {
            return { ok: false, code: 'record-not-saved' };
        }
        var sysId = record.getUniqueValue();
        var body = {
            technician: { email: technician },
            // The connector knows a record of a table that extends this one by this one's name.
            record: { table: type.name, sys_id: sysId, number: record.getValue('number') },
            customer: this._customer(record, type)
        };
        var answer = this._post(sysId, wantsNewPin, body);
        // The record's caller or the settings changed since the PIN was made: the agent needs a PIN for the present values.
        if (answer.code === 'idempotency-key-reused') {
            answer = this._post(sysId, true, body);
        }
        if (answer.ok) {
            this.pins.store(record, type);
        }
        return answer;
    },

    _post: function (sysId, wantsNewPin, body) {
        var key = this.pinRequests.idempotencyKey(sysId, wantsNewPin);
        if (!key) {
            return { ok: false, code: 'pin-request-not-stored' };
        }
        var answer = this.connection.post('pincodes', body, key);
        if (answer.ok && !/^\d{6}$/.test(answer.body.pin)) {
            return { ok: false, code: 'not-the-connector', values: ['201'] };
        }
        if (answer.ok && wantsNewPin) {
            this.pinRequests.storeNewPinReceived(sysId);
        }
        return answer;
    },

    /** Name and e-mail address of the record's customer. The connector looks up missing ones. */
    _customer: function (record, type) {
        var paths = this.recordTypes.persons(type);
        for (var i = 0; i < paths.length; i++) {
            var names = paths[i].split('.');
            var field = names.pop();
            var row = this._follow(record, names);
            if (row && this._refers(row, field)) {
                return this._person(row, field);
            }
        }
        return {};
    },

    /** The record that references lead to, or null where one of them is empty. */
    _follow: function (record, fields) {
        var row = record;
        for (var i = 0; i < fields.length; i++) {
            if (!this._refers(row, fields[i])) {
                return null;
            }
            row = row.getElement(fields[i]).getRefRecord();
        }
        return row;
    },

    /** Whether a column of a record is there and not empty. */
    _refers: function (row, field) {
        return Boolean(row && row.isValidRecord() && row.isValidField(field) && row.getValue(field));
    },

    _person: function (record, field) {
        var person = {};
        var name = record.getDisplayValue(field);
        if (name) {
            person.name = String(name);
        }
        var row = record.getElement(field).getRefRecord();
        var email = row && row.isValidRecord() && row.isValidField('email') ? row.getValue('email') : '';
        if (email) {
            person.email = String(email);
        }
        return person;
    },

    _show: function (record, answer) {
        if (!answer.ok) {
            this._refuse(answer);
            return;
        }
        var pin = answer.body;
        this._info('Rescue PIN {0} for {1}. Link for the customer: {2}',
            [pin.pin, record.getValue('number'), pin.link || '-']);
        if (answer.replayed) {
            this._info('This is the PIN from before, and nothing was e-mailed again. If it was used already, press "New Rescue PIN".');
        }
        var outcomes = pin.notifications instanceof Array ? pin.notifications : [];
        for (var i = 0; i < outcomes.length; i++) {
            this._showOutcome(outcomes[i] || {}, answer.replayed);
        }
        if (pin.note && pin.note.status === 'failed') {
            this._error('The work note about the PIN could not be written.', []);
        }
    },

    _showOutcome: function (outcome, replayed) {
        var toCustomer = outcome.to === 'customer';
        if (outcome.status === 'sent') {
            if (!replayed) {
                this._info(toCustomer ? 'The link was e-mailed to the customer.' : 'The PIN was e-mailed to you.');
            }
        } else if (outcome.status === 'failed') {
            this._error(toCustomer
                ? 'The link could not be e-mailed to the customer: tell them the PIN yourself. {0}'
                : 'The PIN could not be e-mailed to you. {0}', [outcome.detail || '']);
        } else {
            this._info(toCustomer
                ? 'It is not known whether the link was e-mailed to the customer: ask them, or tell them the PIN.'
                : 'It is not known whether the PIN was e-mailed to you.');
        }
    },

    _refuse: function (refusal) {
        gs.addErrorMessage(this.sentences.escape(this.sentences.of(refusal)));
    },

    _info: function (sentence, values) {
        gs.addInfoMessage(this.sentences.html(sentence, values));
    },

    _error: function (sentence, values) {
        gs.addErrorMessage(this.sentences.html(sentence, values));
    },

    _logError: function (error) {
        gs.error('Rescue Connector: ' + (error && error.message ? error.message : 'error'));
    },

    type: 'RescueConnector'
};

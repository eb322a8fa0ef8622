/**
 * The actions of the PIN buttons.
 */
var RescueConnector = Class.create();

/** The states of closed records, the same as in the connector. */
RescueConnector.CLOSED = {
    incident: ['6', '7', '8'],
    sn_customerservice_case: ['3', '6', '7']
};

RescueConnector.prototype = {
    initialize: function () {
        this.connection = new RescueConnection();
        this.pinRequests = new RescuePinRequests();
        this.sentences = new RescueSentences();
    },

    /**
     * Whether a record's form has the buttons. Never throws: an error in a condition would break the form.
     *
     * @param {GlideRecord} record
     * @param {string} table the button's
     */
    showsButton: function (record, table) {
        try {
            if (!this.connection.isEnabled() || !record.isValid() || record.isNewRecord()) {
                return false;
            }
            return this.connection.showsOnClosedRecords() || this._isOpen(record, table);
        } catch (error) {
            this._logError(error);
            return false;
        }
    },

    /**
     * Gets a PIN for the record and shows it, or shows what to do instead.
     *
     * @param {GlideRecord} record as it stands on the form
     * @param {string} table the button's table; it also names records of tables that extend it
     * @param {boolean} wantsNewPin whether another PIN than the last one is wanted
     */
    press: function (record, table, wantsNewPin) {
        try {
            this._show(record, this._generate(record, table, wantsNewPin));
        } catch (error) {
            this._logError(error);
            this._refuse({ code: 'failed' });
        }
    },

    _generate: function (record, table, wantsNewPin) {
        var technician = String(gs.getUser().getEmail() || '');
        if (!technician) {
            return { ok: false, code: 'no-technician-email' };
        }
        // The redirect after the action drops unsaved input.
        if (record.canWrite() && !record.update()) {
            return { ok: false, code: 'record-not-saved' };
        }
        var sysId = record.getUniqueValue();
        var body = {
            technician: { email: technician },
            record: { table: table, sys_id: sysId, number: record.getValue('number') },
            customer: this._customer(record, table)
        };
        var answer = this._post(sysId, wantsNewPin, body);
        // The record's caller or the settings changed since the PIN was made: the agent needs a PIN for the present values.
        if (answer.code === 'idempotency-key-reused') {
            answer = this._post(sysId, true, body);
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
    _customer: function (record, table) {
        var fields = table === 'incident' ? ['caller_id'] : ['contact', 'consumer'];
        for (var i = 0; i < fields.length; i++) {
            if (record.isValidField(fields[i]) && record.getValue(fields[i])) {
                return this._person(record, fields[i]);
            }
        }
        return {};
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

    _isOpen: function (record, table) {
        var isInactive = record.isValidField('active') && record.getValue('active') !== '1' &&
            record.getValue('active') !== 'true';
        return !isInactive && RescueConnector.CLOSED[table].indexOf(String(record.getValue('state'))) < 0;
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

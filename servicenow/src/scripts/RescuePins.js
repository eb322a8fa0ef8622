/**
 * Remembers for which records PINs were generated, and which session used one. The PIN itself is not stored.
 */
var RescuePins = Class.create();

RescuePins.TABLE = 'x_rescue_conn_pin';
/** A report can compare a quarter with the same one of the year before. */
RescuePins.ROWS_KEPT_DAYS = 400;

RescuePins.prototype = {
    initialize: function () {},

    /**
     * Stores that the user has got a PIN. Nothing is stored for a PIN that is stored already. Never throws: the user gets
     * the PIN in any case.
     *
     * @param {GlideRecord} record
     * @param {Object} type as of RescueRecordTypes.of
     */
    store: function (record, type) {
        try {
            this._store(type.name === 'interaction' ? 'interaction' : 'record', record.getUniqueValue());
        } catch (error) {
            gs.error('Rescue Connector: a PIN could not be stored for reports');
        }
    },

    /**
     * Stores the session that a PIN has led to: the newest PIN of its record that has none. A row of a session is written
     * more than once; it gets one PIN. Never throws: the row is written in any case.
     *
     * @param {GlideRecord} session
     */
    storeSession: function (session) {
        try {
            this._storeSession(session, session.getValue('record') ? 'record' : 'interaction');
        } catch (error) {
            gs.error('Rescue Connector: the session of a PIN could not be stored for reports');
        }
    },

    deleteOld: function () {
        var old = new GlideRecord(RescuePins.TABLE);
        var before = new GlideDateTime();
        before.addDaysUTC(-RescuePins.ROWS_KEPT_DAYS);
        old.addQuery('requested_at', '<', before);
        old.deleteMultiple();
    },

    _store: function (column, sysId) {
        var pin = new GlideRecord(RescuePins.TABLE);
        pin.addQuery(column, sysId);
        pin.addQuery('requested_by', gs.getUserID());
        // A press within ten minutes gets the PIN of the first one, and so does one whose answer was lost.
        pin.addQuery('requested_at', '>=', new RescuePinRequests().requestedAt(sysId));
        pin.query();
        if (pin.next()) {
            return;
        }
        pin.initialize();
        pin.setValue(column, sysId);
        pin.setValue('requested_by', gs.getUserID());
        pin.setValue('requested_at', new GlideDateTime());
        pin.insert();
    },

    _storeSession: function (session, column) {
        var sysId = session.getValue(column);
        var pin = new GlideRecord(RescuePins.TABLE);
        if (!sysId || pin.get('session', session.getUniqueValue())) {
            return;
        }
        pin = new GlideRecord(RescuePins.TABLE);
        pin.addQuery(column, sysId);
        pin.addNullQuery('session');
        pin.orderByDesc('requested_at');
        pin.setLimit(1);
        pin.query();
        if (pin.next()) {
            pin.setValue('session', session.getUniqueValue());
            pin.update();
        }
    },

    type: 'RescuePins'
};

/**
 * Decides which presses of a PIN button get the same PIN.
 *
 * The connector gives the same PIN for the same Idempotency-Key for ten minutes. The key is record, user and request
 * number. "New Rescue PIN" begins a new request, and so does a press more than ten minutes after the request's first
 * one. x_rescue_conn_pin_request has one row per record and user, with the number of the last request. It is a counter:
 * two presses that begin the next request at the same moment get the same number without a lock.
 */
var RescuePinRequests = Class.create();

RescuePinRequests.TABLE = 'x_rescue_conn_pin_request';
/** As long as the connector keeps an Idempotency-Key. */
RescuePinRequests.KEY_LIFETIME_MS = 10 * 60 * 1000;
/** A user session's requests run one after the other: the second press of a double click follows the first answer. */
RescuePinRequests.DOUBLE_CLICK_MS = 5 * 1000;
RescuePinRequests.ROWS_KEPT_DAYS = 1;

RescuePinRequests.prototype = {
    initialize: function () {},

    /**
     * The Idempotency-Key of this press.
     *
     * @param {string} sysId of the record
     * @param {boolean} wantsNewPin whether "New Rescue PIN" was pressed
     * @returns {string} the key, or '' when the row cannot be stored
     */
    idempotencyKey: function (sysId, wantsNewPin) {
        var row = this._row(sysId);
        if (!row) {
            return '';
        }
        var isDoubleClick = wantsNewPin &&
            this._millisecondsSince(row, 'new_pin_received_at') < RescuePinRequests.DOUBLE_CLICK_MS;
        var isKeyExpired = this._millisecondsSince(row, 'requested_at') >= RescuePinRequests.KEY_LIFETIME_MS;
        if (isKeyExpired || (wantsNewPin && !isDoubleClick)) {
            row.setValue('request_number', this._requestNumber(row) + 1);
            row.setValue('requested_at', new GlideDateTime());
            if (!row.update()) {
                return '';
            }
        }
        return 'sn-' + row.getValue('record_and_user') + '-' + this._requestNumber(row);
    },

    /** Stores when "New Rescue PIN" got its answer, so that the second press of a double click gets the same PIN. */
    storeNewPinReceived: function (sysId) {
        var row = this._row(sysId);
        if (row) {
            row.setValue('new_pin_received_at', new GlideDateTime());
            row.update();
        }
    },

    /** When the PIN of the last press was requested first, as a column holds it. */
    requestedAt: function (sysId) {
        return String(this._row(sysId).getValue('requested_at'));
    },

    deleteOld: function () {
        var old = new GlideRecord(RescuePinRequests.TABLE);
        var before = new GlideDateTime();
        before.addDaysUTC(-RescuePinRequests.ROWS_KEPT_DAYS);
        old.addQuery('sys_updated_on', '<', before);
        old.deleteMultiple();
    },

    _row: function (sysId) {
        var recordAndUser = sysId + '-' + gs.getUserID();
        var row = new GlideRecord(RescuePinRequests.TABLE);
        if (row.get('record_and_user', recordAndUser)) {
            return row;
        }
        row.initialize();
        row.setValue('record_and_user', recordAndUser);
        row.setValue('request_number', 1);
        row.setValue('requested_at', new GlideDateTime());
        if (row.insert()) {
            return row;
        }
        // A second window of the same user has inserted the row.
        row = new GlideRecord(RescuePinRequests.TABLE);
        return row.get('record_and_user', recordAndUser) ? row : null;
    },

    _requestNumber: function (row) {
        return parseInt(row.getValue('request_number'), 10) || 0;
    },

    /** Infinity for an empty column. */
    _millisecondsSince: function (row, column) {
        var value = row.getValue(column);
        return value ? new GlideDateTime().getNumericValue() - new GlideDateTime(value).getNumericValue() : Infinity;
    },

    type: 'RescuePinRequests'
};

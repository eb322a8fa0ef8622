/**
 * Decides which presses of a PIN button get the same PIN.
 *
 * The connector gives the same PIN for the same Idempotency-Key for ten minutes. The key is record, user and turn;
 * "New Rescue PIN" begins a new turn, and so does a press more than ten minutes after the turn's first one. The turn is
 * kept in x_rescue_conn_press, one row per record and user. It is a counter: two presses that begin the next turn at
 * the same moment get the same value without a lock.
 */
var RescuePresses = Class.create();

RescuePresses.TABLE = 'x_rescue_conn_press';
/** As long as the connector keeps an Idempotency-Key. */
RescuePresses.TURN_MS = 10 * 60 * 1000;
/** A user session's requests run one after the other: the second press of a double click follows the first answer. */
RescuePresses.DOUBLE_CLICK_MS = 5 * 1000;
/** Older rows are deleted. */
RescuePresses.FORGET_DAYS = 1;

RescuePresses.prototype = {
    initialize: function () {},

    /**
     * The Idempotency-Key of this press.
     *
     * @param {string} sysId of the record
     * @param {boolean} fresh whether another PIN is wanted
     * @returns {string} the key, or '' when the row cannot be stored
     */
    key: function (sysId, fresh) {
        var row = this._row(sysId);
        if (!row) {
            return '';
        }
        var isDoubleClick = fresh && this._age(row, 'renewed') < RescuePresses.DOUBLE_CLICK_MS;
        var isOver = this._age(row, 'since') >= RescuePresses.TURN_MS;
        if (isOver || (fresh && !isDoubleClick)) {
            row.setValue('turn', this._turn(row) + 1);
            row.setValue('since', new GlideDateTime());
            if (!row.update()) {
                return '';
            }
        }
        return 'sn-' + row.getValue('press') + '-' + this._turn(row);
    },

    /** Stores when "New Rescue PIN" got its answer, so that the second press of a double click gets the same PIN. */
    renewed: function (sysId) {
        var row = this._row(sysId);
        if (row) {
            row.setValue('renewed', new GlideDateTime());
            row.update();
        }
    },

    /** Deletes old rows. */
    forget: function () {
        var old = new GlideRecord(RescuePresses.TABLE);
        var before = new GlideDateTime();
        before.addDaysUTC(-RescuePresses.FORGET_DAYS);
        old.addQuery('sys_updated_on', '<', before);
        old.deleteMultiple();
    },

    _row: function (sysId) {
        var press = sysId + '-' + gs.getUserID();
        var row = new GlideRecord(RescuePresses.TABLE);
        if (row.get('press', press)) {
            return row;
        }
        row.initialize();
        row.setValue('press', press);
        row.setValue('turn', 1);
        row.setValue('since', new GlideDateTime());
        if (row.insert()) {
            return row;
        }
        // A second window of the same user has inserted the row.
        row = new GlideRecord(RescuePresses.TABLE);
        return row.get('press', press) ? row : null;
    },

    _turn: function (row) {
        return parseInt(row.getValue('turn'), 10) || 0;
    },

    /** Milliseconds since the time in a column; Infinity without a time. */
    _age: function (row, column) {
        var value = row.getValue(column);
        return value ? new GlideDateTime().getNumericValue() - new GlideDateTime(value).getNumericValue() : Infinity;
    },

    type: 'RescuePresses'
};
